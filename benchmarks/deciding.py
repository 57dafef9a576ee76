"""Durable decisions over HTTP: a real service, and wrk as its visitors."""

from __future__ import annotations

import os
import secrets
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from support.live import ServiceProcess
from support.policies import DEMO

from benchmarks.measuring import Measured, read_wrk

CONNECTIONS = 64
#: What a durable decision, with ledger leaf, receipt and token, has to reach on two cores that wrk shares.
AIM_RATE = 3_000
AIM_P99_MS = 50.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SCRIPT = """
local n = 0
request = function()
  n = n + 1
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"
  wrk.headers["Idempotency-Key"] = string.format("%(prefix)s-%%d", n)
  return wrk.format("POST", nil, nil, '%(body)s')
end
"""


class Deciding:
    """A service whose visitors all accept, each for the first time.

    Args:
        folder: of the service's data and the scripts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._service = ServiceProcess(folder, policies=(DEMO,), COOKIEGATE_RATE_LIMIT_WRITES="100000000/minute")
        self._notice = ""

    @contextmanager
    def running(self) -> Iterator[Deciding]:
        """Starts the service, and stops it in the end."""
        self._service.start()
        try:
            with urllib.request.urlopen(f"{self._url}/notice?lang=ja") as answer:
                self._notice = msgspec.json.decode(answer.read())["notice"]
            yield self
        finally:
            self._service.stop()

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._service.port}/v1/sites/demo"

    def load(self, seconds: int) -> Measured:
        """Decides for so long.

        Raises:
            RuntimeError: an answer was an error.
        """
        script = self._folder / "decide.lua"
        body = msgspec.json.encode({"notice": self._notice, "action": "accept"}).decode()
        script.write_text(_SCRIPT % {"prefix": secrets.token_hex(8), "body": body})
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
        printed = subprocess.run([*command, f"{self._url}/decisions"], capture_output=True, text=True, check=True)
        return read_wrk(printed.stdout)

    def cpu_s(self) -> float:
        """Processor seconds that the service has used, all of its processes together."""
        return sum(map(_cpu_s, _family(self._service.pid)))


def _family(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [pid, *(member for child in children for member in _family(child))]


def _cpu_s(pid: int) -> float:
    columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(columns[11]) + int(columns[12])) / _TICKS_PER_S
