"""Worker processes for tests: started for real, told by their words and their metrics."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Self

from cookiegate.clock import SystemClock
from support.consent import ConsentService
from support.ports import free_port
from support.waiting import until

ROOT = Path(__file__).parents[2]
_SAMPLE = re.compile(r"^(cookiegate_worker_\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def publish(service: ConsentService, folder: Path) -> tuple[str, ...]:
    """The service's keys and list as files, its clock at now, and the options that name them."""
    service.clock.at_ms = SystemClock().now_ms()
    (folder / "jwks.json").write_text(json.dumps(service.ring.jwks()))
    (folder / "status.jwt").write_bytes(service.register.signed(1) or b"")
    return (
        "--audience", "demo", "--purpose", "analytics", "--jwks", str(folder / "jwks.json"),
        "--status", str(folder / "status.jwt"),
    )  # fmt: skip


class Worker:
    """``cookiegate worker`` in a process of its own.

    Args:
        arguments: of the command; its port for metrics is added.
    """

    def __init__(self, *arguments: str) -> None:
        self.port = free_port()
        self._command = [sys.executable, "-m", "cookiegate.cli.main", "worker", *arguments]
        self._command += ["--metrics", str(self.port)]
        self._process: subprocess.Popen[str] | None = None
        self._told: list[str] = []
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True, env=environ)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until(lambda: self.has_told("The worker runs") or self.code is not None)
        assert self.code is None, self.told
        return self

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._told.append(line)

    @property
    def told(self) -> str:
        """What it said on stderr."""
        return "".join(self._told)

    def has_told(self, words: str) -> bool:
        """Whether it said so."""
        return words in self.told

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def metrics(self) -> dict[str, float]:
        """What it shows: the name, for events with tracker and outcome, and the figure."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = {}
        for name, labels, figure in _SAMPLE.findall(text):
            told = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            found[" ".join((name, *(told[label] for label in ("tracker", "outcome") if label in told)))] = float(figure)
        return found

    def has_counted(self, tracker: str, outcome: str, times: int) -> bool:
        """Whether it shows so many events."""
        return self.metrics().get(f"cookiegate_worker_events_total {tracker} {outcome}") == times

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        code = self._process.wait(60)
        if self._reader is not None:
            self._reader.join(10)
        return code

    def __exit__(self, *_: object) -> None:
        if self.code is None:
            self.kill()
        if self._process is not None and self._process.stderr is not None:
            self._process.stderr.close()
