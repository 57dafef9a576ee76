"""Accidents: the file of a leak, a loss or a tampering, from the first suspicion to its end (S29, S30).

Source: APPI article 26; GDPR articles 33, 34.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from cookiegate.clock import Clock, rfc3339
from cookiegate.errors import IncidentStateError, InvalidInputError
from cookiegate.ledger.entries import record_entry
from cookiegate.policy.document import CATEGORIES
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.incidents.clocks import CAUSES, Cause
from cookiegate.rights.incidents.notices import tell_manager, tell_systems
from cookiegate.rights.incidents.scan import Progress, find_affected
from cookiegate.storage.contract import Record, Storage, WriteTransaction
from cookiegate.storage.tables_incidents import incident_subjects, incidents

#: What may have leaked: what is acquired automatically, and the consent record itself.
FIELDS = (*CATEGORIES, "record")
TEXT_MAX_CHARS = 4_000
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_SUBJECTS_AT_ONCE = 500
State = Literal["suspected", "open", "affected", "notified", "closed"]
#: What may follow on what. Whoever is affected may be found again, as more becomes known.
_STEPS: Mapping[str, tuple[State, ...]] = {
    "affected": ("suspected", "open", "affected", "notified"),
    "notified": ("affected", "notified"),
    "closed": ("suspected", "open", "affected", "notified"),
}


class IncidentTexts(msgspec.Struct, frozen=True):
    """What is written in the file of an accident; the regulator's report asks for each."""

    summary: str
    harm: str = ""
    measures: str = ""
    prevention: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """An accident. ``fields`` are acquisition categories, or ``record`` for consent records themselves."""

    id: str
    site: str
    state: State
    cause: Cause
    fields: tuple[str, ...]
    from_ms: int
    to_ms: int
    known_at_ms: int
    opened_at_ms: int
    opened_by: str
    notified_at_ms: int | None
    closed_at_ms: int | None
    texts: IncidentTexts
    affected: int


@dataclass(frozen=True, slots=True)
class NewIncident:
    """What is known when a file is opened."""

    site: str
    cause: Cause
    fields: tuple[str, ...]
    from_ms: int
    to_ms: int
    known_at_ms: int
    texts: IncidentTexts
    is_suspicion: bool = False


class Incidents:
    """The files of accidents.

    Args:
        storage: the record.
        book: the policies: who is responsible, and which locale they read.
        clock: the time.
    """

    def __init__(self, storage: Storage, book: PolicyBook, clock: Clock) -> None:
        self._storage = storage
        self._book = book
        self._clock = clock

    def open(self, new: NewIncident, *, by: str) -> Incident:
        """Opens a file, and tells the responsible manager at once (S30).

        Args:
            new: what is known.
            by: who opens it.

        Raises:
            InvalidInputError: naming the field.
            SiteUnknownError: the site has no policy.
        """
        policy = self._book.current(new.site).policy
        _check(new, self._clock.now_ms())
        incident_id, state = _new_id(), "suspected" if new.is_suspicion else "open"

        def work(transaction: WriteTransaction) -> None:
            now_ms, key_id = self._clock.now_ms(), self._storage.vault.new_key()
            sealed = self._storage.vault.encrypt(key_id, _context(incident_id), msgspec.json.encode(new.texts))
            values: dict[str, Any] = {"id": incident_id, "site": new.site, "state": state, "cause": new.cause}
            values |= {"fields": " ".join(new.fields), "from_ms": new.from_ms, "to_ms": new.to_ms, "opened_by": by}
            values |= {"known_at_ms": new.known_at_ms, "opened_at_ms": now_ms, "key_id": key_id, "sealed": sealed}
            transaction.execute(sa.insert(incidents).values(**values))
            incident = self._find(transaction.execute, incident_id)
            self._record(transaction, incident, "opened", by, {"suspected": new.is_suspicion})
            tell_manager(transaction, self._storage.vault, policy, incident, now_ms)

        self._storage.write(work)
        return self.find(incident_id)

    def affected(
        self, incident_id: str, *, by: str, from_ms: int | None = None, to_ms: int | None = None,
        fields: Sequence[str] | None = None, progress: Progress | None = None,
    ) -> Incident:  # fmt: skip
        """Finds everyone whose data was within reach, and remembers them.

        Args:
            incident_id: the file.
            by: who looks.
            from_ms, to_ms, fields: what is known better by now; as it was when not given.
            progress: told how many decisions were read.

        Raises:
            InvalidInputError, IncidentStateError: no such file, a bad range, or a closed file.
        """
        before = self.find(incident_id)
        _refuse_step(before, "affected")
        start = before.from_ms if from_ms is None else from_ms
        end = before.to_ms if to_ms is None else to_ms
        known = tuple(fields or before.fields)
        _check_scope(start, end, known)
        found = find_affected(self._storage, before.site, start, end, known, progress)

        def work(transaction: WriteTransaction) -> None:
            _refuse_step(self._find(transaction.execute, incident_id), "affected")
            subjects = sorted(found)
            transaction.execute(sa.delete(incident_subjects).where(incident_subjects.c.incident_id == incident_id))
            for at in range(0, len(subjects), _SUBJECTS_AT_ONCE):
                rows = [{"incident_id": incident_id, "key_id": key} for key in subjects[at : at + _SUBJECTS_AT_ONCE]]
                transaction.execute(sa.insert(incident_subjects).values(rows))
            state = before.state if before.state == "notified" else "affected"
            change = {"from_ms": start, "to_ms": end, "fields": " ".join(known), "state": state}
            transaction.execute(sa.update(incidents).where(incidents.c.id == incident_id).values(**change))
            self._record(
                transaction, self._find(transaction.execute, incident_id), "affected", by, {"count": len(subjects)}
            )

        self._storage.write(work)
        return self.find(incident_id)

    def notify(self, incident_id: str, *, by: str) -> Incident:
        """Shows the accident to everyone affected on their own page, to all on the notice page, and tells the
        operator's systems whom to reach.

        Raises:
            InvalidInputError: there is no such file.
            IncidentStateError: who is affected is not known yet, or the file is closed.
        """

        def work(transaction: WriteTransaction) -> None:
            incident, now_ms = self._find(transaction.execute, incident_id), self._clock.now_ms()
            _refuse_step(incident, "notified")
            tell_systems(transaction, incident, self._subjects(transaction, incident_id), now_ms)
            change = {"state": "notified", "notified_at_ms": incident.notified_at_ms or now_ms}
            transaction.execute(sa.update(incidents).where(incidents.c.id == incident_id).values(**change))
            self._record(transaction, incident, "notified", by, {"count": incident.affected})

        self._storage.write(work)
        return self.find(incident_id)

    def describe(self, incident_id: str, **texts: str) -> Incident:
        """Writes more into the file: ``summary``, ``harm``, ``measures``, ``prevention``.

        Raises:
            InvalidInputError: a text is too long, or there is no such file.
        """

        def work(transaction: WriteTransaction) -> None:
            incident = self._find(transaction.execute, incident_id)
            changed = msgspec.structs.replace(incident.texts, **texts)
            _check_texts(changed)
            row = transaction.execute(sa.select(incidents.c.key_id).where(incidents.c.id == incident_id))[0]
            sealed = self._storage.vault.encrypt(row["key_id"], _context(incident_id), msgspec.json.encode(changed))
            transaction.execute(sa.update(incidents).where(incidents.c.id == incident_id).values(sealed=sealed))

        self._storage.write(work)
        return self.find(incident_id)

    def close(self, incident_id: str, *, by: str, without_notice: str | None = None) -> Incident:
        """Closes a file.

        Args:
            incident_id: the file.
            by: who closes it.
            without_notice: why nobody was notified, for a suspicion that proved wrong or an accident without risk.

        Raises:
            InvalidInputError: there is no such file.
            IncidentStateError: it is closed, or nobody was notified and no reason is given.
        """

        def work(transaction: WriteTransaction) -> None:
            incident, now_ms = self._find(transaction.execute, incident_id), self._clock.now_ms()
            _refuse_step(incident, "closed")
            if incident.state != "notified" and not without_notice:
                raise IncidentStateError(
                    f"nobody was notified of {incident_id}: notify first, or say why not (--without-notice)"
                )
            change = {"state": "closed", "closed_at_ms": now_ms}
            transaction.execute(sa.update(incidents).where(incidents.c.id == incident_id).values(**change))
            self._record(transaction, incident, "closed", by, {"without_notice": without_notice})

        self._storage.write(work)
        return self.find(incident_id)

    def find(self, incident_id: str) -> Incident:
        """One file.

        Raises:
            InvalidInputError: there is no such file.
        """
        return self._find(self._storage.read, incident_id)

    def every(self) -> list[Incident]:
        """Every file, newest first."""
        rows = self._storage.read(sa.select(incidents.c.id).order_by(incidents.c.opened_at_ms.desc(), incidents.c.id))
        return [self.find(row["id"]) for row in rows]

    def announced(self, site: str) -> list[Incident]:
        """The accidents of a site that its notice page announces: notified and not closed."""
        query = sa.select(incidents.c.id).where(incidents.c.site == site, incidents.c.state == "notified")
        return [self.find(row["id"]) for row in self._storage.read(query.order_by(incidents.c.notified_at_ms))]

    def affecting(self, key_id: int) -> list[Incident]:
        """The accidents that a subject was notified of, newest first."""
        table = incident_subjects.join(incidents, incident_subjects.c.incident_id == incidents.c.id)
        query = sa.select(incidents.c.id).select_from(table).where(incident_subjects.c.key_id == key_id)
        query = query.where(incidents.c.notified_at_ms.is_not(None)).order_by(incidents.c.notified_at_ms.desc())
        return [self.find(row["id"]) for row in self._storage.read(query)]

    def subjects(self, incident_id: str) -> list[str]:
        """The pseudonyms of everyone affected who is not erased, for the operator's own systems."""
        return self._storage.write(lambda transaction: self._subjects(transaction, incident_id))

    def _subjects(self, transaction: WriteTransaction, incident_id: str) -> list[str]:
        query = sa.select(incident_subjects.c.key_id).where(incident_subjects.c.incident_id == incident_id)
        keys = [row["key_id"] for row in transaction.execute(query.order_by(incident_subjects.c.key_id))]
        newest = (next((row.sub for row in reversed(transaction.decisions_of_key(key))), None) for key in keys)
        return [sub for sub in newest if sub]

    def _record(
        self, transaction: WriteTransaction, incident: Incident, step: str, by: str, facts: Mapping[str, Any]
    ) -> None:
        # The texts stay in the file: an entry of the ledger is kept for good.
        body = {
            "incident": incident.id,
            "step": step,
            "cause": incident.cause,
            "fields": list(incident.fields),
            "from": rfc3339(incident.from_ms),
            "to": rfc3339(incident.to_ms),
            "known_at": rfc3339(incident.known_at_ms),
            "by": by,
            **facts,
        }
        record_entry(transaction, kind="incident", site=incident.site, body=body, at_ms=self._clock.now_ms())

    def _find(self, read: Callable[[sa.Select[Any]], list[Record]], incident_id: str) -> Incident:
        rows = read(sa.select(incidents).where(incidents.c.id == incident_id))
        if not rows:
            raise InvalidInputError(
                f"there is no file {incident_id}; see cookiegate incident list", errors={"id": ["unknown"]}
            )
        count = sa.select(sa.func.count().label("n")).where(incident_subjects.c.incident_id == incident_id)
        return self._incident(rows[0], read(count)[0]["n"])

    def _incident(self, row: Record, affected: int) -> Incident:
        names = ("id", "site", "state", "cause", "from_ms", "to_ms", "known_at_ms", "opened_at_ms", "opened_by")
        plain = self._storage.vault.decrypt(row["key_id"], _context(row["id"]), row["sealed"])
        return Incident(
            **{name: row[name] for name in names},
            fields=tuple(row["fields"].split()),
            notified_at_ms=row["notified_at_ms"],
            closed_at_ms=row["closed_at_ms"],
            texts=msgspec.json.decode(plain, type=IncidentTexts) if plain else IncidentTexts(""),
            affected=affected,
        )


def _check(new: NewIncident, now_ms: int) -> None:
    _check_scope(new.from_ms, new.to_ms, new.fields)
    if new.cause not in CAUSES:
        raise InvalidInputError("the cause is one of " + ", ".join(CAUSES), errors={"cause": ["unknown"]})
    if new.known_at_ms > now_ms:
        raise InvalidInputError("nobody can know of it in the future", errors={"known_at": ["in the future"]})
    _check_texts(new.texts)


def _check_scope(from_ms: int, to_ms: int, fields: Sequence[str]) -> None:
    if not 0 <= from_ms < to_ms:
        raise InvalidInputError("the time ends before it begins", errors={"to": ["must be after from"]})
    if not fields or not set(fields) <= set(FIELDS):
        raise InvalidInputError("a field is one of " + ", ".join(FIELDS), errors={"fields": ["unknown"]})


def _check_texts(texts: IncidentTexts) -> None:
    if not texts.summary.strip():
        raise InvalidInputError("say in a sentence what happened", errors={"summary": ["needed"]})
    for name in texts.__struct_fields__:
        if len(getattr(texts, name)) > TEXT_MAX_CHARS:
            raise InvalidInputError(f"at most {TEXT_MAX_CHARS} characters", errors={name: ["too long"]})


def _refuse_step(incident: Incident, step: str) -> None:
    if incident.state not in _STEPS[step]:
        raise IncidentStateError(f"{incident.id} is {incident.state}; this comes after: {', '.join(_STEPS[step])}")


def _context(incident_id: str) -> str:
    return f"incident:{incident_id}"


def _new_id() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"I-{letters[:4]}-{letters[4:]}"
