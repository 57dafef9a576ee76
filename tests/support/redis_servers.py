"""Real Redis servers for tests: alone, behind Sentinel, as a Cluster; and what can go wrong with them."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from support.ports import free_port

HOST = "127.0.0.1"
WAIT_S = 40.0
SERVICE = "main"
END_WITH_ME = ("setpriv", "--pdeathsig", "KILL")
#: The slots of a cluster's three servers: first and end.
SLOTS = ((0, 5461), (5461, 10_923), (10_923, 16_384))


def wait_until(what: Callable[[], Any], told: str, wait_s: float = WAIT_S) -> Any:
    """Asks until the answer is true, and gives it; a server that cannot be asked yet has not answered."""
    ends_at = time.monotonic() + wait_s
    while time.monotonic() < ends_at:
        with contextlib.suppress(redis.RedisError, OSError):
            if found := what():
                return found
        threading.Event().wait(0.02)
    raise AssertionError(f"not within {wait_s} s: {told}")


def _cluster_port() -> int:
    """A free port whose bus port (10,000 above) is free, too."""
    while True:
        port = free_port()
        if port <= 55_535:
            with socket.socket() as bus, contextlib.suppress(OSError):
                bus.bind((HOST, port + 10_000))
                return port


class RedisServer:
    """One ``redis-server`` without persistence, on a free port.

    Args:
        options: as on its command line, without the dashes; ``_`` means ``-``.
        port: where; a free port when not given.
        host: the address that it listens on.
        wrap: put before the command, such as ``ip netns exec``.
    """

    def __init__(
        self, *, port: int | None = None, host: str = HOST, wrap: tuple[str, ...] = (), **options: str | int
    ) -> None:
        self.host = host
        self.port = port or free_port()
        self.options = options
        self._wrap = wrap
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://{self.host}:{self.port}/0"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    def client(self) -> redis.Redis:
        """A client that does not wait long."""
        return redis.Redis(self.host, self.port, socket_timeout=2, password=str(self.options.get("requirepass", "")))

    def ask(self, *command: str | int) -> Any:
        """The answer to a command."""
        with contextlib.closing(self.client()) as client:
            return client.execute_command(*command)

    def start(self) -> Self:
        """Starts it (again, on the same port, with nothing in it) and waits until it answers."""
        command = [
            *self._wrap,
            *END_WITH_ME,
            "redis-server",
            *self._main(),
            "--port",
            str(self.port),
            "--bind",
            self.host,
        ]
        for name, value in {"save": "", "appendonly": "no", "dir": str(self._folder), **self.options}.items():
            command += [f"--{name.replace('_', '-')}", *(str(value).split(" ") if name != "save" else [""])]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        if not self._wrap:
            wait_until(self._answers, f"{command} answers")
        return self

    def _main(self) -> list[str]:
        return []

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        return bool(self.ask("PING"))

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stopped inside."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def stop(self) -> None:
        """Ends it, and forgets what it wrote."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()


class _SentinelServer(RedisServer):
    def __init__(self, master: RedisServer) -> None:
        super().__init__()
        self._watched = master

    def _main(self) -> list[str]:
        file = self._folder / "sentinel.conf"
        if not file.exists():
            port = self._watched.port
            file.write_text(
                f"sentinel monitor {SERVICE} {HOST} {port} 2\nsentinel down-after-milliseconds {SERVICE} 500\n"
                f"sentinel failover-timeout {SERVICE} 2000\n"
            )
        return [str(file), "--sentinel"]


class SentinelGroup:
    """One master, one replica and three sentinels, which agree within a second that a master is gone."""

    def __init__(self) -> None:
        self.first = RedisServer()
        self.second = RedisServer(replicaof=f"{HOST} {self.first.port}", repl_diskless_sync_delay=0)
        self.sentinels: list[RedisServer] = []

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"redis+sentinel://{','.join(server.address for server in self.sentinels)}/{SERVICE}/0"

    def master(self) -> int:
        """The port of the master that the first sentinel names."""
        return int(self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])

    def ask_for_another_master(self) -> None:
        """Makes the sentinels change the roles of the two servers."""
        self.sentinels[0].ask("SENTINEL", "FAILOVER", SERVICE)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as started:
            started.enter_context(self.first)
            started.enter_context(self.second)
            wait_until(lambda: self.first.ask("INFO", "replication")["connected_slaves"] == 1, "the replica follows")
            for _ in range(3):
                self.sentinels.append(started.enter_context(_SentinelServer(self.first)))
            wait_until(self._is_whole, "the sentinels know each other and the replica")
            self._started = started.pop_all()
        return self

    def _is_whole(self) -> bool:
        for sentinel in self.sentinels:
            with contextlib.closing(sentinel.client()) as client:
                state = client.sentinel_masters()[SERVICE]
            if (state["num-other-sentinels"], state["num-slaves"]) != (2, 1):
                return False
        return True

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._started.close()


class ClusterGroup:
    """Three masters, each with a third of the slots."""

    def __init__(self) -> None:
        self.servers = [
            RedisServer(port=_cluster_port(), cluster_enabled="yes", cluster_node_timeout=2000) for _ in range(3)
        ]

    @property
    def url(self) -> str:
        """The address of the cluster."""
        return f"redis+cluster://{','.join(server.address for server in self.servers)}"

    def move_keys(self, giver: RedisServer, taker: RedisServer) -> None:
        """Gives every slot in which one server has keys to another."""
        ids = {server: server.ask("CLUSTER", "MYID").decode() for server in self.servers}
        keys = giver.ask("KEYS", "*")
        for slot in {giver.ask("CLUSTER", "KEYSLOT", key) for key in keys}:
            taker.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[giver])
            giver.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[taker])
            of_slot = [key for key in keys if giver.ask("CLUSTER", "KEYSLOT", key) == slot]
            giver.ask("MIGRATE", HOST, taker.port, "", 0, 5000, "KEYS", *of_slot)
            for server in (taker, giver):
                server.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[taker])

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as started:
            for server in self.servers:
                started.enter_context(server)
            for server, (first, end) in zip(self.servers, SLOTS, strict=True):
                server.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
                server.ask("CONFIG", "SET", "cluster-announce-ip", HOST)
            for server in self.servers[1:]:
                self.servers[0].ask("CLUSTER", "MEET", HOST, server.port)
            for server in self.servers:
                wait_until(lambda server=server: _is_whole(server), "the cluster is whole")  # type: ignore[misc]
            self._started = started.pop_all()
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._started.close()


def _is_whole(server: RedisServer) -> bool:
    with contextlib.closing(server.client()) as client:
        info = client.cluster("INFO")
    return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"
