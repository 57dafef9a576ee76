"""Lines to a PostgreSQL server: pooled, each with its deadlines, none where a commit might not last."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap, Buffer, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper, NumericBinaryLoader, NumericLoader
from psycopg.types.string import StrBinaryDumper, StrDumper
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from cookiegate.errors import RecordDamagedError, SettingsError, StorageError
from cookiegate.storage.group_commit import BatchLostError
from cookiegate.storage.patience import OUT_OF_REACH, PATIENCE_S, UNKNOWN, Patience
from cookiegate.storage.postgres_silence import STATEMENT_TIMEOUT_MS, Line, Writers

Connection = psycopg.Connection[tuple[Any, ...]]

SETTING = "COOKIEGATE_DATABASE_URL"
#: Advisory locks with two numbers are ours by the first; those of answers have one number.
LOCKS = 0x636F6F6B
WRITERS, MIGRATION, SLOTS = 1, 2, 3
FIRST_VERSION = 140_000
LOST = OUT_OF_REACH
#: How long anybody waits for a lock, as for a line: a locked record is refused within two seconds.
LOCK_TIMEOUT_MS = int(PATIENCE_S * 1000)
#: While the server is down: how long it is taken to be, and how long anybody waits for a line meanwhile.
DOWN_S, DOWN_WAIT_S = 1.0, 0.1
#: What a transaction may idle between two statements before the server ends it, and with it its locks.
IDLE_TIMEOUT_MS = 10_000
LINES_MAX = 10
#: How long the pool goes on by itself after a line was lost, with growing pauses; later, whoever wants one tries again.
RECONNECT_S = 2.0
#: What the URI may set otherwise. With several hosts, the one that takes writes is found.
LINE: dict[str, str | int] = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "target_session_attrs": "read-write",
    "application_name": "cookiegate",
}
#: The same rules on every line, whatever the server's defaults become while it is open.
_PREPARE = (
    "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false), "
    "set_config('idle_in_transaction_session_timeout', %s, false), set_config('jit', 'off', false), "
    "set_config('default_transaction_isolation', 'read committed', false), "
    "set_config('synchronous_commit', current_setting('synchronous_commit'), false)"
)
#: Which server the record comes from, its timeline (a promotion or a restore begins another), and whether its tables
#: were made anew.
_HISTORY = (
    "SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()), "
    "CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END, "
    "(SELECT oid FROM pg_database WHERE datname = current_database()), to_regclass('revocations')::oid)"
)
_FACTS = (
    "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_encoding'), "
    "current_setting('server_version_num')::int"
)


class DatabaseDamagedError(BatchLostError, RecordDamagedError):
    """The database contradicts itself: a page or an index is not what the server wrote."""

    code = RecordDamagedError.code


def storage_error(error: Exception, detail: str = LOST) -> StorageError:
    """Wraps a driver's error without its text, which may quote data."""
    cause = type(error).__name__
    if isinstance(getattr(error, "orig", error), psycopg.errors.DataCorrupted | psycopg.errors.IndexCorrupted):
        return DatabaseDamagedError("the database is damaged: restore it from a backup", cause=cause)
    return StorageError(detail, cause=cause)


def batch_lost(error: Exception) -> BatchLostError:
    """The same for what ended a whole batch."""
    found = storage_error(error)
    return found if isinstance(found, BatchLostError) else BatchLostError(found.detail, **found.evidence)


def commit_lost(error: psycopg.Error) -> StorageError:
    """The same for a commit: where the line broke nobody knows what became of it."""
    return storage_error(error, LOST if error.sqlstate else UNKNOWN)


def read_uri(uri: str) -> str:
    """The driver's words for a ``postgresql://`` or ``postgresql+psycopg://`` URI, with our deadlines.

    Raises:
        SettingsError: it cannot be read, or names no database. The URI is not repeated: it holds a password.
    """
    try:
        given = conninfo_to_dict("postgresql://" + uri.partition("://")[2])
    except psycopg.Error:
        given = {}
    # An unescaped password reads as a port and a database: what is so odd is not tried, nor named in a message.
    ports, database = str(given.get("port", "")), str(given.get("dbname", ""))
    if not database or set(database) & set("@/") or set(ports) - set("0123456789,"):
        raise SettingsError(
            f"{SETTING} must be like postgresql://user:password@host:5432/database; "
            "in a password write %2F for /, %3A for : and %40 for @"
        )
    words: dict[str, Any] = {**LINE, **given, "client_encoding": "UTF8"}
    return make_conninfo("", **words)


def refuse_forgetful(fsync: str, synchronous_commit: str, encoding: str, version: int) -> None:
    """Stops the start on a server that acknowledges what it may lose, or that cannot keep our texts.

    Raises:
        SettingsError: naming the server's setting and what it must be.
    """
    if fsync != "on":
        raise SettingsError(
            f"{SETTING}: the server runs with fsync={fsync} and would lose decisions that it acknowledged; "
            "set fsync = on in postgresql.conf and reload it"
        )
    if synchronous_commit == "off":
        raise SettingsError(
            f"{SETTING}: synchronous_commit is off for this server, database or user, so that decisions are "
            "acknowledged before they last; set it to on"
        )
    if encoding != "UTF8":
        raise SettingsError(f"{SETTING}: the database is encoded in {encoding}; create it with ENCODING 'UTF8'")
    if version < FIRST_VERSION:
        raise SettingsError(f"{SETTING}: PostgreSQL {FIRST_VERSION // 10_000} or later is needed")


class Lines:
    """The pool of one process.

    ``history`` is another text once a line leads to a server that took another's place.

    Args:
        conninfo: from :func:`read_uri`.
        lines_max: most lines at once.
        patience: of the threads that wait for a line.
    """

    def __init__(self, conninfo: str, lines_max: int = LINES_MAX, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._writers = Writers()
        self._pool = ConnectionPool(
            conninfo,
            connection_class=Line,
            kwargs={"autocommit": True, "context": _ADAPTERS},
            configure=self._begin,
            min_size=1,
            max_size=lines_max,
            timeout=PATIENCE_S,
            reconnect_timeout=RECONNECT_S,
            open=False,
            name="cookiegate",
        )
        self._down_until = 0.0
        self.history = ""
        self._pool.open()

    def take(self, patience_s: float = PATIENCE_S, *, writes: bool = False) -> Line:
        """A line that nobody else uses until it is given back; outside any transaction.

        Args:
            patience_s: how long to wait for one.
            writes: whether it is to write, which is not begun while other writers hang.

        Raises:
            StorageError: there is none in this time; while the server is down that is said sooner, so that requests do
                not hold every thread.
        """
        if writes:
            self._writers.refuse_stalled()
        connection = self._take(patience_s)
        if writes:
            try:
                self._writers.begin(connection)
            except BaseException as error:
                self.give_back(connection)
                if isinstance(error, psycopg.Error):
                    raise storage_error(error) from error
                raise
        return connection

    def _take(self, patience_s: float) -> Line:
        while True:
            wait_s = DOWN_WAIT_S if time.monotonic() < self._down_until else patience_s
            try:
                connection = self._pool.getconn(wait_s)
            except (PoolTimeout, PoolClosed, TooManyRequests) as error:
                self._down_until = time.monotonic() + DOWN_S
                raise storage_error(error) from error
            if not _has_news(connection):
                return connection
            self.give_back(connection, broken=True)  # the server hung up while it lay here

    def give_back(self, connection: Line, *, broken: bool = False) -> None:
        """Returns a line; a transaction that is open on it is undone, a broken line is closed."""
        self._writers.end(connection)
        if connection.was_silent:
            self._down_until = time.monotonic() + DOWN_S
        if broken or connection.was_silent:
            connection.close()
        elif connection.pgconn.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            try:
                connection.rollback()
            except psycopg.Error:
                connection.close()
        self._pool.putconn(connection)

    @contextmanager
    def line(self, *, writes: bool = False) -> Iterator[Line]:
        """A line for the length of a block.

        Args:
            writes: as for :meth:`take`.

        Raises:
            StorageError: there is none, or the driver failed in the block.
        """
        is_first = not self._patience.is_inside
        patience_s = self._patience.enter() if is_first else PATIENCE_S
        try:
            connection = self.take(patience_s, writes=writes)
            try:
                yield connection
                self._patience.moved()
            except psycopg.Error as error:
                raise storage_error(error) from error
            finally:
                self.give_back(connection)
        finally:
            if is_first:
                self._patience.leave()

    def read_history(self) -> str:
        """Asks which history the server's databases are in now, and keeps that as :attr:`history`."""
        with self.line() as connection:
            self.history = _history_of(connection)
        return self.history

    def _begin(self, connection: Connection) -> None:
        # Before anything is written on it: it may be the first line to a server that took another's place.
        _configure(connection)
        self.history = _history_of(connection)

    def close(self) -> None:
        """Closes every line that lies here; those in use when they come back."""
        self._pool.close()


def connect(conninfo: str) -> Connection:
    """One line beside the pool, for the start.

    Raises:
        StorageError: the server does not answer, or lets us not in.
        SettingsError: it is not one that a record can be kept on.
    """
    try:
        connection = psycopg.connect(conninfo, autocommit=True, context=_ADAPTERS)
    except psycopg.OperationalError as error:
        where = conninfo_to_dict(conninfo)
        at = f"{where.get('host', 'this machine')}:{where.get('port', 5432)}"
        # The library's own last sentence says which it is. Of a connection that was never made it quotes no data.
        said = str(error).strip().rpartition("\n")[2].strip()
        raise storage_error(
            error,
            f"the database {where['dbname']} at {at} cannot be reached ({said}): is it running, does it take writes, "
            f"and are the user and password in {SETTING} right?",
        ) from error
    try:
        _configure(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: Connection) -> None:
    connection.execute(_PREPARE, (str(STATEMENT_TIMEOUT_MS), str(LOCK_TIMEOUT_MS), str(IDLE_TIMEOUT_MS)))
    refuse_forgetful(*connection.execute(_FACTS).fetchall()[0])


def _history_of(connection: Connection) -> str:
    try:
        return str(connection.execute(_HISTORY).fetchall()[0][0])
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFunction):
        return ""  # a hosted server that does not say; rows that are missing still tell


def _has_news(connection: Connection) -> bool:
    """Whether the server said something on an idle line: that it ends. Costs no turn."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


class _TextDumper(StrDumper):
    """PostgreSQL's text knows no NUL: it is a replacement character there, found and stored alike."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class _TextBinaryDumper(StrBinaryDumper):
    """The same in the binary format."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class _BoolLoader(Loader):
    """A truth value as 0 or 1, as every engine gives it."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _BoolBinaryLoader(_BoolLoader):
    format = psycopg.pq.Format.BINARY

    def load(self, data: Buffer) -> int:
        return int(bytes(data) != b"\0")


class _SumLoader(NumericLoader):
    """Sums of whole numbers come as ``numeric``; no column is one."""

    def load(self, data: Buffer) -> Any:
        return int(super().load(data))


class _SumBinaryLoader(NumericBinaryLoader):
    """The same in the binary format."""

    def load(self, data: Buffer) -> Any:
        return int(super().load(data))


def _adapters() -> AdaptersMap:
    # Whole numbers always go as eight bytes: a statement is then prepared once, however large they grow.
    adapters = AdaptersMap(psycopg.adapters)
    for kind, dumper in ((str, _TextDumper), (str, _TextBinaryDumper), (int, Int8Dumper), (int, Int8BinaryDumper)):
        adapters.register_dumper(kind, dumper)
    for name, loader in (
        ("bool", _BoolLoader),
        ("bool", _BoolBinaryLoader),
        ("numeric", _SumLoader),
        ("numeric", _SumBinaryLoader),
    ):
        adapters.register_loader(name, loader)
    return adapters


_ADAPTERS = _adapters()
