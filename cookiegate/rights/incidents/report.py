"""The regulator's report of an accident, with its clocks, as plain text in Japanese or English.

Source: APPI Enforcement Rules article 8(1): the nine items that a report to the Personal Information Protection
Commission states.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from cookiegate.clock import rfc3339
from cookiegate.policy.document import Policy
from cookiegate.policy.wording import Phrasebook
from cookiegate.rights.incidents.clocks import Deadline, deadlines
from cookiegate.shipped import read_shipped

if TYPE_CHECKING:
    from cookiegate.rights.incidents.incidents import Incident

LANGUAGES = ("ja", "en")
HOUR_MS = 3_600_000
#: As long as nobody looked who is affected, the report gives no number.
_UNCOUNTED = ("suspected", "open")


@cache
def report_texts(language: str) -> Mapping[str, str]:
    """The words of the report, and of the mail that opens a file, in ``ja`` or ``en``."""
    return MappingProxyType(read_shipped("cookiegate.rights.incidents", f"texts/{language}.yaml"))


def write_report(incident: Incident, policy: Policy, language: str, now_ms: int) -> str:
    """The report as it stands now; what is not known yet is marked.

    Args:
        incident: the file.
        policy: the site's current one: who answers.
        language: ``ja`` or ``en``.
        now_ms: the time that the clocks are read at.
    """
    texts = report_texts(language)
    locale = language if language in policy.locales else policy.authoritative_locale
    controller = policy.controller
    items = (
        ("overview", incident.texts.summary),
        ("fields", _fields(policy, incident, locale, texts)),
        ("persons", texts["persons_value"].format(count=incident.affected) if incident.state not in _UNCOUNTED else ""),
        ("cause", texts[f"cause_{incident.cause}"]),
        ("harm", incident.texts.harm),
        ("told", _told(incident, texts)),
        ("published", _told(incident, texts)),
        ("prevention", incident.texts.prevention),
        ("other", incident.texts.measures),
    )
    lines = [
        texts["title"].format(id=incident.id),
        "",
        f"{texts['controller']}: {controller.name[locale]}",
        f"{texts['address']}: {controller.address[locale]}",
        f"{texts['officer']}: {(controller.privacy_officer or controller.name)[locale]}",
        f"{texts['contact']}: {controller.email or controller.phone or controller.url or '-'}",
        f"{texts['site']}: {incident.site}",
        f"{texts['state']}: {texts[f'state_{incident.state}']}",
        f"{texts['known']}: {_moment(incident.known_at_ms)}",
        f"{texts['period']}: {_moment(incident.from_ms)} – {_moment(incident.to_ms)}",
        "",
        texts["clocks"],
        *clock_lines(incident, language, now_ms),
    ]
    for number, (key, value) in enumerate(items, 1):
        lines += ["", f"{number}. {texts[f'item_{key}']}", f"   {value.strip() or texts['unknown']}"]
    return "\n".join(lines) + "\n"


def clock_lines(incident: Incident, language: str, now_ms: int) -> list[str]:
    """What is due when, and how much time is left, a line each; arguments as :func:`write_report`."""
    texts = report_texts(language)
    return [_clock(item, texts, now_ms) for item in deadlines(incident.cause, incident.known_at_ms)]


def _fields(policy: Policy, incident: Incident, locale: str, texts: Mapping[str, str]) -> str:
    book = Phrasebook(policy, locale)
    titles = [texts["record"] if key == "record" else book.category(key)["title"] for key in incident.fields]
    return texts["separator"].join(titles)


def _told(incident: Incident, texts: Mapping[str, str]) -> str:
    if incident.notified_at_ms is None:
        return ""
    return texts["told_value"].format(at=_moment(incident.notified_at_ms))


def _clock(item: Deadline, texts: Mapping[str, str], now_ms: int) -> str:
    hours = (item.at_ms - now_ms) // HOUR_MS
    left = texts["left"].format(days=hours // 24, hours=hours % 24) if hours >= 0 else texts["overdue"]
    return f"  {_moment(item.at_ms)}  {texts[f'due_{item.key}']}  [{left}]  {item.law}"


def _moment(at_ms: int) -> str:
    return f"{rfc3339(at_ms)[:16].replace('T', ' ')} UTC"
