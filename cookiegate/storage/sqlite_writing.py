"""Writing on SQLite: raw SQL on one connection, which only the leading thread touches.

The hot path writes nothing at once. A unit of work asks what it must know; its rows are kept back, and those of all
units of a commit go table by table. So a unit that changes its mind has nothing to undo, a decision costs one statement
and its share of five, and the interpreter's lock is let go (and fought for again) that much less often. Any other
statement takes the unit behind a savepoint of its own, after everything that was kept back before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pysqlite3
import sqlalchemy as sa

from cookiegate.errors import RecordDamagedError, StorageError
from cookiegate.storage.contract import (
    AnswerRow,
    ConsentRow,
    DecisionRow,
    EntryRow,
    Record,
    StatusSlot,
)
from cookiegate.storage.group_commit import BatchLostError, GroupCommit
from cookiegate.storage.sealed_rows import (
    ANSWER_COLUMNS,
    CONSENT_COLUMNS,
    DECISION_COLUMNS,
    ENTRY_COLUMNS,
    Columns,
    consent_columns,
    consent_from_columns,
    decision_columns,
    decision_from_columns,
    entry_columns,
)
from cookiegate.storage.statements import run_statement
from cookiegate.storage.status_walk import Walk, new_walk
from cookiegate.storage.vault import Vault

#: Status slots taken at once: a statement less for each decision. It divides the size of a list.
SLOT_BLOCK = 256
#: Rows of one statement at most: the driver remembers 128 statements, and each number of rows is one of its own.
ROWS_MAX = 16
LOST = "the record cannot be reached now; nothing was kept, try again"
CONTRADICTS = "the write contradicts what is recorded"


class _Insertion:
    """Rows of one table, many in a statement: the driver lets go of the interpreter's lock around each step.

    Args:
        table: of our own.
        columns: in the order of the rows' values.
        verb: what is done.
    """

    def __init__(self, table: str, columns: tuple[str, ...], verb: str = "INSERT") -> None:
        row = f"({', '.join('?' * len(columns))})"
        into = f"{verb} INTO {table} ({', '.join(columns)})"
        self._texts = [f"{into} VALUES {', '.join([row] * count)}" for count in range(ROWS_MAX + 1)]
        self.one = self._texts[1]

    def run(self, connection: Any, rows: Sequence[Columns]) -> None:
        """Inserts the rows in their order."""
        for first in range(0, len(rows), ROWS_MAX):
            part = rows[first : first + ROWS_MAX]
            connection.execute(self._texts[len(part)], [*chain.from_iterable(part)])


def _select(table: str, columns: tuple[str, ...]) -> str:
    return f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608  our own names


_DECISION = _select("decisions", DECISION_COLUMNS)
_CONSENT = _select("consents", CONSENT_COLUMNS)
_ANSWER = f"{_select('answers', ANSWER_COLUMNS)} WHERE site = ? AND key_hash = ?"
_CLAIM = _Insertion("answers", ANSWER_COLUMNS)
_APPEND = _Insertion("decisions", DECISION_COLUMNS)
_WAIT_FOR_SEALING = _Insertion("unsealed", ("entry_id", "kind"))
_REVOKE = _Insertion("revocations", ("status_list", "status_index", "site", "sub", "epoch", "revoked_at_ms"))
_APPEND_ENTRY = _Insertion("entries", ENTRY_COLUMNS).one
_PUT = _Insertion("consents", CONSENT_COLUMNS, "INSERT OR REPLACE")
_WALK = "RETURNING id, size, used, multiplier, start"
_TAKE_BLOCK = (
    "UPDATE status_lists SET used = used + ? WHERE id = (SELECT max(id) FROM status_lists) "  # noqa: S608  our own names
    f"AND used < size {_WALK}"
)
_OPEN_LIST = f"{_Insertion('status_lists', ('size', 'used', 'multiplier', 'start')).one} {_WALK}"


class FileDamagedError(BatchLostError, RecordDamagedError):
    """The database file contradicts itself: a page is not what SQLite wrote."""

    code = RecordDamagedError.code


_DAMAGED = (pysqlite3.SQLITE_CORRUPT, pysqlite3.SQLITE_NOTADB)


def storage_error(error: Exception, detail: str = LOST) -> StorageError:
    """Wraps a driver's error without its text, which may quote data."""
    driver = getattr(error, "orig", error)
    if getattr(driver, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        return FileDamagedError("the database file is damaged: restore it from a backup", cause=type(driver).__name__)
    return StorageError(detail, cause=getattr(driver, "sqlite_errorname", type(error).__name__))


def _batch_lost(error: Exception) -> BatchLostError:
    found = storage_error(error)
    return found if isinstance(found, BatchLostError) else BatchLostError(LOST, **found.evidence)


class _Slots:
    """The rest of a block that this process took in the record. When its taking is undone, it must go too."""

    __slots__ = ("free", "taken")

    def __init__(self) -> None:
        self.free: list[StatusSlot] = []
        self.taken = 0


def _answer_columns(row: AnswerRow) -> Columns:
    return row.site, row.key_hash, row.body_hash, row.decision_id, row.created_at_ms


@dataclass(slots=True)
class _Kept:
    """Rows that are still to be written, of one unit or of a whole commit: as the unit gave them, and as columns."""

    answers: dict[tuple[str, bytes], AnswerRow] = field(default_factory=dict)
    decisions: dict[str, tuple[DecisionRow, Columns]] = field(default_factory=dict)
    consents: dict[tuple[str, bytes], tuple[ConsentRow, Columns]] = field(default_factory=dict)
    revocations: list[Columns] = field(default_factory=list)

    def add(self, later: _Kept) -> None:
        """Takes over the rows of a unit that came after."""
        self.answers |= later.answers
        self.decisions |= later.decisions
        self.consents |= later.consents
        self.revocations += later.revocations

    def write(self, connection: Any) -> None:
        """Writes everything, one statement a table, and keeps nothing."""
        if self.answers:
            _CLAIM.run(connection, [_answer_columns(row) for row in self.answers.values()])
            self.answers.clear()
        if self.decisions:
            _APPEND.run(connection, [columns for _, columns in self.decisions.values()])
            _WAIT_FOR_SEALING.run(connection, [(row_id, 0) for row_id in self.decisions])
            self.decisions.clear()
        if self.consents:
            _PUT.run(connection, [columns for _, columns in self.consents.values()])
            self.consents.clear()
        if self.revocations:
            _REVOKE.run(connection, self.revocations)
            self.revocations.clear()


class SqliteCommitter:
    """Owns the writing connection.

    Args:
        connect: opens a prepared connection. After any failure the old one is dropped: a file handle whose fsync
            failed once must not be trusted with the next.
        vault: the subject keys.
    """

    def __init__(self, connect: Callable[[], Any], vault: Vault) -> None:
        self._connect = connect
        self.vault = vault
        self.connection: Any = None
        self.slots = _Slots()
        self.kept = _Kept()

    def begin(self) -> None:
        """Takes the write lock, waiting at most the busy timeout."""
        self.kept = _Kept()
        try:
            if self.connection is None:
                self.connection = self._connect()
            self.connection.execute("BEGIN IMMEDIATE")
        except pysqlite3.Error as error:
            raise storage_error(error) from error

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Runs one unit of work; what it raises undoes it alone."""
        unit = SqliteTransaction(self)
        try:
            try:
                result = work(unit)
                unit.end()
            except pysqlite3.IntegrityError as error:
                unit.undo()
                raise storage_error(error, CONTRADICTS) from error
            except pysqlite3.Error:
                raise
            except Exception:
                unit.undo()
                raise
        except pysqlite3.Error as error:
            raise _batch_lost(error) from error
        return result

    def write_kept(self) -> None:
        """Writes what the units until now kept back.

        Raises:
            BatchLostError: a row contradicts what is recorded. No client can bring that about (ids are drawn here,
                answers were looked up), so nobody asks whose row it was.
        """
        try:
            self.kept.write(self.connection)
        except pysqlite3.IntegrityError as error:
            raise BatchLostError(CONTRADICTS, cause=type(error).__name__) from error

    def commit(self) -> None:
        """Commits; with ``synchronous=FULL`` this returns after the WAL is synced."""
        try:
            self.write_kept()
            self.connection.execute("COMMIT")
        except pysqlite3.Error as error:
            raise storage_error(error) from error
        self.vault.settle()

    def abandon(self) -> None:
        """Closes the connection, which rolls back what was open."""
        self.slots.free.clear()
        connection, self.connection = self.connection, None
        if connection is not None:
            try:
                connection.close()
            except pysqlite3.Error:
                return  # it is being thrown away because it failed

    def execute_in(self, group: GroupCommit, statement: str, values: tuple[Any, ...]) -> int:
        """Runs one statement inside the next shared commit; returns the number of rows it touched."""
        count: int = group.write(lambda transaction: transaction.run(statement, values).rowcount)
        return count


class SqliteTransaction:
    """One unit of work's view of the writing connection.

    Args:
        batch: the commit that it belongs to.
    """

    __slots__ = ("_batch", "_has_savepoint", "_kept", "_slots_taken", "_vault")

    def __init__(self, batch: SqliteCommitter) -> None:
        self._batch = batch
        self._vault = batch.vault
        self._kept = _Kept()
        self._has_savepoint = False
        self._slots_taken = 0

    def end(self) -> None:
        """Hands in what was kept back."""
        if self._has_savepoint:
            self._kept.write(self._batch.connection)
            self._batch.connection.execute("RELEASE unit")
        else:
            self._batch.kept.add(self._kept)

    def undo(self) -> None:
        """Takes back what this unit wrote."""
        if self._has_savepoint:
            if self._slots_taken != self._batch.slots.taken:
                self._batch.slots.free.clear()
            self._batch.connection.execute("ROLLBACK TO unit")
            self._batch.connection.execute("RELEASE unit")

    def run(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        """Runs a statement of the driver's and returns its cursor."""
        return self._behind_savepoint().execute(statement, values)

    def execute(self, statement: sa.Executable) -> list[Record]:
        """Runs a SQLAlchemy Core statement."""
        return run_statement(self._behind_savepoint(), statement)

    def _behind_savepoint(self) -> Any:
        """The connection, with everything written that was kept back."""
        batch = self._batch
        if not self._has_savepoint:
            batch.write_kept()
            batch.connection.execute("SAVEPOINT unit")
            self._has_savepoint, self._slots_taken = True, batch.slots.taken
        self._kept.write(batch.connection)
        return batch.connection

    def _find(self, query: str, values: tuple[Any, ...]) -> Any:
        """One recorded row."""
        return self._batch.connection.execute(query, values).fetchone()

    def claim_answer(self, row: AnswerRow) -> AnswerRow | None:
        """Remembers the answer, or gives back the earlier one."""
        place = row.site, row.key_hash
        kept = self._kept.answers.get(place) or self._batch.kept.answers.get(place)
        if kept is not None:
            return kept
        found = self._find(_ANSWER, place)
        if found is not None:
            return AnswerRow(*found)
        self._kept.answers[place] = row
        return None

    def find_decision(self, decision_id: str) -> DecisionRow | None:
        """One decision, of this commit too."""
        kept = self._kept.decisions.get(decision_id) or self._batch.kept.decisions.get(decision_id)
        if kept is not None:
            return kept[0]
        row = self._find(f"{_DECISION} WHERE id = ?", (decision_id,))
        return decision_from_columns(self._vault, row) if row else None

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The consent of a handle, of this commit too."""
        place = site, handle_hash
        kept = self._kept.consents.get(place) or self._batch.kept.consents.get(place)
        if kept is not None:
            return kept[0]
        row = self._find(f"{_CONSENT} WHERE site = ? AND handle_hash = ?", place)
        return consent_from_columns(self._vault, row) if row else None

    def allocate_slot(self) -> StatusSlot:
        """The next slot of the block that this process took from the newest list."""
        slots = self._batch.slots
        if not slots.free:
            slots.free = self._take_block()
            slots.taken += 1
        return slots.free.pop()

    def _take_block(self) -> list[StatusSlot]:
        # Not behind a savepoint that is not there yet: the block is this process's, whatever becomes of the unit.
        found = self._find(_TAKE_BLOCK, (SLOT_BLOCK,))
        if found is None:
            size, multiplier, start = new_walk()
            found = self._find(_OPEN_LIST, (size, SLOT_BLOCK, multiplier, start))
        return Walk(*found).last(SLOT_BLOCK)

    def append_decision(self, row: DecisionRow) -> None:
        """Adds a decision."""
        if row.id in self._kept.decisions or row.id in self._batch.kept.decisions:
            raise StorageError(CONTRADICTS)
        self._kept.decisions[row.id] = row, decision_columns(self._vault, row)

    def append_entry(self, row: EntryRow) -> None:
        """Adds another ledger entry."""
        self.run(_APPEND_ENTRY, entry_columns(self._vault, row))
        self.run(_WAIT_FOR_SEALING.one, (row.id, 1))

    def decisions_of_key(self, key_id: int) -> list[DecisionRow]:
        """Every decision under a subject key."""
        found = self.run(f"{_DECISION} WHERE key_id = ? ORDER BY id", (key_id,)).fetchall()
        return [decision_from_columns(self._vault, row) for row in found]

    def consents_of_key(self, key_id: int) -> list[ConsentRow]:
        """The consents under a subject key."""
        found = self.run(f"{_CONSENT} WHERE key_id = ?", (key_id,)).fetchall()
        return [row for row in (consent_from_columns(self._vault, columns) for columns in found) if row]

    def erase_key(self, key_id: int) -> None:
        """Empties what lies under a subject key, and queues the key for shredding."""
        self.run("UPDATE decisions SET sealed = NULL WHERE key_id = ?", (key_id,))
        self.run("UPDATE entries SET payload = NULL WHERE key_id = ?", (key_id,))
        self.run("DELETE FROM consents WHERE key_id = ?", (key_id,))
        self.run("INSERT OR IGNORE INTO shreds (key_id) VALUES (?)", (key_id,))
        self.run("INSERT OR IGNORE INTO erased_keys (key_id) VALUES (?)", (key_id,))

    def put_consent(self, row: ConsentRow) -> None:
        """Makes this the consent of its handle."""
        self._kept.consents[row.site, row.handle_hash] = row, consent_columns(self._vault, row)

    def revoke(self, slot: StatusSlot, site: str, sub: str, epoch: int, revoked_at_ms: int) -> None:
        """Sets a status bit for ever."""
        self._kept.revocations.append((slot.list_id, slot.index, site, sub, epoch, revoked_at_ms))
