"""View models of a notice's history: what changed, since when, and every earlier version (S31). Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from cookiegate.clock import rfc3339
from cookiegate.policy.cldr import list_text, span_text
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.history import Edition
from cookiegate.policy.wording import REFERENCE, built_in, fill
from cookiegate.web.change_wording import Told, history_texts, tell_changes
from cookiegate.web.notice_view import Context, Notice, frame
from cookiegate.web.wording import date_text

#: Members that notices of earlier programs do not have, and what stands in their place.
_LATER_MEMBERS: Mapping[str, Any] = {"dir": "ltr", "out_of_scope": None, "retention": None}
_LATER_PURPOSE: Mapping[str, Any] = {"automated_decisions": False, "loss_text": None}
_LATER_RECIPIENT: Mapping[str, Any] = dict.fromkeys(
    ("url", "transfer", "transfer_text", "transfer_safeguards", "joint_use", "exception", "exception_text")
)
#: Texts whose words in braces are known from the policy alone.
_OF_THE_POLICY = frozenset({"authoritative_note", "signal_honoured", "signal_overridden", "shared_note"})


@dataclass(frozen=True, slots=True)
class Since:
    """What the current version is compared with: the one that the visitor chose under, else the one before it."""

    published: PublishedPolicy
    how: Literal["agreed", "previous"]


def completed(body: Notice) -> dict[str, Any]:
    """A notice as today's pages expect it, whichever program published it; nothing that it says is changed."""
    purposes = [
        {
            **_LATER_PURPOSE,
            **purpose,
            "recipients": [{**_LATER_RECIPIENT, **recipient} for recipient in purpose["recipients"]],
        }
        for purpose in body["purposes"]
    ]
    return {
        **_LATER_MEMBERS, **body, "purposes": purposes, "texts": {**_later_texts(body), **body["texts"]},
    }  # fmt: skip


def _later_texts(body: Notice) -> dict[str, str]:
    """The texts that notices of earlier programs do not have; empty where the notice does not say what to fill in."""
    words, locale = built_in(body["locale"]) or built_in(REFERENCE), body["locale"]
    missing = {key: text for key, text in (words.ui if words else {}).items() if key not in body["texts"]}
    values = {
        "controller": body["controller"]["name"],
        "period": span_text(body["ask_again_days"], locale),
        "purposes": list_text([item["title"] for item in body["purposes"] if not item["always_on"]], locale),
        "always_on_note": "",
    }
    return {key: "" if key in _OF_THE_POLICY else fill(text, values) for key, text in missing.items()}


def history_part(
    site: str, shown: PublishedPolicy, since: Since | None, editions: Sequence[Edition], locale: str
) -> Context:
    """What ``notice.html`` shows beside the notice itself.

    Args:
        shown: the version on the page.
        since: for the current version, what to compare it with; None where it is the first.
        editions: every version, the newest first.
        locale: of the page.
    """
    texts = history_texts(locale)["page"]
    edition = next(item for item in editions if item.version == shown.version)
    return {
        "texts": texts,
        "edition": edition_view(site, edition, locale),
        "old_notice": None if edition.is_current else texts["old_notice"].format(**_span(edition, locale)),
        "to_current": f"/notice/{quote(site, safe='')}?lang={quote(locale)}",
        "changes": _changes_part(site, shown, since, locale) if edition.is_current else None,
        "editions": [edition_view(site, item, locale) for item in editions],
        "feed": f"/notice/{quote(site, safe='')}/changes.atom?lang={quote(locale)}",
    }


def changes_page(
    notice: Notice, old: PublishedPolicy, new: PublishedPolicy, *, locales: Sequence[str], editions: Sequence[Edition]
) -> Context:
    """What ``changes.html`` shows: every difference between two versions.

    Args:
        notice: the body of the current notice, in the language of the page.
        old, new: the versions to compare, the earlier one first.
        locales: every locale of the current policy.
        editions: every version, the newest first.
    """
    locale, texts = notice["locale"], history_texts(notice["locale"])["page"]
    title = texts["changes_title"].format(old=old.version, new=new.version)
    site = new.policy.site
    query = f"from={old.version}&to={new.version}"
    page = frame(notice, locales, title, "notice")
    for language in page["languages"]:
        language["href"] = f"/notice/{quote(site, safe='')}/changes?{query}&lang={quote(language['tag'])}"
    wanted = (old.version, new.version)
    return {
        **page,
        "history": texts,
        "sides": [edition_view(site, item, locale) for item in reversed(editions) if item.version in wanted],
        "told": tell_changes(old.policy, new.policy, locale),
        "nothing": texts["none_between"],
    }


def edition_view(site: str, edition: Edition, locale: str) -> Context:
    """One version on a list: its name, when it held, and where it and its changes can be read."""
    texts, place = history_texts(locale)["page"], f"/notice/{quote(site, safe='')}"
    span, version = _span(edition, locale), edition.version
    own = "" if edition.is_current else f"version={version}&"
    return {
        "version": version,
        "name": texts["version"].format(version=version),
        "is_current": edition.is_current,
        "held": texts["holds" if edition.is_current else "held"].format(**span),
        "asks_again": edition.asks_again and version > 1,
        "start": {"text": span["start"], "datetime": rfc3339(edition.published_at_ms)},
        "href": f"{place}?{own}lang={quote(locale)}",
        "changes": f"{place}/changes?from={version - 1}&to={version}&lang={quote(locale)}" if version > 1 else None,
    }


def _changes_part(site: str, shown: PublishedPolicy, since: Since | None, locale: str) -> Context:
    texts = history_texts(locale)["page"]
    if since is None:
        return {"heading": texts["changes_heading_previous"], "lead": texts["none_first"], "told": (), "href": None}
    told: tuple[Told, ...] = tell_changes(since.published.policy, shown.policy, locale)
    earlier = since.published.version
    lead = texts[f"lead_{since.how}"] if told else texts["none_agreed" if since.how == "agreed" else "none_between"]
    query = f"from={earlier}&to={shown.version}&lang={quote(locale)}"
    return {
        "heading": texts[f"changes_heading_{since.how}"],
        "lead": lead.format(version=earlier),
        "told": told,
        "href": f"/notice/{quote(site, safe='')}/changes?{query}" if earlier != shown.version else None,
    }


def _span(edition: Edition, locale: str) -> dict[str, str]:
    end_ms = edition.until_ms
    return {
        "start": date_text(rfc3339(edition.published_at_ms), locale),
        "end": "" if end_ms is None else date_text(rfc3339(end_ms), locale),
    }
