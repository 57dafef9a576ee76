"""View models of the pages about a person's own record: from a disclosure to what a template prints. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from cookiegate.policy.locales import country_name, language_name
from cookiegate.policy.signals import SIGNAL_NAMES
from cookiegate.rights.disclosure.disclosure import Disclosure
from cookiegate.rights.events.search import Overview
from cookiegate.web.notice_view import Context, Notice, frame, transmissions_view
from cookiegate.web.wording import date_text, moment_text, texts_in

Flash = Literal["restricted", "lifted", "held"]
#: Choices on the page; the download has all.
HISTORY_MAX = 50
_FAULTS: Mapping[str | None, str] = {
    "signature_invalid": "fault_changed",
    "leaf_differs": "fault_changed",
    "readable_part_changed": "fault_changed",
    "key_unknown": "fault_key",
    "other_site": "fault_site",
    "decision_unknown": "fault_unknown",
}
#: The notice of a version, by number, in the language of the page.
NoticeOf = Callable[[int], Notice]
Span = Callable[[int], str]


def record_texts(tag: str) -> Mapping[str, str]:
    """The texts of these pages in the language that fits ``tag``."""
    texts: Mapping[str, str] = texts_in("record_texts", tag)
    return texts


def record_page(
    notice: Notice,
    locales: Sequence[str],
    disclosure: Disclosure,
    overview: Overview,
    notice_of: NoticeOf,
    *,
    receipt: str | None,
    span: Span,
    flash: Flash | None = None,
    ground: str | None = None,
) -> Context:
    """What ``record.html`` shows: everything that is recorded, and what can be done about it.

    Args:
        notice: the body of the current notice, in the language of the page.
        locales: every locale of the policy.
        disclosure: of the person, in the same language.
        overview: of their collected events.
        notice_of: the notices that they chose under.
        receipt: what they brought; it goes along with every form. None: their browser holds the handle.
        span: a number of days in the words of the page's language.
        flash: the outcome of the form that led here.
        ground: of the legal hold that stands in the way.
    """
    texts, facts, locale = record_texts(notice["locale"]), disclosure.facts, notice["locale"]
    return {
        **_frame(notice, locales, texts["title"], switch=receipt is None),
        "flash": _flash(texts, flash, ground),
        "form": form(notice, receipt),
        "now": _now(facts, notice),
        "history": _history(facts, notice_of, locale),
        "events": _events(facts, overview, locale),
        "transmissions": transmissions_view(notice),
        "provisions": [_provision(item, notice) for item in facts["provisions"]],
        "kept": _kept(facts, notice, span),
        "can": {"restrict": facts["consent"] is not None, "lift": _is_restricted(facts)},
    }


def erase_page(notice: Notice, disclosure: Disclosure, *, receipt: str | None, provisions_kept: str) -> Context:
    """What ``record_erase.html`` asks, having said what will be destroyed and what remains.

    Args:
        notice, disclosure, receipt: as :func:`record_page`.
        provisions_kept: how long records of provision must be kept, in words.
    """
    texts, facts = record_texts(notice["locale"]), disclosure.facts
    gone = [texts["erase_gone_decisions"].format(count=len(facts["decisions"]))]
    if facts["subject"]["pseudonym"]:
        gone += [texts["erase_gone_consent"], texts["erase_gone_events"]]
    gone += [texts["erase_gone_cookies"]] if receipt is None else []
    stays = [texts["erase_stays_hash"], texts["erase_stays_entry"]]
    stays += [texts["erase_stays_provisions"].format(span=provisions_kept), texts["erase_stays_requests"]]
    page = _frame(notice, (), texts["erase_title"], switch=False)
    return {**page, "form": form(notice, receipt), "gone": gone, "stays": stays}


def erased_page(
    notice: Notice, locales: Sequence[str], *, erased_at: str | None, decisions: int, proof: str | None, is_new: bool
) -> Context:
    """What ``record_erased.html`` says: that nothing is left, since when, and where that is proved.

    Args:
        notice, locales: as :func:`record_page`.
        erased_at: RFC 3339; None where retention disposed of it.
        decisions: how many were destroyed.
        proof: address of the ledger entry's proof.
        is_new: whether it was done just now; else somebody brought a receipt of what was gone before.
    """
    texts, locale = record_texts(notice["locale"]), notice["locale"]
    name = "erased" if is_new else "gone"
    facts = []
    if erased_at:
        facts.append({"label": texts["erased_when"], "text": moment_text(erased_at, locale), "href": None})
        facts.append({"label": texts["erased_what"], "text": str(decisions), "href": None})
    if proof:
        facts.append({"label": texts["erased_proof"], "text": proof, "href": proof})
    page = _frame(notice, locales, texts[f"{name}_title"], switch=False)
    return {**page, "lead": texts[f"{name}_lead"], "facts": facts, "is_new": is_new}


def find_page(notice: Notice, locales: Sequence[str], *, problem: str | None = None) -> Context:
    """What ``record_find.html`` shows a browser without a handle: a form to bring a receipt.

    Args:
        notice, locales: as :func:`record_page`.
        problem: why the receipt that was brought was not taken, as a reason of ``ReceiptInvalidError``.
    """
    texts = record_texts(notice["locale"])
    fault = texts[_FAULTS.get(problem, "fault_none")] if problem else None
    page = _frame(notice, locales, texts["form_title"], switch=True)
    return {**page, "form": form(notice, None), "fault": fault}


def form(notice: Notice, receipt: str | None) -> Context:
    """Where the pages' forms go, and what they carry along."""
    place = f"/preferences/{quote(str(notice['site']), safe='')}"
    query = f"?lang={quote(notice['locale'])}"
    return {
        "action": f"{place}/record{query}",
        "hidden": {"receipt": receipt} if receipt else {},
        "receipt_page": f"{place}/receipt{query}",
        "request_page": f"{place}/request{query}",
    }


def _frame(notice: Notice, locales: Sequence[str], title: str, *, switch: bool) -> Context:
    page = frame(notice, locales, title, "preferences")
    # The language switch is made of links: they lead here, and cannot carry a receipt.
    links = [{**item, "href": item["href"].replace("?", "/record?", 1)} for item in page["languages"]]
    return {**page, "r": record_texts(notice["locale"]), "languages": links if switch else []}


def _flash(texts: Mapping[str, str], flash: Flash | None, ground: str | None) -> Context | None:
    if flash is None:
        return None
    words = texts[f"ground_{ground}"] if ground else ""
    return {"kind": "error" if flash == "held" else "saved", "text": texts[f"flash_{flash}"].format(ground=words)}


def _is_restricted(facts: Mapping[str, Any]) -> bool:
    return facts["consent"] is not None and bool(facts["consent"]["restricted"])


def _now(facts: Mapping[str, Any], notice: Notice) -> Context:
    texts, consent, locale = record_texts(notice["locale"]), facts["consent"], notice["locale"]
    if consent is None:
        state = "none"
    elif consent["restricted"]:
        state = "restricted"
    else:
        state = "asked" if consent["ask"] else consent["state"]
    tones = {"granted": "granted", "asked": "outdated", "restricted": "outdated"}
    last = facts["decisions"][-1] if facts["decisions"] else None
    shown = [{"label": texts["pseudonym_label"], "text": facts["subject"]["pseudonym"] or texts["pseudonym_none"]}]
    if last:
        shown.append({"label": texts["decided_label"], "text": moment_text(last["decided_at"], locale)})
        version = texts["version_value"].format(version=last["policy_version"])
        shown.append({"label": texts["version_label"], "text": version})
    allowed = _titles(notice["purposes"], consent["purposes"]) if state == "granted" else []
    full = state == "granted" and _allows_all(notice, consent)
    return {
        "tone": tones.get(state, "refused"),
        "title": texts["state_granted_all" if full else f"state_{state}"],
        "lead": texts["none_lead"] if state == "none" else None,
        "facts": shown,
        "allowed": allowed,
    }


def _allows_all(notice: Notice, consent: Mapping[str, Any]) -> bool:
    purposes = [item["key"] for item in notice["purposes"] if not item["always_on"]]
    categories = [item["key"] for item in notice["acquire"] if item["optional"]]
    choices = {"purposes": purposes, "acquire": categories}
    return all(consent[name].get(key) for name, keys in choices.items() for key in keys)


def _titles(items: Sequence[Mapping[str, Any]], choices: Mapping[str, bool], *, optional: bool = True) -> list[str]:
    """The titles of what was allowed, in the notice's order; keys that it does not know speak for themselves."""
    known = {item["key"] for item in items}
    listed = [item["title"] for item in items if choices.get(item["key"]) and not (optional and item["always_on"])]
    return listed + [key for key, allowed in choices.items() if allowed and key not in known]


def _history(facts: Mapping[str, Any], notice_of: NoticeOf, locale: str) -> Context:
    texts, decisions = record_texts(locale), facts["decisions"]
    items = [_decision(item, notice_of(item["policy_version"]), locale) for item in decisions[-HISTORY_MAX:]]
    items += [_entry(item, locale) for item in facts["entries"] if f"entry_{item['kind']}" in texts]
    more = texts["history_more"].format(count=HISTORY_MAX) if len(decisions) > HISTORY_MAX else None
    return {"items": sorted(items, key=lambda item: str(item["at"]), reverse=True), "more": more}


def _decision(item: Mapping[str, Any], notice: Notice, locale: str) -> Context:
    texts, shown = record_texts(locale), item["shown"]
    surface = shown and shown["surface"]
    language = language_name(shown["locale"], locale) if surface else ""
    known = surface in ("widget", "preferences")
    version = item["policy_version"]
    facts = [
        {"label": texts["shown_label"],
         "text": texts[f"shown_{surface}"].format(language=language) if known else texts["shown_unknown"]},
        {"label": texts["device_label"], "text": _device(item["device"])},
        *_signal(item.get("signal"), texts),
        {"label": texts["notice_label"], "text": texts["notice_value"].format(version=version),
         "href": f"/notice/{quote(item['site'], safe='')}?version={version}&lang={quote(locale)}"},
        {"label": texts["proof_label"], "text": texts["proof_value"], "href": f"/ledger/proof/{quote(item['id'])}"},
    ]  # fmt: skip
    return {
        "at": item["decided_at"],
        "when": moment_text(item["decided_at"], locale),
        "title": texts[f"action_{item['action']}"],
        "purposes": _titles(notice["purposes"], item["purposes"]),
        "categories": _titles(notice["acquire"], item["acquire"], optional=False),
        "facts": facts,
    }


def _signal(signal: Mapping[str, Any] | None, texts: Mapping[str, str]) -> list[Context]:
    return [{"label": texts["signal_label"], "text": SIGNAL_NAMES[signal["seen"]]}] if signal else []


def _device(device: Mapping[str, Any]) -> str:
    browser = " ".join(str(device[name]) for name in ("browser", "browser_major") if device.get(name))
    return ", ".join(part for part in (browser, device.get("os"), device.get("kind")) if part)


def _entry(item: Mapping[str, Any], locale: str) -> Context:
    texts, at = record_texts(locale), item["recorded_at"]
    proof = f"/ledger/proof/{quote(item['id'])}"
    return {
        "at": at,
        "when": moment_text(at, locale),
        "title": texts[f"entry_{item['kind']}"],
        "purposes": [],
        "categories": [],
        "facts": [{"label": texts["proof_label"], "text": texts["proof_value"], "href": proof}],
    }


def _events(facts: Mapping[str, Any], overview: Overview, locale: str) -> Context:
    texts = record_texts(locale)
    rows = []
    for item in overview.counts:
        first, last = (date_text(f"{day}T00:00:00Z", locale) for day in (item.first_day, item.last_day))
        span = texts["events_one_day" if first == last else "events_span"].format(first=first, last=last)
        rows.append({"tracker": item.tracker, "count": item.count, "days": span})
    elsewhere = any(not item["kept_here"] for item in facts["sources"])
    return {"rows": rows, "many": not overview.complete, "elsewhere": elsewhere}


def _provision(item: Mapping[str, Any], notice: Notice) -> Context:
    locale = notice["locale"]
    names, titles = item["recipient_name"], {one["key"]: one["title"] for one in notice["acquire"]}
    purposes = {one["key"]: one["title"] for one in notice["purposes"]}
    return {
        "recipient": names.get(locale) or next(iter(names.values()), ""),
        "country": country_name(item["country"], locale),
        "purpose": purposes.get(item["purpose"], item["purpose"] or ""),
        "items": [titles.get(key, key) for key in item["items"]],
        "when": moment_text(item["provided_at"], locale),
    }


def _kept(facts: Mapping[str, Any], notice: Notice, span: Span) -> Context:
    texts, locale = record_texts(notice["locale"]), notice["locale"]
    purposes = {one["key"]: one["title"] for one in notice["purposes"]}
    identified = facts["subject"]["pseudonym"] is not None
    rows = []
    for item in facts["retention"]:
        if item["section"] != "decisions" and not identified:
            continue
        label = texts[f"kept_{item['section']}"].format(purpose=purposes.get(item["record"], item["record"]))
        until, days = item["kept_until"], texts["kept_for"].format(span=span(item["days"]))
        shown = texts["kept_until"].format(date=date_text(until, locale)) if until else days
        rows.append({"label": label, "text": shown})
    return {"rows": rows, "paused": any(item["paused"] for item in facts["retention"])}
