"""A real PostgreSQL server for the tests of one process, and databases on it that are migrated already."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from cookiegate.settings import Settings
from cookiegate.storage.postgres_lines import read_uri
from cookiegate.storage.postgres_migrating import migrate_server
from support.live import free_port

BIN = Path("/usr/lib/postgresql/15/bin")
USER = "keeper"
TEMPLATE = "migrated"
PREFIX = "cookiegate-pg-"
START_TIMEOUT_S = 30.0
LEFT_BEHIND_S = 3_600
#: Durable as in service; small, and quick to end.
CONFIG = {"fsync": "on", "max_connections": "250", "shared_buffers": "64MB", "listen_addresses": "127.0.0.1"}


class PostgresServer:
    """One server with a folder of its own: in memory where there is such a place, unless it must be on disk.

    It ends with this process, however that ends.
    """

    def __init__(self, copy_of: PostgresServer | None = None, *, on_disk: bool = False) -> None:
        memory = Path("/dev/null" if on_disk else "/dev/shm")
        _remove_left_behind(memory)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=memory if memory.is_dir() else None))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._data = self.folder / "data"
        if os.geteuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        if copy_of is not None:
            self._run("pg_basebackup", "-D", str(self._data), "-R", "-c", "fast", "-d", copy_of.uri("postgres"))
            return
        # The order of a natural language: whatever depends on it would differ from SQLite.
        options = ("-U", USER, "-A", "trust", "-E", "UTF8", "--locale-provider=icu", "--icu-locale=en-US", "-N")
        self._run("initdb", "-D", str(self._data), *options, "--locale=C.UTF-8")

    def start(self, **config: str) -> None:
        """Starts it, and returns when it takes connections."""
        options = [part for name, value in {**CONFIG, **config}.items() for part in ("-c", f"{name}={value}")]
        where = ["-D", str(self._data), "-p", str(self.port), "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            command = [*_as_keeper(), "--pdeathsig", "INT", str(BIN / "postgres"), *where, *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                psycopg.connect(self.uri("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "log").read_text(errors="replace")
                threading.Event().wait(0.05)
            else:
                return
        raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text(errors='replace')}")

    def restart(self, **config: str) -> None:
        """Ends it at once, as by a crash, and starts it again."""
        self.stop(signal.SIGQUIT)
        self.start(**config)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it; SIGINT cuts connections, SIGQUIT is the immediate mode."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(30)

    def pause(self) -> None:
        """Lets it stand still: connections are taken by the system, and nobody answers on them."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends a pause."""
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None:
            first = self._process.pid  # it makes no more while it is stopped
            os.kill(first, what)
            for child in Path(f"/proc/{first}/task/{first}/children").read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(child), what)

    def remove(self) -> None:
        """Ends it and removes its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def standby(self) -> PostgresServer:
        """Another server that follows this one and takes no writes; started."""
        copy = PostgresServer(copy_of=self)
        copy.start()
        return copy

    def uri(self, database: str) -> str:
        """A database's URI."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def ask(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs one statement, beside whatever a service does; returns its rows."""
        with psycopg.connect(self.uri(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        command = [*_as_keeper(), str(BIN / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


def _remove_left_behind(place: Path) -> None:
    """Folders of servers whose tests were killed: the server ended with them, the folder did not."""
    for folder in place.glob(f"{PREFIX}*"):
        pid = folder / "data" / "postmaster.pid"
        try:
            runs = pid.exists() and Path("/proc", pid.read_text().split()[0]).exists()
            if not runs and folder.stat().st_mtime < time.time() - LEFT_BEHIND_S:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # another process of tests was quicker


def _as_keeper() -> list[str]:
    if os.geteuid() != 0:
        return ["setpriv"]
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


@cache
def server() -> PostgresServer:
    """The server that the tests of this process share; started when first asked for."""
    started = PostgresServer()
    atexit.register(started.remove)
    started.start()
    started.ask(f"CREATE DATABASE {TEMPLATE}")
    migrate_server(read_uri(started.uri(TEMPLATE)))
    return started


class _Databases:
    """What was made, and for which module of tests: databases of earlier ones go when nobody is connected any more."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self._of_folder: dict[Path, str] = {}
        self._mutex = threading.Lock()

    def make(self, *, migrated: bool = True) -> str:
        with self._mutex:
            module = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
            self._drop_all_but(module)
            name = f"test_{len(self._made)}_{os.urandom(4).hex()}"
            self._made[name] = module
        template = TEMPLATE if migrated else "template1"
        server().ask(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return server().uri(name)

    def of_folder(self, folder: Path) -> str:
        place = folder.absolute()
        if place not in self._of_folder:
            self._of_folder[place] = self.make()
        return self._of_folder[place]

    def _drop_all_but(self, module: str) -> None:
        earlier = [name for name, made_for in self._made.items() if made_for not in (module, "gone")]
        if not earlier:
            return
        # PostgreSQL would wait five seconds for whoever is connected: a service that several modules share.
        connected = {name for (name,) in server().ask("SELECT DISTINCT datname FROM pg_stat_activity")}
        for name in earlier:
            if name in connected:
                continue
            with suppress(psycopg.errors.ObjectInUse):
                server().ask(f"DROP DATABASE IF EXISTS {name}")
                self._made[name] = "gone"


_databases = _Databases()


def fresh_database(*, migrated: bool = True) -> str:
    """The URI of a database of its own: migrated and empty, or without any table."""
    return _databases.make(migrated=migrated)


def database_of(folder: Path) -> str:
    """The database that belongs to a data folder: a fresh one at first, the same ever after."""
    return _databases.of_folder(folder)


def with_password(uri: str, password: str) -> str:
    """The same database, asked for with a password."""
    return uri.replace(f"{USER}@", f"{USER}:{password}@", 1)


def is_asked_for() -> bool:
    """Whether the tests are to keep their records on PostgreSQL (``TEST_DATABASE=postgresql``)."""
    return os.environ.get("TEST_DATABASE", "") == "postgresql"


def redirect_records() -> None:
    """From now on every data folder of this process has its record on PostgreSQL, unless a test names a database."""
    plain = Settings.__init__

    def init(self: Settings, *values: Any, **named: Any) -> None:
        plain(self, *values, **named)
        if self.database_url is None:
            object.__setattr__(self, "database_url", database_of(self.data_dir))

    Settings.__init__ = init  # type: ignore[method-assign]
