"""What is compared: the peer's own server from npm on PostgreSQL, and ours on its embedded record."""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from support.live import ServiceProcess, free_port
from support.policies import DEMO

from benchmarks.filling import fill

HERE = Path(__file__).parent
C15T = HERE / "c15t"
START_TIMEOUT_S = 60
INSTALL_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Writer:
    """One thing to load: where, by which script with which variables, and the processes that it costs."""

    url: str
    script: Path
    asked: Mapping[str, str]
    pids: tuple[int, ...]

    def environment(self) -> dict[str, str]:
        """What wrk is started with; every run has names of its own."""
        return {**os.environ, **self.asked, "RUN": secrets.token_hex(8), "SEED": str(secrets.randbelow(2**31))}


def install() -> str:
    """Installs the peer from its lock file with npm, once, and tells its version."""
    installed, lock = C15T / "node_modules" / ".package-lock.json", C15T / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        print("installing the peer's packages …", flush=True)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=C15T, check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S)
    package = C15T / "node_modules" / "@c15t" / "backend" / "package.json"
    return str(json.loads(package.read_text(encoding="utf-8"))["version"])


@contextmanager
def peer(database_url: str, database_pid: int) -> Iterator[tuple[Writer, Writer]]:
    """The peer on an empty database, and the bare floor beside it in the same process."""
    port = free_port()
    command = ["node", "server.mjs", str(port), database_url]
    process = subprocess.Popen(command, cwd=C15T, stdout=subprocess.PIPE, text=True)
    try:
        _wait_until_ready(process)
        url, pids = f"http://127.0.0.1:{port}", (process.pid, database_pid)
        consents = Writer(url, C15T / "consents.lua", {"SNAPSHOT": _snapshot(url)}, pids)
        yield consents, Writer(url, HERE / "bare.lua", {}, pids)
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
    if not ready or process.stdout.readline().strip() != "ready":
        raise RuntimeError("the peer did not start; its own message is above")


def _snapshot(url: str) -> str:
    """The token of the policy that the peer's client brings back with a consent."""
    headers = {"Origin": "http://shop.test", "X-Country-Code": "DE"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/c15t/init", headers=headers)) as answer:
        return str(json.load(answer)["policySnapshotToken"])


@contextmanager
def ours(folder: Path, size: int) -> Iterator[Writer]:
    """The service with its defaults, but for the limits per address: here all come from one.

    Args:
        folder: a new one.
        size: decisions that it holds already.
    """
    folder.mkdir()
    service = ServiceProcess(folder, policies=(DEMO,), COOKIEGATE_RATE_LIMIT_WRITES="100000000/minute")
    service.start()
    if size:
        service.stop()
        fill(folder / "data", size)
        service.start()
    try:
        url = f"http://127.0.0.1:{service.port}"
        with urllib.request.urlopen(f"{url}/v1/sites/demo/notice?lang=ja") as answer:
            notice = msgspec.json.decode(answer.read())["notice"]
        yield Writer(url, HERE / "accepts.lua", {"NOTICE": notice}, (service.pid,))
    finally:
        service.stop()
