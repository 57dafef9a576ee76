"""What visitors are told of an accident: on their own page if they are affected, on the notice page in any case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cookiegate.clock import rfc3339
from cookiegate.rights.incidents.incidents import Incident
from cookiegate.web.notice_view import Context
from cookiegate.web.wording import date_text, list_text, page_texts


def incident_cards(incidents: Sequence[Incident], notice: Mapping[str, Any], *, own: bool) -> list[Context]:
    """A card for each accident, in the language of the page.

    Args:
        incidents: those that concern the reader.
        notice: the body of the current notice: it names the categories.
        own: whether the reader is known to be affected.
    """
    locale = notice["locale"]
    texts = page_texts(locale)
    titles = {item["key"]: item["title"] for item in notice["acquire"]} | {"record": texts["incident_record"]}
    return [
        {
            "id": item.id,
            "lead": texts["incident_lead_own" if own else "incident_lead_public"],
            "summary": item.texts.summary,
            "what": list_text([titles.get(key, key) for key in item.fields], locale),
            "since": _day(item.from_ms, locale),
            "until": _day(item.to_ms, locale),
            "measures": item.texts.measures,
        }
        for item in incidents
    ]


def _day(at_ms: int, locale: str) -> Context:
    return {"text": date_text(rfc3339(at_ms), locale), "datetime": rfc3339(at_ms)}
