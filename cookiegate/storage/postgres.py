"""The engine for more than one machine: PostgreSQL, written by several processes at once.

Which lock a work holds, and why nothing is lost between two of them: ``docs/architecture.md``, "Several writers".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from cookiegate.storage.contract import PolicyStore, Record, Revocation, WriteTransaction
from cookiegate.storage.group_commit import GATHER_S, GroupCommit
from cookiegate.storage.patience import Patience
from cookiegate.storage.policies import RecordedPolicies
from cookiegate.storage.postgres_batches import BatchCommitter, MeetingError
from cookiegate.storage.postgres_lines import Lines, read_uri
from cookiegate.storage.postgres_migrating import migrate_server
from cookiegate.storage.postgres_slots import GO_ON, Slots
from cookiegate.storage.postgres_writing import (
    BEGIN_ALONE,
    BEGIN_SHARED,
    COMPILER,
    AloneCommitter,
    TooFarError,
    write_waiting,
)
from cookiegate.storage.reading import RecordReading
from cookiegate.storage.reshredding import queue_undone
from cookiegate.storage.statements import read_rows
from cookiegate.storage.tables import revocations
from cookiegate.storage.vault import Vault

T = TypeVar("T")

#: Pages of 8 kB that one statement looks through for old answers.
FORGET_PAGES = 1_000
_NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
# A lead that lasts longer than a new one would is from before the clock was set back: nobody's.
_LEASE = (
    f"INSERT INTO leases (name, holder, until_ms) VALUES (%s, %s, {_NOW_MS} + %s) ON CONFLICT (name) DO UPDATE "  # noqa: S608
    "SET holder = excluded.holder, until_ms = excluded.until_ms WHERE leases.holder = excluded.holder "
    f"OR leases.until_ms < {_NOW_MS} OR leases.until_ms > excluded.until_ms RETURNING 1"
)
_KEEP = "INSERT INTO artifacts (sha256, site, name, body) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM answers WHERE ctid >= %s::tid AND ctid < %s::tid AND created_at_ms < %s"
_PAGES = "SELECT pg_relation_size('answers') / current_setting('block_size')::bigint"
#: It is written to the log, so that its commit waits for what every commit waits for: the disk, a synchronous standby.
_PROVE_WRITABLE = (
    "INSERT INTO leases (name, holder, until_ms) VALUES ('ping', '', 0) "
    "ON CONFLICT (name) DO UPDATE SET until_ms = excluded.until_ms"
)


class PostgresStorage(RecordReading):
    """The record in a PostgreSQL database. Open it with :meth:`open`."""

    def __init__(self, lines: Lines, vault: Vault, gather_s: float, patience: Patience | None = None) -> None:
        super().__init__(vault)
        self._lines = lines
        self._slots = Slots(lines)
        self._batches = GroupCommit(BatchCommitter(lines, self._slots, vault), gather_s=gather_s, patience=patience)
        self._alone = GroupCommit(AloneCommitter(lines, self._slots, vault), gather_s=0, patience=patience)
        self._policies = RecordedPolicies(self)

    @classmethod
    def open(
        cls, uri: str, vault: Vault, *, gather_s: float = GATHER_S, patience: Patience | None = None
    ) -> PostgresStorage:
        """Opens, and if needed migrates, the database at a ``postgresql://`` URI.

        Args:
            uri: names the database; what libpq takes in it counts, such as ``sslmode``.
            vault: the subject keys, which lie apart.
            gather_s, patience: as for :class:`GroupCommit`.

        Raises:
            SettingsError: the URI or the server cannot be used.
            StorageError: the server cannot be reached now.
            KeyFileError: the subject keys are older than the record.
        """
        conninfo = read_uri(uri)
        migrate_server(conninfo)
        storage = cls(Lines(conninfo, patience=patience), vault, gather_s, patience)
        try:
            storage._refuse_older_keys()
            queue_undone(storage)
            storage.shred()
        except BaseException:
            storage.close()
            raise
        return storage

    @property
    def policies(self) -> PolicyStore:
        """The published policies."""
        return self._policies

    def write(self, work: Callable[[WriteTransaction], T], *, side_by_side: bool = False) -> T:
        """Runs ``work`` inside the next shared commit; see the contract."""
        if side_by_side:
            try:
                return cast(T, self._batches.write(work))
            except MeetingError:
                pass
            except TooFarError:
                return cast(T, self._alone.write(work))
            try:
                return cast(T, write_waiting(self._lines, self._slots, self._vault, work))
            except TooFarError:
                pass
        return cast(T, self._alone.write(work))

    def read(self, statement: sa.Select[Any]) -> list[Record]:
        """Runs a SQLAlchemy Core query on the committed record."""
        prepared = COMPILER.prepare(statement)
        with self._lines.line() as connection:
            return read_rows(connection.cursor(binary=True).execute(prepared.text, prepared.values))

    def tidy(self) -> None:
        """Gives up status slots of a history that the record has left; else the server looks after itself."""
        self._slots.keep_up()

    def empty_log(self) -> None:
        """Does nothing: the server's log is not ours to empty. What was erased is ciphertext there, without a key."""

    def now_ms(self) -> int | None:
        """The time by the server's clock."""
        return int(self._read(f"SELECT {_NOW_MS}", ())[0][0])

    def lease(self, name: str, holder: str, ttl_s: float) -> bool:
        """Takes or renews the lead of a piece of background work, by the server's clock."""
        with self._lines.line(writes=True) as connection:
            return bool(connection.execute(_LEASE, (name, holder, int(ttl_s * 1000))).fetchall())

    def revocations(self, after: int = 0, limit: int = 10_000) -> list[Revocation]:
        """At most ``limit`` revocations with a sequence above ``after``."""
        through = self.settled(revocations.c.sequence, after)
        return self._revocations_between(after, through, limit) if through > after else []

    @property
    def history(self) -> str:
        """Names the server's history, as it was when a line was last begun."""
        return self._lines.history

    def read_history(self) -> str:
        """Asks for it."""
        return self._lines.read_history()

    def settled(self, sequence: sa.Column[int], after: int = 0) -> int:
        """How far a rising sequence can be followed; see the contract."""
        name, table = sequence.name, sequence.table
        if not self._read(f"SELECT 1 FROM {table} WHERE {name} > ? LIMIT 1", (after,)):  # noqa: S608  our own names
            return after
        with self._lines.line() as connection, connection.transaction():
            # Whoever drew a lower number holds the lock shared until its commit can be seen.
            connection.execute(BEGIN_ALONE.partition("; ")[2])
            newest = connection.execute(f"SELECT max({name}) FROM {table}").fetchall()  # noqa: S608  our own names
        return max(after, newest[0][0] or 0)

    def go_on_after(self, sequence: sa.Column[int], number: int) -> None:
        """Moves the column's own counter, which knows nothing of numbers given by hand; never back."""
        with self._lines.line(writes=True) as connection:
            connection.execute(GO_ON, (number, str(sequence.table), sequence.name))

    def keep_artifact(self, sha256: str, site: str, name: str, body: bytes) -> None:
        """Keeps a served file by its digest, once."""
        if self.artifact(sha256) is None:
            with self._lines.line(writes=True) as connection:
                connection.execute(_KEEP, (sha256, site, name, body))

    def forget_answers(self, before_ms: int) -> int:
        """Drops old idempotency keys, some pages at a time, so that nobody waits for long."""
        count = 0
        with self._lines.line(writes=True) as connection:
            pages = int(connection.execute(_PAGES).fetchall()[0][0])
            for first in range(0, pages + 1, FORGET_PAGES):
                places = f"({first},0)", f"({first + FORGET_PAGES},0)"
                count += connection.execute(_FORGET, (*places, before_ms)).rowcount
        return count

    def ping(self) -> None:
        """Writes a row beside the other writers, and waits until it is durable."""
        with self._lines.line(writes=True) as connection:
            connection.execute(f"{BEGIN_SHARED}; {_PROVE_WRITABLE}; COMMIT")

    def close(self) -> None:
        """Closes every connection."""
        self._lines.close()
        self._vault.close()

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lines.line() as connection:
            cursor = connection.cursor(binary=True)
            found: list[Any] = cursor.execute(_in_its_words(statement), values, prepare=True).fetchall()
        return found


@lru_cache(256)
def _in_its_words(statement: str) -> str:
    """A statement with this driver's signs for values."""
    return statement.replace("?", "%s")
