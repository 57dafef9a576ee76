"""Transactions on PostgreSQL: which lock each holds, and what one unit of work may do inside.

Works side by side hold the writers' lock shared, every other work holds it alone, on all nodes. So whatever is not the
hot path sees nothing half-done and is never surprised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from cookiegate.errors import StorageError
from cookiegate.storage.contract import AnswerRow, ConsentRow, DecisionRow, EntryRow, Record, StatusSlot
from cookiegate.storage.group_commit import BatchLostError
from cookiegate.storage.postgres_lines import (
    LOCKS,
    LOST,
    WRITERS,
    Connection,
    Lines,
    batch_lost,
    commit_lost,
    storage_error,
)
from cookiegate.storage.postgres_silence import Line
from cookiegate.storage.postgres_slots import Slots
from cookiegate.storage.sealed_rows import (
    ANSWER_COLUMNS,
    CONSENT_COLUMNS,
    DECISION_COLUMNS,
    ENTRY_COLUMNS,
    consent_columns,
    consent_from_columns,
    decision_columns,
    decision_from_columns,
    entry_columns,
)
from cookiegate.storage.statements import Compiler, read_rows
from cookiegate.storage.vault import Vault

BEGIN_SHARED = f"BEGIN; SELECT pg_advisory_xact_lock_shared({LOCKS}, {WRITERS})"
BEGIN_ALONE = f"BEGIN; SELECT pg_advisory_xact_lock({LOCKS}, {WRITERS})"
CONTRADICTS = "the write contradicts what is recorded"
CONSENT_KEY = ("site", "handle_hash")


def insert(table: str, columns: tuple[str, ...]) -> str:
    """An insertion of one row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608


def select(table: str, columns: tuple[str, ...]) -> str:
    """The columns of a table."""
    return f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608  our own names


DECISION = select("decisions", DECISION_COLUMNS)
CONSENT = select("consents", CONSENT_COLUMNS) + " WHERE site = %s AND handle_hash = %s"
ANSWER = select("answers", ANSWER_COLUMNS) + " WHERE site = %s AND key_hash = %s"
REPLACES = f"ON CONFLICT ({', '.join(CONSENT_KEY)}) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in CONSENT_COLUMNS if name not in CONSENT_KEY
)
#: Written to the log, so that a commit without anything else waits, too, until the standby has all that came before: an
#: answer may be seen here and not there, since the server was started anew while its commit waited.
INSIST = "SELECT pg_logical_emit_message(true, 'cookiegate', '')"
_CLAIM = insert("answers", ANSWER_COLUMNS) + " ON CONFLICT DO NOTHING RETURNING 1"
_APPEND = insert("decisions", DECISION_COLUMNS)
_APPEND_ENTRY = insert("entries", ENTRY_COLUMNS)
_WAIT_FOR_SEALING = "INSERT INTO unsealed (entry_id, kind) VALUES (%s, %s)"
_PUT = f"{insert('consents', CONSENT_COLUMNS)} {REPLACES}"
_REVOKE = insert("revocations", ("status_list", "status_index", "site", "sub", "epoch", "revoked_at_ms"))
_ERASE = (
    "UPDATE decisions SET sealed = NULL WHERE key_id = %s",
    "UPDATE entries SET payload = NULL WHERE key_id = %s",
    "DELETE FROM consents WHERE key_id = %s",
    "INSERT INTO shreds (key_id) VALUES (%s) ON CONFLICT DO NOTHING",
    # Not ON CONFLICT: that would use up a sequence for nothing.
    "INSERT INTO erased_keys (key_id) SELECT %s WHERE NOT EXISTS (SELECT 1 FROM erased_keys WHERE key_id = %s)",
)
COMPILER = Compiler(PGDialect_psycopg())  # type: ignore[no-untyped-call]


class TooFarError(StorageError):
    """A work that was to run side by side does what only one that runs alone may do. It is undone, and run again."""


def answer_lock(row: AnswerRow) -> int:
    """The number of the lock of an idempotency key."""
    return int.from_bytes(hashlib.blake2b(row.site.encode() + row.key_hash, digest_size=8).digest(), signed=True)


class PostgresTransaction:
    """One unit of work that runs alone. What has no answer is kept back and sent together."""

    def __init__(self, connection: Connection, slots: Slots, vault: Vault) -> None:
        self._connection = connection
        self._cursor = connection.cursor(binary=True)
        self._slots = slots
        self._vault = vault
        self._later: list[tuple[str, tuple[Any, ...] | dict[str, Any]]] = []
        self.was_sent = False

    def send(self, text: str, values: tuple[Any, ...] | dict[str, Any] = ()) -> None:
        """Runs a statement before the next that has an answer; an error of it comes then."""
        self._later.append((text, values))

    def flush(self) -> None:
        """Runs what was kept back, in one turn."""
        if self._later:
            later, self._later, self.was_sent = self._later, [], True
            with self._connection.pipeline():
                for text, values in later:
                    self._cursor.execute(text, values, prepare=bool(values))

    def _ask(self, text: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        self.flush()
        return self._cursor.execute(text, values, prepare=True).fetchall()

    def execute(self, statement: sa.Executable) -> list[Record]:
        """Runs a SQLAlchemy Core statement."""
        prepared = COMPILER.prepare(statement)
        if not prepared.gives_rows:
            self.send(prepared.text, dict(prepared.values))
            return []
        self.flush()
        return read_rows(self._cursor.execute(prepared.text, prepared.values))

    def claim_answer(self, row: AnswerRow) -> AnswerRow | None:
        """Remembers the answer, or gives back the earlier one."""
        if self._ask(_CLAIM, (row.site, row.key_hash, row.body_hash, row.decision_id, row.created_at_ms)):
            return None
        self.send(INSIST)
        return AnswerRow(*self._ask(ANSWER, (row.site, row.key_hash))[0])

    def find_decision(self, decision_id: str) -> DecisionRow | None:
        """One decision."""
        found = self._ask(f"{DECISION} WHERE id = %s", (decision_id,))
        return decision_from_columns(self._vault, found[0]) if found else None

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The consent of a handle, locked until the end where others write too."""
        found = self._ask(f"{CONSENT} FOR UPDATE", (site, handle_hash))
        return consent_from_columns(self._vault, found[0]) if found else None

    def allocate_slot(self) -> StatusSlot:
        """The next slot of the block that this process took."""
        return self._slots.take()

    def append_decision(self, row: DecisionRow) -> None:
        """Adds a decision."""
        self.send(_APPEND, decision_columns(self._vault, row))
        self.send(_WAIT_FOR_SEALING, (row.id, 0))

    def append_entry(self, row: EntryRow) -> None:
        """Adds another ledger entry."""
        self.send(_APPEND_ENTRY, entry_columns(self._vault, row))
        self.send(_WAIT_FOR_SEALING, (row.id, 1))

    def decisions_of_key(self, key_id: int) -> list[DecisionRow]:
        """Every decision under a subject key."""
        found = self._ask(f"{DECISION} WHERE key_id = %s ORDER BY id", (key_id,))
        return [decision_from_columns(self._vault, row) for row in found]

    def consents_of_key(self, key_id: int) -> list[ConsentRow]:
        """The consents under a subject key."""
        found = self._ask(f"{select('consents', CONSENT_COLUMNS)} WHERE key_id = %s", (key_id,))
        return [row for row in (consent_from_columns(self._vault, columns) for columns in found) if row]

    def erase_key(self, key_id: int) -> None:
        """Empties what lies under a subject key, and queues the key for shredding."""
        for text in _ERASE:
            self.send(text, (key_id,) * text.count("%s"))

    def put_consent(self, row: ConsentRow) -> None:
        """Makes this the consent of its handle."""
        self.send(_PUT, consent_columns(self._vault, row))

    def revoke(self, slot: StatusSlot, site: str, sub: str, epoch: int, revoked_at_ms: int) -> None:
        """Sets a status bit for ever."""
        self.send(_REVOKE, (slot.list_id, slot.index, site, sub, epoch, revoked_at_ms))


class Narrow:
    """What a work side by side may not do: it would meet works on other persons."""

    __slots__ = ()

    def execute(self, statement: sa.Executable) -> list[Record]:
        """Is not for here."""
        raise TooFarError("this work must run alone")

    def append_entry(self, row: EntryRow) -> None:
        """Is not for here."""
        raise TooFarError("this work must run alone")

    def decisions_of_key(self, key_id: int) -> list[DecisionRow]:
        """Is not for here."""
        raise TooFarError("this work must run alone")

    def consents_of_key(self, key_id: int) -> list[ConsentRow]:
        """Is not for here."""
        raise TooFarError("this work must run alone")

    def erase_key(self, key_id: int) -> None:
        """Is not for here."""
        raise TooFarError("this work must run alone")


class NarrowTransaction(Narrow, PostgresTransaction):
    """One unit of work beside others: it waits for those that do the same, and does no more than the hot path does."""

    def claim_answer(self, row: AnswerRow) -> AnswerRow | None:
        """Remembers the answer, or gives back the earlier one."""
        self.send("SELECT pg_advisory_xact_lock(%s)", (answer_lock(row),))
        return super().claim_answer(row)


def write_waiting(lines: Lines, slots: Slots, vault: Vault, work: Callable[[Any], Any]) -> Any:
    """Runs one work side by side in a transaction of its own, which waits for whoever it met.

    Raises:
        StorageError: nothing was kept, or nobody knows.
        TooFarError: it must run alone.
    """
    slots.provide()
    with lines.line(writes=True) as connection:
        try:
            connection.execute(BEGIN_SHARED)
            transaction = NarrowTransaction(connection, slots, vault)
            result = work(transaction)
            transaction.send("COMMIT")
            transaction.flush()
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise storage_error(error, CONTRADICTS) from error
        except psycopg.Error as error:
            raise commit_lost(error) from error
    return result


class AloneCommitter:
    """Works that run alone: no other transaction of any process is between its begin and its end.

    Args:
        lines: the pool.
        slots: status slots of this process.
        vault: the subject keys.
    """

    def __init__(self, lines: Lines, slots: Slots, vault: Vault) -> None:
        self._lines = lines
        self._slots = slots
        self._vault = vault
        self._connection: Line | None = None

    def begin(self) -> None:
        """Takes the writers' lock, waiting at most the lock timeout."""
        self._connection = self._lines.take(writes=True)
        try:
            self._connection.execute(BEGIN_ALONE)
        except psycopg.Error as error:
            raise storage_error(error) from error

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Runs one unit of work behind a savepoint of its own."""
        connection = self._line()
        transaction = PostgresTransaction(connection, self._slots, self._vault)
        transaction.send("SAVEPOINT unit")
        try:
            try:
                result = work(transaction)
                transaction.send("RELEASE unit")
                transaction.flush()
            except (psycopg.IntegrityError, psycopg.DataError) as error:
                connection.execute("ROLLBACK TO unit")
                raise storage_error(error, CONTRADICTS) from error
            except psycopg.Error:
                raise
            except Exception:
                if transaction.was_sent:
                    connection.execute("ROLLBACK TO unit")
                raise
        except psycopg.Error as error:
            raise batch_lost(error) from error
        return result

    def commit(self) -> None:
        """Commits; with ``synchronous_commit`` this returns after the log is synced."""
        connection = self._line()
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            raise commit_lost(error) from error
        self._connection = None
        self._lines.give_back(connection)

    def abandon(self) -> None:
        """Closes the line, which rolls back what was open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._lines.give_back(connection, broken=True)

    def _line(self) -> Line:
        if self._connection is None:
            raise BatchLostError(LOST)
        return self._connection
