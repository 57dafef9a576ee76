"""The requests in the record: read, begun, moved on, disposed of.

A step, its ledger entry, its mail and its event commit together or not at all. The ledger holds what was decided and
when, and nothing about the person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.errors import NotFoundError
from cookiegate.ledger.entries import record_entry
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.requests.case import Channel, Step
from cookiegate.rights.requests.deadlines import DAY_MS
from cookiegate.rights.requests.documents import drop_documents
from cookiegate.rights.requests.files import (
    Note,
    RequestFile,
    file_columns,
    file_from_rows,
    step_columns,
)
from cookiegate.rights.requests.machine import possible_steps, take
from cookiegate.rights.requests.messages import Messenger, states_of
from cookiegate.storage.contract import Record, Storage, WriteTransaction
from cookiegate.storage.tables_requests import request_steps, requests

T = TypeVar("T")
#: Who acts where no person does.
SERVICE = "service"
#: Bound values of one statement.
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Intake:
    """How a request came: the digest of its idempotency key, and of what it said."""

    key: bytes
    digest: bytes


class Casebook:
    """Every request of a service.

    Args:
        storage: the record.
        book: the policies: how long a closed request is kept.
        messenger: tells the person and other systems.
        clock: stamps the steps.
    """

    def __init__(self, storage: Storage, book: PolicyBook, messenger: Messenger, clock: Clock) -> None:
        self.storage = storage
        self.messenger = messenger
        self._book = book
        self._clock = clock

    def now_ms(self) -> int:
        """The time that steps are stamped with."""
        return self._clock.now_ms()

    def write(self, work: Callable[[WriteTransaction], T]) -> T:
        """Runs ``work`` as :meth:`Storage.write` does, then destroys the keys that it queued for that."""
        result = self.storage.write(work)
        self.storage.shred()
        return result

    def read(self, reference: str) -> RequestFile:
        """A committed request.

        Raises:
            NotFoundError: there is none with this reference.
        """
        return self._find(self.storage.read, requests.c.reference == reference)

    def load(self, transaction: WriteTransaction, reference: str) -> RequestFile:
        """A request as of this transaction.

        Raises:
            NotFoundError: there is none with this reference.
        """
        return self._find(transaction.execute, requests.c.reference == reference)

    def began(self, transaction: WriteTransaction, site: str, key: bytes) -> tuple[RequestFile, bytes] | None:
        """The request that an idempotency key began, with the digest of what it said."""
        query = sa.select(requests).where(requests.c.site == site, requests.c.intake_key == key)
        rows = transaction.execute(query)
        return (self._files(transaction.execute, rows)[0], rows[0]["intake_hash"]) if rows else None

    def files(self, *, site: str | None = None, open_only: bool = True) -> list[RequestFile]:
        """The requests, oldest first."""
        query = sa.select(requests).order_by(requests.c.id)
        if site is not None:
            query = query.where(requests.c.site == site)
        if open_only:
            query = query.where(requests.c.state != "notified")
        return self._files(self.storage.read, self.storage.read(query))

    def waiting(self) -> list[str]:
        """References of requests that may move on by themselves: decided ones, and those whose sender needs no desk."""
        by_themselves = sa.select(request_steps.c.request_id).where(
            request_steps.c.name == "verify", request_steps.c.method.in_(("possession", "address"))
        )
        may_move = sa.or_(
            requests.c.state == "decided", sa.and_(requests.c.state == "deciding", requests.c.id.in_(by_themselves))
        )
        query = sa.select(requests.c.reference).where(may_move).order_by(requests.c.id)
        return [str(row["reference"]) for row in self.storage.read(query)]

    def begin(
        self, transaction: WriteTransaction, file: RequestFile, steps: Sequence[Note], intake: Intake, *, told: bool
    ) -> RequestFile:
        """Adds a request that has just come, with its first steps.

        Args:
            transaction: of the intake.
            file: without notes.
            steps: what is clear from the beginning: an agent, a verification.
            intake: how it came.
            told: whether the person is about to be told of the outcome anyway, so that a mail of receipt is left out.
        """
        row = file_columns(self.storage.vault, file)
        transaction.execute(sa.insert(requests).values(**row, intake_key=intake.key, intake_hash=intake.digest))
        return self._append(transaction, file, steps, is_new=True, silent=told)

    def advance(self, transaction: WriteTransaction, file: RequestFile, *notes: Note) -> RequestFile:
        """Takes steps.

        Raises:
            RequestStepError, RequestGroundError: the first of them that is not possible; nothing is kept.
        """
        return self._append(transaction, file, notes, is_new=False, silent=False)

    def close(self, transaction: WriteTransaction, file: RequestFile, *notes: Note, seen: bool = False) -> RequestFile:
        """Takes steps, and where nothing but the notice is left and the person can be told now, that too.

        Args:
            transaction: of the steps.
            file: before them.
            notes: the steps.
            seen: whether the person sees the outcome at this moment.

        Raises:
            RequestStepError, RequestGroundError: as :meth:`advance`.
        """
        after = file.case
        for note in notes:
            after = take(after, note.step)
        channel: Channel | None = "mail" if file.person.email else "page" if seen else None
        if channel is not None and "notify" in possible_steps(after):
            notes = (*notes, Note(Step("notify", notes[-1].step.at_ms, channel=channel), SERVICE))
        return self.advance(transaction, file, *notes)

    def due(self, now_ms: int) -> list[str]:
        """References of closed requests that were kept as long as the policy says."""
        found = []
        for site in self._book.sites():
            kept_ms = self._book.current(site).policy.retention.request_days * DAY_MS
            query = sa.select(requests.c.reference).where(
                requests.c.site == site, requests.c.notified_at_ms <= now_ms - kept_ms
            )
            found += [str(row["reference"]) for row in self.storage.read(query)]
        return sorted(found)

    def dispose(self, transaction: WriteTransaction, reference: str) -> list[int]:
        """Removes a request, and queues its keys for shredding: its mails and documents go with them.

        Returns:
            The key ids.

        Raises:
            NotFoundError: there is none with this reference.
        """
        file = self.load(transaction, reference)
        dropped = drop_documents(transaction, file.id)
        transaction.execute(sa.delete(request_steps).where(request_steps.c.request_id == file.id))
        transaction.execute(sa.delete(requests).where(requests.c.id == file.id))
        transaction.erase_key(file.key_id)
        return [file.key_id, *dropped]

    def _append(
        self, transaction: WriteTransaction, file: RequestFile, notes: Sequence[Note], *, is_new: bool, silent: bool
    ) -> RequestFile:
        if is_new:
            self._enter(transaction, file)
        for note in notes:
            take(file.case, note.step)
            file = replace(file, notes=(*file.notes, note))
            row = step_columns(self.storage.vault, file, len(file.notes) - 1)
            transaction.execute(sa.insert(request_steps).values(**row))
            if states_of([note], is_new=False):
                self._enter(transaction, file)
        case = file.case
        if case.state != "received":
            drop_documents(transaction, file.id)  # the check is over, whatever came of it
        notified = case.since_ms if case.state == "notified" else None
        changed = sa.update(requests).where(requests.c.id == file.id).values(state=case.state, notified_at_ms=notified)
        transaction.execute(changed)
        self.messenger.tell(transaction, file, notes, self.now_ms(), is_new=is_new, silent=silent)
        return file

    def _enter(self, transaction: WriteTransaction, file: RequestFile) -> None:
        record_entry(transaction, kind="request", site=file.site, body=file.facts(), at_ms=self.now_ms())

    def _find(self, read: Callable[..., list[Record]], where: sa.ColumnElement[bool]) -> RequestFile:
        rows = read(sa.select(requests).where(where))
        if not rows:
            raise NotFoundError("there is no request with this reference and code")
        return self._files(read, rows)[0]

    def _files(self, read: Callable[..., list[Record]], rows: list[Record]) -> list[RequestFile]:
        found: dict[str, list[Record]] = {row["id"]: [] for row in rows}
        ids = list(found)
        for start in range(0, len(ids), _IDS_AT_ONCE):
            query = sa.select(request_steps).where(request_steps.c.request_id.in_(ids[start : start + _IDS_AT_ONCE]))
            for step in read(query.order_by(request_steps.c.request_id, request_steps.c.number)):
                found[step["request_id"]].append(step)
        return [file_from_rows(self.storage.vault, row, found[row["id"]]) for row in rows]
