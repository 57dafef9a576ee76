"""The hot append on SQLite: raw SQL on one connection, which only the leading thread touches."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import Any

import pysqlite3
import sqlalchemy as sa

from cookiegate.errors import StorageError
from cookiegate.storage.contract import (
    STATUS_LIST_SIZE,
    AnswerRow,
    ConsentRow,
    DecisionRow,
    EntryRow,
    Record,
    StatusSlot,
)
from cookiegate.storage.group_commit import BatchLostError, GroupCommit
from cookiegate.storage.sealed_rows import (
    consent_columns,
    consent_from_columns,
    decision_columns,
    decision_from_columns,
    entry_columns,
)
from cookiegate.storage.statements import run_statement
from cookiegate.storage.vault import Vault

#: Status slots taken at once: a statement less for each decision. It divides the size of a list.
SLOT_BLOCK = 256
LOST = "the record cannot be reached now; nothing was kept, try again"


def storage_error(error: Exception, detail: str = LOST) -> StorageError:
    """Wraps a driver's error without its text, which may quote data."""
    return StorageError(detail, cause=type(error).__name__)


class _Slots:
    """The rest of a block that this process took in the record. When its taking is undone, it must go too."""

    __slots__ = ("free", "taken")

    def __init__(self) -> None:
        self.free: list[StatusSlot] = []
        self.taken = 0


class SqliteCommitter:
    """Owns the writing connection.

    Args:
        connect: opens a prepared connection. After any failure the old one is dropped: a file handle whose fsync
            failed once must not be trusted with the next.
        vault: the subject keys.
    """

    def __init__(self, connect: Callable[[], Any], vault: Vault) -> None:
        self._connect = connect
        self._vault = vault
        self._connection: Any = None
        self._slots = _Slots()

    def begin(self) -> None:
        """Takes the write lock, waiting at most the busy timeout."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.execute("BEGIN IMMEDIATE")
        except pysqlite3.Error as error:
            raise storage_error(error) from error

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Runs one unit of work behind a savepoint of its own."""
        connection, taken = self._connection, self._slots.taken
        try:
            connection.execute("SAVEPOINT unit")
            try:
                result = work(SqliteTransaction(connection, self._slots, self._vault))
            except pysqlite3.IntegrityError as error:
                self._undo_unit(taken)
                raise storage_error(error, "the write contradicts what is recorded") from error
            except pysqlite3.Error:
                raise
            except Exception:
                self._undo_unit(taken)
                raise
            connection.execute("RELEASE unit")
        except pysqlite3.Error as error:
            raise BatchLostError(LOST, cause=type(error).__name__) from error
        return result

    def _undo_unit(self, taken: int) -> None:
        if self._slots.taken != taken:
            self._slots.free.clear()
        self._connection.execute("ROLLBACK TO unit")
        self._connection.execute("RELEASE unit")

    def commit(self) -> None:
        """Commits; with ``synchronous=FULL`` this returns after the WAL is synced."""
        try:
            self._connection.execute("COMMIT")
        except pysqlite3.Error as error:
            raise storage_error(error) from error

    def abandon(self) -> None:
        """Closes the connection, which rolls back what was open."""
        self._slots.free.clear()
        connection, self._connection = self._connection, None
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
    """One unit of work's view of the writing connection."""

    __slots__ = ("_connection", "_slots", "_vault", "run")

    def __init__(self, connection: Any, slots: _Slots, vault: Vault) -> None:
        self._connection = connection
        self.run = connection.execute
        self._slots = slots
        self._vault = vault

    def execute(self, statement: sa.Executable) -> list[Record]:
        """Runs a SQLAlchemy Core statement."""
        return run_statement(self._connection, statement)

    def claim_answer(self, row: AnswerRow) -> AnswerRow | None:
        """Remembers the answer, or gives back the earlier one."""
        claimed = self.run(
            "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)",
            (row.site, row.key_hash, row.body_hash, row.decision_id, row.created_at_ms),
        )
        if claimed.rowcount:
            return None
        query = "SELECT * FROM answers WHERE site = ? AND key_hash = ?"
        return AnswerRow(*self.run(query, (row.site, row.key_hash)).fetchone())

    def find_decision(self, decision_id: str) -> DecisionRow | None:
        """One decision."""
        row = self.run("SELECT * FROM decisions WHERE id = ?", (decision_id,)).fetchone()
        return decision_from_columns(self._vault, row) if row else None

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The consent of a handle, uncommitted changes of this group included."""
        row = self.run("SELECT * FROM consents WHERE site = ? AND handle_hash = ?", (site, handle_hash)).fetchone()
        return consent_from_columns(self._vault, row) if row else None

    def allocate_slot(self) -> StatusSlot:
        """The next slot of the block that this process took from the newest list."""
        if not self._slots.free:
            self._slots.free = self._take_block()
            self._slots.taken += 1
        return self._slots.free.pop()

    def _take_block(self) -> list[StatusSlot]:
        row = self.run(
            "UPDATE status_lists SET used = used + ? WHERE id = (SELECT max(id) FROM status_lists) AND used < size "
            "RETURNING id, size, used, multiplier, start",
            (SLOT_BLOCK,),
        ).fetchone()
        if row is None:
            row = self._open_status_list()
        list_id, size, used, multiplier, start = row
        return [StatusSlot(list_id, (multiplier * n + start) % size) for n in range(used - SLOT_BLOCK, used)]

    def _open_status_list(self) -> Any:
        size = STATUS_LIST_SIZE
        multiplier = secrets.randbelow(size - 2) + 2
        while math.gcd(multiplier, size) != 1:  # coprime: the walk visits every index once
            multiplier += 1
        return self.run(
            "INSERT INTO status_lists (size, used, multiplier, start) VALUES (?, ?, ?, ?) "
            "RETURNING id, size, used, multiplier, start",
            (size, SLOT_BLOCK, multiplier, secrets.randbelow(size)),
        ).fetchone()

    def append_decision(self, row: DecisionRow) -> None:
        """Adds a decision."""
        self.run("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", decision_columns(self._vault, row))
        self.run("INSERT INTO unsealed (entry_id, kind) VALUES (?, 0)", (row.id,))

    def append_entry(self, row: EntryRow) -> None:
        """Adds another ledger entry."""
        self.run("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", entry_columns(self._vault, row))
        self.run("INSERT INTO unsealed (entry_id, kind) VALUES (?, 1)", (row.id,))

    def decisions_of_key(self, key_id: int) -> list[DecisionRow]:
        """Every decision under a subject key."""
        found = self.run("SELECT * FROM decisions WHERE key_id = ? ORDER BY id", (key_id,)).fetchall()
        return [decision_from_columns(self._vault, row) for row in found]

    def consents_of_key(self, key_id: int) -> list[ConsentRow]:
        """The consents under a subject key."""
        found = self.run("SELECT * FROM consents WHERE key_id = ?", (key_id,)).fetchall()
        return [row for row in (consent_from_columns(self._vault, columns) for columns in found) if row]

    def erase_key(self, key_id: int) -> None:
        """Empties what lies under a subject key, and queues the key for shredding."""
        self.run("UPDATE decisions SET sealed = NULL WHERE key_id = ?", (key_id,))
        self.run("UPDATE entries SET payload = NULL WHERE key_id = ?", (key_id,))
        self.run("DELETE FROM consents WHERE key_id = ?", (key_id,))
        self.run("INSERT OR IGNORE INTO shreds VALUES (?)", (key_id,))
        self.run("INSERT OR IGNORE INTO erased_keys (key_id) VALUES (?)", (key_id,))

    def put_consent(self, row: ConsentRow) -> None:
        """Makes this the consent of its handle."""
        self.run(
            "INSERT OR REPLACE INTO consents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", consent_columns(self._vault, row)
        )

    def revoke(self, slot: StatusSlot, site: str, sub: str, epoch: int, revoked_at_ms: int) -> None:
        """Sets a status bit for ever."""
        self.run(
            "INSERT INTO revocations (status_list, status_index, site, sub, epoch, revoked_at_ms) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (slot.list_id, slot.index, site, sub, epoch, revoked_at_ms),
        )
