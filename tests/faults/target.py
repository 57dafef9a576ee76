"""The service under test: started, killed, spoken to, and read afterwards."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.live import ServiceProcess
from support.policies import DEMO
from support.waiting import until

from cookiegate.settings import Settings, read_settings

PLENTY = "100000000/minute"
SITE = "demo"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    headers: http.client.HTTPMessage

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def cookie(self, name: str) -> str | None:
        """A cookie that it sets; empty for one that it takes away."""
        for line in self.headers.get_all("Set-Cookie") or []:
            found, _, rest = line.partition("=")
            if found == name:
                return rest.partition(";")[0]
        return None


class Client:
    """One connection to a port, opened anew whenever it broke. Not safe for threads."""

    def __init__(self, port: int, timeout_s: float = 10.0) -> None:
        self._port = port
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One exchange.

        Raises:
            OSError, HTTPException: no whole answer came.
        """
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout_s)
        try:
            self._connection.request(method, path, body, dict(headers or {}))
            answer = self._connection.getresponse()
            found = Answer(answer.status, answer.read(), answer.headers)
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return found

    def close(self) -> None:
        """Lets go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Target:
    """A service process with a data folder, and the settings that read its record.

    Args:
        folder: for everything it writes.
        data: its data folder when that lies elsewhere.
        env: more ``COOKIEGATE_*`` variables, and others of its environment.
    """

    def __init__(self, folder: Path, *, data: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        limits = {f"COOKIEGATE_RATE_LIMIT_{name}": PLENTY for name in ("WRITES", "TOKENS", "EVENTS", "READS")}
        self.folder = folder
        self.env = {**limits, **(env or {})}
        base_url = self.env.pop("COOKIEGATE_BASE_URL", None)
        self.process = ServiceProcess(folder, base_url=base_url, policies=(DEMO,), **self.env)
        self.is_running = False
        if data is not None:
            (folder / "data").symlink_to(data)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.process.port

    @property
    def settings(self) -> Settings:
        """What opens its record."""
        ours = {name: value for name, value in self.env.items() if name.startswith("COOKIEGATE_")}
        return read_settings({**ours, "COOKIEGATE_BASE_URL": self.process.base_url}, data_dir=self.data)

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        self.process.start()
        self.is_running = True

    def stop(self) -> None:
        """Ends it as an operator would."""
        self.process.stop()
        self.is_running = False

    def kill(self) -> float:
        """``kill -9`` of the whole service, workers included; when that was (monotonic seconds)."""
        self.process.stop(signal.SIGKILL)
        self.is_running = False
        return time.monotonic()

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self.process.pid

    def workers(self) -> list[int]:
        """Process ids of the request-serving workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children if _is_worker(int(child))]

    def kill_worker(self) -> float:
        """``kill -9`` of one worker; returns when that was (monotonic seconds), once it is gone."""
        worker = self.workers()[0]
        os.kill(worker, signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: worker not in self.workers())
        return killed

    def client(self, timeout_s: float = 10.0) -> Client:
        """A new connection."""
        return Client(self.port, timeout_s)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One exchange on a connection of its own; ``_`` in header names means ``-``."""
        client = self.client()
        try:
            return client.send(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        finally:
            client.close()

    def notice(self) -> str:
        """The digest of the current notice."""
        return str(self.ask("GET", f"/v1/sites/{SITE}/notice").json["notice"])

    def memory(self) -> int:
        """Resident bytes of the workers together."""
        pages = sum(int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in self.workers())
        return pages * os.sysconf("SC_PAGE_SIZE")


def _is_worker(pid: int) -> bool:
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in ("Z", "X") and b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
