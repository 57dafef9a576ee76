"""Everything that is recorded about a person, for that person: to see, to keep, to take elsewhere (S19, S21).

A :class:`Disclosure` is complete and self-explaining: besides the person's data it says why they are used, who gets
them, how long each part is kept and what can be done about it. Collected events are read while it is written, so that
its size does not matter. ``docs/reference/disclosure.md`` describes both forms.

Source: GDPR 15(1), 20(1); APPI 32(2), 33; CCPA 1798.110.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cookiegate.clock import Clock, rfc3339
from cookiegate.consent.current import consent_of
from cookiegate.ledger.receipt_notices import NoticeArchive
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.disclosure import parts
from cookiegate.rights.disclosure.csv_form import csv_rows
from cookiegate.rights.events.search import EventSearch, FoundEvent, Overview
from cookiegate.rights.holds import Holds
from cookiegate.rights.provision.provisions import Provisions
from cookiegate.storage.contract import ConsentRow, DecisionRow, Storage

FORMAT = "cookiegate-disclosure"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is recorded about one person on one site.

    Args:
        site: where.
        made_at_ms: when this was put together.
        locale: of every text in it.
        facts: every section but the events, ready for JSON.
        events: reads the collected events anew at each call.
        overview: counts the events, reading at most so many bytes.
    """

    site: str
    made_at_ms: int
    locale: str
    facts: Mapping[str, Any]
    events: Callable[[], Iterator[FoundEvent]]
    overview: Callable[[int], Overview]

    def as_json(self) -> Iterator[bytes]:
        """The document as UTF-8 JSON, piece by piece; ``docs/reference/disclosure.schema.json`` is its schema."""
        yield json.dumps(self.facts, ensure_ascii=False, indent=2).encode()[: -len("\n}")]
        yield b',\n  "events": ['
        for number, event in enumerate(self.events()):
            yield (b",\n    " if number else b"\n    ") + event_json(event)
        yield b"\n  ]\n}\n"

    def as_csv(self) -> Iterator[bytes]:
        """The same as CSV rows of section, time, name and value, for a spreadsheet."""
        return csv_rows(self.facts, map(_event_facts, self.events()))


def event_json(event: FoundEvent) -> bytes:
    """One collected event as it stands in the document; its own bytes are kept as they are."""
    return msgspec.json.encode(
        {
            "tracker": event.tracker,
            "day": event.day,
            "suspended": event.suspended,
            "event": msgspec.Raw(event.line),
        }
    )


def _event_facts(event: FoundEvent) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(event_json(event))
    return facts


class Discloser:
    """Puts disclosures together.

    Args:
        storage: the record.
        book: the current policies.
        provisions: the records of provision.
        events: the collected events.
        base_url: of the service, for addresses.
        token_ttl_s: how long a token is good for.
        is_forwarded: whether events also go to a collector of the operator's own, which this service cannot search.
        clock: dates the disclosure.
    """

    def __init__(
        self,
        storage: Storage,
        book: PolicyBook,
        provisions: Provisions,
        events: EventSearch,
        *,
        base_url: str,
        token_ttl_s: int,
        is_forwarded: bool,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._book = book
        self._provisions = provisions
        self._events = events
        self._holds = Holds(storage, clock)
        self._archive = NoticeArchive(storage)
        self._base_url = base_url
        self._token_ttl_s = token_ttl_s
        self._is_forwarded = is_forwarded
        self._clock = clock

    def disclose(
        self, site: str, key_id: int, locale: str, *, refused_days: int = 0, with_exceptions: bool = False
    ) -> Disclosure:
        """Everything under a subject key.

        Args:
            site: where.
            key_id: of the person; one that was erased discloses that nothing is left.
            locale: one of the policy's, for every text.
            refused_days: the least days for which a refusal is left in peace where the person is.
            with_exceptions: also what was provided under a legal exception. For the desk alone: whether the person may
                know of that is a decision of its own (APPI 33(5), enforcement order 11).

        Raises:
            SiteUnknownError: the site has no policy.
            StorageError, RecordDamagedError: the record cannot be read.
        """
        now_ms = self._clock.now_ms()
        decisions = [row for row in self._storage.decisions_of_key(key_id) if row.site == site and not row.is_erased]
        consents = [row for row in self._storage.consents_of_key(key_id) if row.site == site]
        sub = next((row.sub for row in reversed(decisions) if row.sub), None)
        row = consents[-1] if consents else None
        person = {
            "consent": self._consent(site, row, now_ms, refused_days) if row else None,
            **self._person(site, key_id, decisions, row),
        }
        is_kept = bool(person["holds"]) or (row is not None and row.restricted)
        facts = {
            "format": FORMAT,
            "v": FORMAT_VERSION,
            "made_at": rfc3339(now_ms),
            "site": site,
            "locale": locale,
            **self._about(site, locale),
            "subject": {"pseudonym": sub},
            **person,
            "provisions": self._provided(site, sub, with_exceptions),
            **self._explained(site, locale, decisions, sub, is_kept),
        }
        return Disclosure(
            site,
            now_ms,
            locale,
            facts,
            events=lambda: self._events.find(site, sub) if sub else iter(()),
            overview=lambda limit: self._events.overview(site, sub, limit) if sub else Overview((), complete=True),
        )

    def _about(self, site: str, locale: str) -> dict[str, Any]:
        published, notice = self._book.current(site), self._book.notice(site, locale)
        return {
            "controller": {**notice.body["controller"], "country": published.policy.controller.country},
            "notice": {
                "sha256": notice.sha256,
                "policy_version": published.version,
                "in_effect_since": rfc3339(published.published_at_ms),
                "address": f"{self._base_url}/notice/{site}",
            },
        }

    def _person(self, site: str, key_id: int, decisions: list[DecisionRow], row: ConsentRow | None) -> dict[str, Any]:
        storage = self._storage
        held = [hold for hold in self._holds.list(site) if hold.key_id in (None, key_id)]
        slots = [*(one.slot for one in decisions), *([row.slot] if row else [])]
        return {
            "decisions": [self._decision(one) for one in decisions],
            "tokens": parts.tokens(storage, slots, self._base_url, self._token_ttl_s),
            "entries": parts.entries(storage, key_id),
            "holds": [parts.hold(one) for one in held],
        }

    def _consent(self, site: str, row: ConsentRow, now_ms: int, refused_days: int) -> dict[str, Any]:
        return consent_of(self._book.current(site), row, None, now_ms, refused_days=lambda: refused_days).shown()

    def _decision(self, row: DecisionRow) -> dict[str, Any]:
        return parts.decision(self._storage, self._archive, row, self._base_url)

    def _provided(self, site: str, sub: str | None, with_exceptions: bool) -> list[dict[str, Any]]:
        found = self._provisions.of(site, sub) if sub else []
        return [parts.provision(one) for one in found if with_exceptions or not one.is_exceptional]

    def _explained(
        self, site: str, locale: str, decisions: list[DecisionRow], sub: str | None, is_kept: bool
    ) -> dict[str, Any]:
        published, body = self._book.current(site), self._book.notice(site, locale).body
        return {
            "purposes": [parts.purpose(one) for one in body["purposes"]],
            "categories": [{name: one[name] for name in ("key", "title", "description")} for one in body["acquire"]],
            "retention": parts.retention(published.policy, decisions, is_kept=is_kept),
            "sources": parts.sources(is_identified=sub is not None, is_forwarded=self._is_forwarded),
            "rights": parts.rights(published.policy, self._base_url, locale),
        }
