"""The hot path on PostgreSQL: decisions of many people in one transaction, beside those of other processes.

A unit asks whether its answer is new, and reads the consent that it changes; what it writes is kept back and goes in
one turn with all the others and the commit. No unit waits for a lock while others depend on it: one that meets another
process's steps out of the batch and waits by itself (``write_waiting``), so that no two batches wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from cookiegate.errors import StorageError
from cookiegate.storage.contract import AnswerRow, ConsentRow, DecisionRow, StatusSlot
from cookiegate.storage.group_commit import BatchLostError
from cookiegate.storage.postgres_lines import LOST, Lines, batch_lost, commit_lost, storage_error
from cookiegate.storage.postgres_silence import Line
from cookiegate.storage.postgres_slots import Slots
from cookiegate.storage.postgres_writing import (
    ANSWER,
    BEGIN_SHARED,
    CONSENT,
    CONTRADICTS,
    DECISION,
    INSIST,
    REPLACES,
    Narrow,
    answer_lock,
)
from cookiegate.storage.sealed_rows import (
    ANSWER_COLUMNS,
    CONSENT_COLUMNS,
    DECISION_COLUMNS,
    consent_columns,
    consent_from_columns,
    decision_columns,
    decision_from_columns,
)
from cookiegate.storage.vault import Vault

_CLAIM = (
    f"INSERT INTO answers ({', '.join(ANSWER_COLUMNS)}) SELECT %s, %s, %s, %s, %s "
    "WHERE pg_try_advisory_xact_lock(%s) ON CONFLICT DO NOTHING RETURNING 1"
)
_UNCLAIM = "DELETE FROM answers WHERE site = %s AND key_hash = %s"
_TAKE_CONSENT = f"{CONSENT} FOR UPDATE SKIP LOCKED"
_CONSENT_TYPES = ("text", "bytea", "bigint", "int", "bytea", "int", "int", "text", "bigint", "boolean")
_DECISION_TYPES = ("text", "text", "bigint", "int", "bytea", "bytea", "int", "int", "bigint")
_REVOCATION_COLUMNS = ("status_list", "status_index", "site", "sub", "epoch", "revoked_at_ms")
_REVOCATION_TYPES = ("int", "int", "text", "text", "int", "bigint")


class MeetingError(StorageError):
    """A work needs what another transaction holds. It is undone, and run again in a transaction that may wait."""


def _insert_many(table: str, columns: tuple[str, ...], types: tuple[str, ...]) -> str:
    # Texts and bytes go as they are, not escaped; they are never null here, as numbers may be.
    arrays = ", ".join(f"{'%b' if kind in ('text', 'bytea') else '%s'}::{kind}[]" for kind in types)
    names = ", ".join(columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM unnest({arrays}) "  # noqa: S608  our own names
        f"WITH ORDINALITY AS given ({names}, place) ORDER BY place"
    )


_APPEND = _insert_many("decisions", DECISION_COLUMNS, _DECISION_TYPES)
_WAIT_FOR_SEALING = _insert_many("unsealed", ("entry_id", "kind"), ("text", "int"))
_PUT = f"{_insert_many('consents', CONSENT_COLUMNS, _CONSENT_TYPES)} {REPLACES}"
_REVOKE = _insert_many("revocations", _REVOCATION_COLUMNS, _REVOCATION_TYPES)


@dataclass(slots=True)
class _Kept:
    """What is still to be sent, of one unit or of a batch."""

    decisions: dict[str, tuple[DecisionRow, tuple[Any, ...]]] = field(default_factory=dict)
    consents: dict[tuple[str, bytes], tuple[ConsentRow, tuple[Any, ...]]] = field(default_factory=dict)
    revocations: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, unit: _Kept) -> None:
        self.decisions |= unit.decisions
        self.consents |= unit.consents
        self.revocations += unit.revocations

    def statements(self) -> list[tuple[str, list[list[Any]]]]:
        """One statement a table."""
        found: list[tuple[str, list[list[Any]]]] = []
        if self.decisions:
            found.append((_APPEND, _turned(columns for _, columns in self.decisions.values())))
            found.append((_WAIT_FOR_SEALING, [list(self.decisions), [0] * len(self.decisions)]))
        if self.consents:
            found.append((_PUT, _turned(columns for _, columns in self.consents.values())))
        if self.revocations:
            found.append((_REVOKE, _turned(self.revocations)))
        return found


def _turned(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


class BatchCommitter:
    """Works of the hot path that share a transaction.

    Args:
        lines: the pool.
        slots: status slots of this process.
        vault: the subject keys.
    """

    def __init__(self, lines: Lines, slots: Slots, vault: Vault) -> None:
        self._lines = lines
        self._slots = slots
        self.vault = vault
        self._connection: Line | None = None
        self._cursor: Any = None
        self.kept = _Kept()
        self.has_repeats = False

    def begin(self) -> None:
        """Joins the writers, waiting at most the lock timeout for one that runs alone."""
        self._slots.provide()
        self.kept, self.has_repeats = _Kept(), False
        self._connection = self._lines.take(writes=True)
        self._cursor = self._connection.cursor(binary=True)
        try:
            self._connection.execute(BEGIN_SHARED)
        except psycopg.Error as error:
            raise storage_error(error) from error

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Runs one unit of work; what it raises undoes it alone."""
        unit = BatchedUnit(self, self._slots)
        try:
            try:
                result = work(unit)
            except psycopg.Error:
                raise
            except Exception:
                unit.undo()
                raise
        except psycopg.Error as error:
            raise batch_lost(error) from error
        self.kept.add(unit.kept)
        return result

    def commit(self) -> None:
        """Sends everything with the commit; with ``synchronous_commit`` this returns after the log is synced."""
        connection = self._connection
        if connection is None:
            raise BatchLostError(LOST)
        try:
            with connection.pipeline():
                statements = self.kept.statements()
                for text, values in statements:
                    self._cursor.execute(text, values, prepare=True)
                if self.has_repeats and not statements:
                    self._cursor.execute(INSIST)
                self._cursor.execute("COMMIT")
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            # Nobody knows whose fault it is: each goes by itself, and only the culprit fails again.
            raise MeetingError(CONTRADICTS, cause=type(error).__name__) from error
        except psycopg.Error as error:
            raise commit_lost(error) from error
        self._connection = self._cursor = None
        self._lines.give_back(connection)

    def abandon(self) -> None:
        """Closes the line, which rolls back what was open."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            self._lines.give_back(connection, broken=True)

    def ask(self, text: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The rows of a statement, now."""
        if self._cursor is None:
            raise BatchLostError(LOST)
        found: list[tuple[Any, ...]] = self._cursor.execute(text, values, prepare=True).fetchall()
        return found

    def do(self, text: str, values: tuple[Any, ...]) -> None:
        """A statement without rows, now."""
        if self._cursor is not None:
            self._cursor.execute(text, values, prepare=True)


class BatchedUnit(Narrow):
    """One unit of work in a batch."""

    __slots__ = ("_batch", "_claimed", "_slots", "_vault", "kept")

    def __init__(self, batch: BatchCommitter, slots: Slots) -> None:
        self._batch = batch
        self._slots = slots
        self._vault = batch.vault
        self._claimed: list[tuple[str, bytes]] = []
        self.kept = _Kept()

    def undo(self) -> None:
        """Gives up what was claimed; the rest was never sent."""
        for claimed in self._claimed:
            self._batch.do(_UNCLAIM, claimed)

    def claim_answer(self, row: AnswerRow) -> AnswerRow | None:
        """Remembers the answer, or gives back the earlier one."""
        values = (row.site, row.key_hash, row.body_hash, row.decision_id, row.created_at_ms, answer_lock(row))
        if self._batch.ask(_CLAIM, values):
            self._claimed.append((row.site, row.key_hash))
            return None
        found = self._batch.ask(ANSWER, (row.site, row.key_hash))
        if not found:
            raise MeetingError("the same request is being recorded now; try again")
        self._batch.has_repeats = True
        return AnswerRow(*found[0])

    def find_decision(self, decision_id: str) -> DecisionRow | None:
        """One decision, of this group too."""
        kept = self.kept.decisions.get(decision_id) or self._batch.kept.decisions.get(decision_id)
        if kept:
            return kept[0]
        found = self._batch.ask(f"{DECISION} WHERE id = %s", (decision_id,))
        return decision_from_columns(self._vault, found[0]) if found else None

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The consent of a handle, locked until the end; uncommitted changes of this group included."""
        place = site, handle_hash
        kept = self.kept.consents.get(place) or self._batch.kept.consents.get(place)
        if kept:
            return kept[0]
        found = self._batch.ask(_TAKE_CONSENT, place)
        if found:
            return consent_from_columns(self._vault, found[0])
        if self._batch.ask(CONSENT, place):
            raise MeetingError("this consent is being changed now; try again")
        return None

    def allocate_slot(self) -> StatusSlot:
        """The next slot of the block that this process took."""
        return self._slots.take()

    def append_decision(self, row: DecisionRow) -> None:
        """Adds a decision."""
        if row.id in self.kept.decisions or row.id in self._batch.kept.decisions:
            raise StorageError(CONTRADICTS)
        self.kept.decisions[row.id] = row, decision_columns(self._vault, row)

    def put_consent(self, row: ConsentRow) -> None:
        """Makes this the consent of its handle."""
        self.kept.consents[row.site, row.handle_hash] = row, consent_columns(self._vault, row)

    def revoke(self, slot: StatusSlot, site: str, sub: str, epoch: int, revoked_at_ms: int) -> None:
        """Sets a status bit for ever."""
        self.kept.revocations.append((slot.list_id, slot.index, site, sub, epoch, revoked_at_ms))
