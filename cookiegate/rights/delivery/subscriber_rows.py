"""Subscribers as the record keeps them, and which events they follow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from cookiegate.errors import InvalidInputError
from cookiegate.storage.contract import Read, Record
from cookiegate.storage.tables_deliveries import subscribers

#: The service's own files of collected events: the migration adds this one, no command does.
OWN_FILES = "collected"
CONSENT_EVENTS = ("consent.withdrawn", "consent.erase", "consent.suspend", "consent.resume")
FAMILIES = ("consent", "incident", "policy", "request")
_PATTERN = re.compile(r"(?P<family>[a-z]+)\.(?:\*|[a-z_]+)")


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A system that is told. ``site`` None means every site; without ``url`` it asks for itself.

    ``gone``: its address answered 410, so nothing more is sent; what it has not acknowledged stays open.
    """

    name: str
    site: str | None
    events: tuple[str, ...]
    url: str | None
    state: Literal["active", "gone"]
    created_at_ms: int
    failures: int = 0
    fault: str | None = None
    due_at_ms: int = 0

    def follows(self, kind: str, site: str | None) -> bool:
        """Whether it is to be told of an event of this kind on this site."""
        family = f"{kind.partition('.')[0]}.*"
        return (kind in self.events or family in self.events) and self.site in (None, site)


def read_subscribers(read: Read) -> list[Subscriber]:
    """Every subscriber, by name.

    Args:
        read: of the record, or of the transaction.
    """
    return [subscriber_from(row) for row in read(sa.select(subscribers).order_by(subscribers.c.name))]


def subscriber_from(row: Record) -> Subscriber:
    """A row of ``subscribers``."""
    names = ("name", "site", "url", "state", "created_at_ms", "failures", "fault", "due_at_ms")
    return Subscriber(events=tuple(row["events"].split()), **{name: row[name] for name in names})


def read_events(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The kinds of events that were asked for, such as ``consent.erase`` or ``request.*``.

    Raises:
        InvalidInputError: naming those that are none.
    """
    wanted = {part.strip() for text in texts for part in text.split(",") if part.strip()}
    unknown = sorted(kind for kind in wanted if not _is_kind(kind))
    if unknown or not wanted:
        raise InvalidInputError(
            f"no such events: {', '.join(unknown) or 'none were named'}; there are "
            f"{', '.join(CONSENT_EVENTS)}, request.*, incident.* and policy.*",
            errors={"events": unknown},
        )
    return tuple(sorted(wanted))


def _is_kind(kind: str) -> bool:
    found = _PATTERN.fullmatch(kind)
    if found is None or found["family"] not in FAMILIES:
        return False
    return kind == "consent.*" or found["family"] != "consent" or kind in CONSENT_EVENTS
