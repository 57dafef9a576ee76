"""A real ``cookiegate demo`` in its own process and folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 60.0


class DemoProcess:
    """``cookiegate demo`` as a person starts it: in a folder, with arguments, until Ctrl-C.

    Args:
        folder: where it runs; its ``.demo`` appears there.
        arguments: of the command.
        env: instead of this process's variables.
    """

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.said = ""
        self.address = ""
        command = [sys.executable, "-m", "cookiegate.cli.main", "demo", *arguments]
        self._process = subprocess.Popen(
            command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env, text=True,
            start_new_session=True,
        )  # fmt: skip
        self._opened = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if not self._opened.wait(START_TIMEOUT_S) or not self.address:
            self.end()
            raise RuntimeError(f"the demo did not start: {self.said}")

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said += line
            words = line.split()
            if words[:1] == ["open"]:
                self.address = words[1].removesuffix("/demo/")
                self._opened.set()
        self._opened.set()

    @property
    def port(self) -> int:
        """The port that it chose."""
        return int(self.address.rpartition(":")[2])

    def end(self) -> int:
        """Presses Ctrl-C, which a terminal sends to every process of the command; gives the exit code."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            raise
        finally:
            self._listener.join(5)
            assert self._process.stderr is not None
            self._process.stderr.close()

    def lines(self, tracker: str) -> list[dict[str, Any]]:
        """The log file itself."""
        folder = self.folder / ".demo" / f"port-{self.port}" / "collected" / "demo"
        days = sorted(folder.glob(f"{tracker}.????-??-??.jsonl"))
        return [json.loads(line) for path in days for line in path.read_text().splitlines()]

    def fetch(self, path: str, method: str = "GET") -> bytes:
        """The body of an address."""
        with urllib.request.urlopen(urllib.request.Request(self.address + path, method=method), timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def feed(self) -> dict[str, Any]:
        """What the live view is told."""
        found: dict[str, Any] = json.loads(self.fetch("/demo/feed?after=0"))
        return found
