"""View models of the visitor's pages: from a notice, a consent and guidance to what a template prints.

Pure functions. Templates hold no logic beyond loops, and everything they print is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from cookiegate.policy.locales import text_direction
from cookiegate.web.guidance import OTHER, Guidance, other_guidance
from cookiegate.web.notice_view import (
    Context,
    Notice,
    frame,
    matrix_view,
    purpose_view,
    safe_url,
    transmissions_view,
)
from cookiegate.web.receipt_view import receipt_links
from cookiegate.web.wording import date_text, moment_text, page_texts, shipped_language

Flash = Literal["saved", "refused", "withdrawn", "error"]


def preferences_page(
    notice: Notice,
    consent: Mapping[str, Any],
    guidance: Guidance,
    *,
    locales: Sequence[str],
    idempotency_key: str,
    ui: str,
    flash: Flash | None = None,
    receipt: str | None = None,
) -> Context:
    """What ``preferences.html`` shows one visitor.

    Args:
        notice: the body of the current notice, in the language of the page.
        consent: the CONSENT object of the API.
        guidance: of the visitor's browser, in the language of the page.
        locales: every locale of the policy.
        idempotency_key: random, fresh for each rendering, 16 to 128 of ``[A-Za-z0-9_-]``.
        ui: the digest of the form's surface, which the form sends back.
        flash: the outcome of the form that led here.
        receipt: right after a refusal, the receipt that nothing in the browser leads back to.
    """
    texts = page_texts(notice["locale"])
    hidden = {"notice": notice["notice"], "epoch": consent["epoch"], "key": idempotency_key, "ui": ui}
    return {
        **frame(notice, locales, texts["preferences_title"], "preferences"),
        "flash": {"kind": flash, "text": texts[f"flash_{flash}"]} if flash else None,
        "incidents": [],
        "signal": None,
        "status": _status(notice, consent),
        "form": form_view(notice, consent, hidden),
        "receipt": receipt_links(notice["site"], notice["locale"], receipt)
        if receipt or consent["state"] == "granted"
        else None,
        "matrix": matrix_view(notice),
        "guidance": _guidance(guidance, notice["locale"]),
    }


def notice_page(
    notice: Notice, *, locales: Sequence[str], published_at: str | None = None, history: Context | None = None
) -> Context:
    """What ``notice.html`` shows anyone: the whole notice, readable without operating anything.

    Args:
        notice: the body of a notice, in the language of the page.
        locales: every locale of the policy.
        published_at: RFC 3339 instant of the version, where it is known.
        history: what ``history_view.history_part`` gives.

    Source: Telecommunications Business Act (Japan), article 27-12: what is sent, to whom, for what.
    """
    page = page_texts(notice["locale"])
    return {
        **frame(notice, locales, page["notice_title"], "notice"),
        "matrix": matrix_view(notice),
        "purposes": [purpose_view(notice, purpose) for purpose in notice["purposes"]],
        "categories": [dict(category) for category in notice["acquire"]],
        "transmissions": transmissions_view(notice),
        "published": _time(published_at, date_text, notice["locale"]) if published_at else None,
        "history": history,
        "incidents": [],
    }


def error_page(problem: Mapping[str, Any], locale: str, *, back: str | None = None) -> Context:
    """What ``error.html`` shows instead of a problem document.

    Args:
        problem: an RFC 9457 document: ``title``, ``detail``, ``status``, ``code``.
        locale: of the reader; the problem's own words stay as they are.
        back: a path of this server or an http(s) address to return to.
    """
    language = shipped_language(locale)
    texts = page_texts(language)
    return {
        "lang": language,
        "dir": text_direction(language),
        "t": texts,
        "title": problem.get("title") or texts["error_title"],
        "problem": {key: problem.get(key) for key in ("title", "detail", "status", "code")},
        "back": back if back and (_is_path(back) or safe_url(back)) else None,
        "languages": [],
        "controller": None,
        "theme": None,
    }


def _is_path(text: str) -> bool:
    return text.startswith("/") and not text.startswith(("//", "/\\"))


def form_view(notice: Notice, consent: Mapping[str, Any], hidden: Mapping[str, Any]) -> Context:
    """The form of the preferences page.

    Args:
        notice: the body of a notice.
        consent: ``state``, ``ask``, ``purposes`` and ``acquire`` of the CONSENT object.
        hidden: name → value of fields that the form carries along.
    """
    # Nothing is pre-ticked when the visitor is asked anew: an old tick is not a new yes (GDPR 7, CNIL).
    standing = consent["state"] == "granted" and not consent["ask"]
    purposes = [
        {**purpose_view(notice, item), "checked": standing and bool(consent["purposes"].get(item["key"]))}
        for item in notice["purposes"]
    ]
    categories = [
        {**item, "checked": standing and bool(consent["acquire"].get(item["key"]))}
        for item in notice["acquire"]
        if item["optional"]
    ]
    return {
        "action": f"/preferences/{quote(str(notice['site']), safe='')}?lang={quote(notice['locale'])}",
        "hidden": dict(hidden),
        "optional": [purpose for purpose in purposes if not purpose["always_on"]],
        "always_on": [purpose for purpose in purposes if purpose["always_on"]],
        "categories": categories,
    }


def _status(notice: Notice, consent: Mapping[str, Any]) -> Context:
    texts = page_texts(notice["locale"])
    granted = consent["state"] == "granted"
    outdated = bool(consent["ask"]) and consent["state"] != "undecided"
    state = "restricted" if consent.get("restricted") else consent["state"]
    tone = "outdated" if outdated else state
    reason = consent["ask_reason"] if outdated and consent["ask_reason"] in ("policy_changed", "expired") else None
    purposes = [item for item in notice["purposes"] if not item["always_on"]]
    categories = [item for item in notice["acquire"] if item["optional"]]
    given = (_granted(purposes, consent["purposes"]), _granted(categories, consent["acquire"]))
    full = tone == "granted" and (len(given[0]), len(given[1])) == (len(purposes), len(categories))
    return {
        "tone": tone,
        "title": texts["state_granted_all" if full else f"state_{tone}"],
        "summary": texts[f"summary_{reason or state}"],
        "facts": _status_facts(notice, consent),
        "purposes": given[0] if tone == "granted" else [],
        "acquire": given[1] if tone == "granted" else [],
        "can_withdraw": granted,
    }


def _granted(items: Iterable[Mapping[str, Any]], choices: Mapping[str, bool]) -> list[str]:
    return [item["title"] for item in items if choices.get(item["key"])]


def _status_facts(notice: Notice, consent: Mapping[str, Any]) -> list[Context]:
    texts, locale = page_texts(notice["locale"]), notice["locale"]
    current, decided = consent["current_policy_version"], consent["policy_version"]
    facts: list[Context] = []
    if consent["decided_at"]:
        facts.append({"label": texts["decided_label"], **_time(consent["decided_at"], moment_text, locale)})
    key = "version_value" if decided in (None, current) else "version_older"
    version = texts[key].format(version=current if decided is None else decided, current=current)
    facts.append({"label": texts["version_label"], "text": version, "datetime": None})
    if consent["expires_at"] and not consent["ask"]:
        until = _time(consent["expires_at"], date_text, locale)
        facts.append(
            {
                "label": texts["asked_again_label"],
                **until,
                "text": texts["asked_again_value"].format(date=until["text"]),
            }
        )
    return facts


def _time(instant: str, write: Callable[[str, str], str], locale: str) -> Context:
    return {"text": write(instant, locale), "datetime": instant}


def _guidance(shown: Guidance, locale: str) -> Context:
    texts = page_texts(locale)
    known = shown.key != OTHER
    heading = texts["guidance_yours"].format(browser=shown.browser_name) if known else texts["guidance_unknown"]
    return {"heading": heading, "shown": shown, "others": other_guidance(shown, locale)}
