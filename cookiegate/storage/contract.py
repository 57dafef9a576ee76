"""What every engine of the record can do, and the rows that cross the boundary.

An engine passes ``tests/contract/storage_contract.py``. Rules (epochs, ties, what an answer looks like) live in
``cookiegate.consent``; an engine only keeps, finds and commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from cookiegate.storage.record_rows import (
    STATUS_LIST_SIZE,
    AnswerRow,
    ConsentRow,
    DecisionRow,
    EntryRow,
    NoticeRow,
    PolicyRow,
    Revocation,
    StatusSlot,
    first_id,
)
from cookiegate.storage.vault import Vault

__all__ = [
    "STATUS_LIST_SIZE",
    "AnswerRow",
    "ConsentRow",
    "DecisionRow",
    "EntryRow",
    "NoticeRow",
    "PolicyRow",
    "PolicyStore",
    "Read",
    "Record",
    "Revocation",
    "StatusSlot",
    "Storage",
    "WriteTransaction",
    "first_id",
]

T = TypeVar("T")
Record = Mapping[str, Any]
Read = Callable[[sa.Select[Any]], list[Record]]


class WriteTransaction(Protocol):
    """What one unit of work may do. All of it commits together, or none of it."""

    def claim_answer(self, row: AnswerRow) -> AnswerRow | None:
        """Remembers which decision answers an idempotency key, unless the key was used before.

        Returns:
            The earlier answer, which stays; None when this is now the answer.
        """
        ...

    def find_decision(self, decision_id: str) -> DecisionRow | None:
        """One decision."""
        ...

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The consent of a handle, as of this transaction."""
        ...

    def allocate_slot(self) -> StatusSlot:
        """A status index that nobody had before; successive indices are not neighbours."""
        ...

    def append_decision(self, row: DecisionRow) -> None:
        """Adds a decision, waiting to be sealed into the ledger; its id must be new."""
        ...

    def append_entry(self, row: EntryRow) -> None:
        """Adds another ledger entry, waiting to be sealed; its id must be new."""
        ...

    def decisions_of_key(self, key_id: int) -> list[DecisionRow]:
        """Every decision under a subject key, in order of id (time)."""
        ...

    def consents_of_key(self, key_id: int) -> list[ConsentRow]:
        """The consents under a subject key."""
        ...

    def erase_key(self, key_id: int) -> None:
        """Empties every decision and entry under a subject key, deletes its consents, and queues the key for shredding.

        The key's number stays in ``erased_keys``, so that an old copy of the key file cannot bring it back.
        After the commit :meth:`Storage.shred` destroys the key itself.
        """
        ...

    def execute(self, statement: sa.Executable) -> list[Record]:
        """Runs a SQLAlchemy Core statement on our tables; for what is not hot.

        Columns are integers, texts and bytes only, and every value is given: no Python-side defaults.

        Returns:
            The rows of a query or of ``RETURNING``, by column name; a boolean is 0 or 1.
        """
        ...

    def put_consent(self, row: ConsentRow) -> None:
        """Makes this the consent of its handle."""
        ...

    def revoke(self, slot: StatusSlot, site: str, sub: str, epoch: int, revoked_at_ms: int) -> None:
        """Sets a status bit for ever."""
        ...


class PolicyStore(Protocol):
    """Published policies. Nothing here is ever changed or deleted."""

    def add(self, row: PolicyRow, notices: Iterable[NoticeRow]) -> None:
        """Adds the next version with its notices.

        Raises:
            StorageError: the version exists already.
        """
        ...

    def latest(self, site: str) -> PolicyRow | None:
        """The newest version."""
        ...

    def version(self, site: str, number: int) -> PolicyRow | None:
        """One version."""
        ...

    def notices(self, site: str, version: int) -> list[NoticeRow]:
        """The notices of one version."""
        ...

    def notice_version(self, site: str, sha256: str) -> int | None:
        """Which version of the site's policy a notice belongs to; None for a digest never published."""
        ...

    def sites(self) -> list[str]:
        """Every site that has a policy, sorted."""
        ...

    def revision(self) -> int:
        """A number that rises with every version added, cheap to ask."""
        ...


class Storage(Protocol):
    """The record."""

    @property
    def vault(self) -> Vault:
        """The subject keys."""
        ...

    @property
    def policies(self) -> PolicyStore:
        """The published policies."""
        ...

    def write(self, work: Callable[[WriteTransaction], T], *, side_by_side: bool = False) -> T:
        """Runs ``work`` and returns its result once it is durable.

        Works of several threads may share one commit; each still succeeds or fails alone. Where several processes
        write, no work runs beside another, unless both ask for it.

        Args:
            work: called once. It reads, then writes; what it raises undoes only its own writes.
            side_by_side: for the hot path. ``work`` touches the answer, decisions, consents, slots and revocations of
                one person alone; works on other persons may run in other transactions at the same time. It may be
                called again, after everything that it wrote was undone: when two of them meet, or when it reaches
                further than that and so must run by itself.

        Raises:
            StorageError: nothing of this work was kept, or nobody knows (the line broke at the commit); a retry is
                safe where the work knows itself again, as by an answer.
        """
        ...

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The committed consent of a handle."""
        ...

    def count_decisions(self, site: str) -> int:
        """How many decisions a site has, for tests and reports."""
        ...

    def decisions(self, site: str) -> list[DecisionRow]:
        """Every decision of a site in order of id (time), for small reports and tests."""
        ...

    def decision(self, decision_id: str) -> DecisionRow | None:
        """One decision."""
        ...

    def decisions_of_key(self, key_id: int) -> list[DecisionRow]:
        """Every decision under a subject key, in order of id (time)."""
        ...

    def consents_of_key(self, key_id: int) -> list[ConsentRow]:
        """The consents under a subject key."""
        ...

    def decisions_between(
        self, from_ms: int, to_ms: int, *, site: str | None = None, after: str = "", limit: int = 1_000
    ) -> list[DecisionRow]:
        """At most ``limit`` decisions taken from ``from_ms`` up to before ``to_ms``, in order of id.

        Args:
            from_ms, to_ms: milliseconds since the epoch.
            site: only this site's.
            after: the last id of the page before.
            limit: the size of a page.
        """
        ...

    def entry(self, entry_id: str) -> EntryRow | None:
        """One ledger entry that is not a decision."""
        ...

    def entries(self, *, kind: str | None = None, site: str | None = None) -> list[EntryRow]:
        """The ledger entries that are not decisions, in order of id (time)."""
        ...

    def read(self, statement: sa.Select[Any]) -> list[Record]:
        """Runs a SQLAlchemy Core query on the committed record; see :meth:`WriteTransaction.execute`."""
        ...

    def shred(self) -> int:
        """Destroys the subject keys that are queued for it; returns how many.

        A crash in between loses nothing: what is queued is destroyed by the next call.
        """
        ...

    def tidy(self) -> None:
        """The engine's own housekeeping, where it has any; a service that runs calls it a few times a second."""
        ...

    def empty_log(self) -> None:
        """Makes the engine's own log forget earlier states of rows, where it keeps any; may put that off when busy."""
        ...

    def now_ms(self) -> int | None:
        """The time by the server of the record, milliseconds since the epoch; None where there is no server."""
        ...

    def lease(self, name: str, holder: str, ttl_s: float) -> bool:
        """Takes or renews the lead of a piece of background work.

        Args:
            name: of the work.
            holder: who asks; unique for each process.
            ttl_s: how long the lead lasts without renewal; the same for all who ask for this work.

        Returns:
            Whether ``holder`` leads until then.
        """
        ...

    def revocations(self, after: int = 0, limit: int = 10_000) -> list[Revocation]:
        """At most ``limit`` revocations with a sequence above ``after``, in order; none can still appear among them."""
        ...

    def revocation(self, sequence: int) -> Revocation | None:
        """One revocation. None is ever deleted: where one is missing, the record was replaced by an earlier one."""
        ...

    @property
    def history(self) -> str:
        """Names the course of events that the record is in, as far as this process has seen."""
        ...

    def read_history(self) -> str:
        """The same as it is now.

        It is another one when the record was replaced by what may be an earlier state of it: a standby that was
        promoted, a restore under running processes. Not every such change can be told by it.
        """
        ...

    def settled(self, sequence: sa.Column[int], after: int = 0) -> int:
        """How far a rising sequence can be followed: nothing at or below it can still appear. Not for inside a work.

        Args:
            sequence: of ``revocations`` or ``unsealed``, which works write side by side. All others are in the order of
                their commits.
            after: how far it was followed before.

        Returns:
            The highest value, or ``after`` when there is none above it.
        """
        ...

    def go_on_after(self, sequence: sa.Column[int], number: int) -> None:
        """Makes a counted column go on above a number that a row was given by hand, or that was lost."""
        ...

    def status_lists(self) -> list[tuple[int, int]]:
        """Every status list as (id, size in bits)."""
        ...

    def keep_artifact(self, sha256: str, site: str, name: str, body: bytes) -> None:
        """Keeps a file that was served under its digest (a widget build), once."""
        ...

    def artifact(self, sha256: str) -> bytes | None:
        """A kept file by the hex digest of its bytes."""
        ...

    def forget_answers(self, before_ms: int) -> int:
        """Drops idempotency keys older than ``before_ms``; returns how many."""
        ...

    def ping(self) -> None:
        """Proves that the record can be read and written now.

        Raises:
            StorageError: it cannot.
        """
        ...

    def close(self) -> None:
        """Lets go of connections; later calls fail."""
        ...
