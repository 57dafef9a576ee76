"""View models of the pages of rights requests: what the templates print. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cookiegate.clock import rfc3339
from cookiegate.policy.tags import written
from cookiegate.rights.requests.deadlines import RESIDENCES
from cookiegate.rights.requests.documents import MEDIA_TYPES
from cookiegate.rights.requests.files import RequestFile
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.machine import possible_steps
from cookiegate.rights.requests.messages import reasons_text
from cookiegate.rights.requests.wording import request_language, request_texts
from cookiegate.web.foreign import marked
from cookiegate.web.notice_view import Context, Notice, frame
from cookiegate.web.wording import date_text, moment_text, texts_in

#: Fields of the form, in its order, with those of the contract whose faults belong to them.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "kind": ("kind",),
    "message": ("message",),
    "name": ("contact.name",),
    "email": ("contact.email",),
    "residence": ("residence",),
    "receipt": ("receipt",),
    "agent": ("agent", "agent.name", "agent.authority"),
    "key": ("key",),
}
_MEGABYTE = 1_048_576


def request_page_texts(tag: str) -> Mapping[str, str]:
    """Every text of these pages in the language that fits ``tag``."""
    texts: Mapping[str, str] = texts_in("request_page_texts", tag)
    return texts


def _request_words(tag: str) -> Mapping[str, Mapping[str, str]]:
    """What requests, states and outcomes are called on these pages."""
    words = request_texts(tag)
    return words if written(request_language(tag)) == written(tag) else marked(words)


def request_form_page(
    notice: Notice,
    locales: Sequence[str],
    *,
    key: str,
    is_known: bool,
    values: Mapping[str, str],
    faults: Sequence[str] = (),
) -> Context:
    """What ``request.html`` shows whoever wants to make a request.

    Args:
        notice: the body of the current notice, in the language of the page.
        locales: every locale of the policy.
        key: random, fresh for each rendering: the idempotency key.
        is_known: whether the browser holds the handle of a choice.
        values: what was filled in before, by field.
        faults: fields of the contract that did not fit.
    """
    texts, words = request_page_texts(notice["locale"]), _request_words(notice["locale"])
    chosen = values.get("kind", "")
    kinds = [
        {"key": kind, "title": words["kinds"][kind], "hint": words["kind_hints"][kind], "checked": kind == chosen}
        for kind in KINDS
    ]
    places = [
        {"key": key, "title": words["residences"][key], "chosen": key == values.get("residence")} for key in RESIDENCES
    ]
    wrong = [field for field, names in FIELDS.items() if set(names) & set(faults)]
    return {
        **_frame(notice, locales, texts["form_title"], "request"),
        "r": texts,
        "form": {"action": _path(notice, "request"), "hidden": {"key": key}},
        "kinds": kinds,
        "residences": places,
        "is_known": is_known,
        "values": {
            name: values.get(name, "") for name in ("message", "name", "email", "receipt", "agent", "authority")
        },
        "faults": {field: texts[f"fault_{field}"] for field in wrong},
    }


def request_received_page(notice: Notice, file: RequestFile, code: str, now_ms: int) -> Context:
    """What ``request_received.html`` shows right after a request was sent: the only page that ever shows the code."""
    texts = request_page_texts(notice["locale"])
    return {
        **_frame(notice, (), texts["received_title"], "request"),
        "r": texts,
        "file": _file(notice, file, now_ms),
        "code": code,
        "action": _path(notice, f"request/{file.reference}"),
    }


def request_code_page(notice: Notice, locales: Sequence[str], reference: str, *, wrong: bool = False) -> Context:
    """What ``request_code.html`` shows at a request's address: it asks for the code, whether there is one or not."""
    texts, path = request_page_texts(notice["locale"]), f"request/{quote(reference, safe='')}"
    return {
        **_frame(notice, locales, texts["code_title"], path),
        "r": texts,
        "reference": reference,
        "action": _path(notice, path),
        "wrong": wrong,
    }


def request_status_page(
    notice: Notice,
    file: RequestFile,
    code: str,
    now_ms: int,
    *,
    next_step: str,
    result: str | None,
    has_data: bool | None,
    document: Mapping[str, int],
    said: str | None = None,
    faults: Sequence[str] = (),
) -> Context:
    """What ``request_status.html`` shows whoever has the code.

    Args:
        notice: as above.
        file: the request.
        code: goes along in the page's forms, never in an address.
        now_ms: the time.
        next_step: what the person can do.
        result: what came of it, once it was carried out.
        has_data: whether there is something to download; None when that was not asked for.
        document: ``limit_bytes`` and ``days`` of proofs of identity.
        said: the text that answers what was just done.
        faults: ``document`` when it could not be taken.
    """
    texts, words = request_page_texts(notice["locale"]), _request_words(notice["locale"])
    limits = {"megabytes": document["limit_bytes"] // _MEGABYTE, "days": document["days"]}
    amount = file.words_of("quote_fee").get("amount", "")
    return {
        **_frame(notice, (), texts["status_title"], "request"),
        "r": texts,
        "file": _file(notice, file, now_ms),
        "code": code,
        "action": _path(notice, f"request/{file.reference}"),
        "next": {"key": next_step, "text": texts[f"next_{next_step}"].format(amount=amount)},
        "document": {
            "label": texts["document_label"].format(**limits),
            "hint": texts["document_hint"].format(**limits),
            "accept": ",".join(MEDIA_TYPES),
            "fault": texts["fault_document"].format(**limits) if faults else None,
            "more": file.case.identity == "given" and file.case.state == "received",
        },
        "said": texts[said] if said else None,
        "can_withdraw": "withdraw" in possible_steps(file.case),
        "result": result,
        "has_data": has_data,
        "history": _history(notice, file),
        "complaint": texts["complaint_text"].format(authority=words["authorities"][file.case.residence]),
    }


def request_confirm_page(notice: Notice, file: RequestFile | None, token: str, *, done: bool = False) -> Context:
    """What ``request_confirm.html`` shows behind the link of our mail: a button, thanks, or that the link is dead."""
    texts, words = request_page_texts(notice["locale"]), _request_words(notice["locale"])
    title = texts["confirmed_title" if done else "confirm_title"]
    lead = texts["confirmed_lead" if done else "link_dead"]
    if file is not None and not done:
        lead = texts["confirm_lead"].format(kind=words["kinds"][file.case.kind], reference=file.reference)
    return {
        **_frame(notice, (), title, "request"),
        "r": texts,
        "text": lead,
        "token": token if file is not None and not done else None,
        "action": _path(notice, f"request/{file.reference}/confirm") if file is not None else "",
        "done": done,
    }


def _file(notice: Notice, file: RequestFile, now_ms: int) -> Context:
    words, case, locale = _request_words(notice["locale"]), file.case, notice["locale"]
    due, received_at = case.deadline(now_ms), rfc3339(case.received_at_ms)
    tone = {"granted": "granted", "refused": "refused"}.get(str(case.outcome), "undecided")
    return {
        "reference": file.reference,
        "kind": words["kinds"][case.kind],
        "state": words["states"][case.state],
        "tone": tone if case.outcome else "outdated" if case.waits_for else "undecided",
        "received": {"text": date_text(received_at, locale), "datetime": received_at[:10]},
        "due": {"text": date_text(f"{due.due_on}T00:00:00Z", locale), "datetime": due.due_on.isoformat()},
        "is_open": case.is_open,
        "stands_still": due.stands_still,
        "outcome": words["outcomes"][case.outcome] if case.outcome else None,
        "reasons": reasons_text(file, locale),
    }


def _history(notice: Notice, file: RequestFile) -> list[Context]:
    steps, locale = _request_words(notice["locale"])["steps"], notice["locale"]
    happened = [("received", file.case.received_at_ms), *((note.step.name, note.step.at_ms) for note in file.notes)]
    lines = [(steps[name], rfc3339(at_ms)) for name, at_ms in happened]
    return [{"text": text, "at": {"text": moment_text(at, locale), "datetime": at}} for text, at in lines]


def _frame(notice: Notice, locales: Sequence[str], title: str, page: str) -> Context:
    framed: dict[str, Any] = frame(notice, locales, title, "preferences")
    languages = [{**item, "href": item["href"].replace("?", f"/{page}?", 1)} for item in framed["languages"]]
    return {**framed, "languages": languages}


def _path(notice: Notice, page: str) -> str:
    return f"/preferences/{quote(str(notice['site']), safe='')}/{page}?lang={quote(notice['locale'])}"
