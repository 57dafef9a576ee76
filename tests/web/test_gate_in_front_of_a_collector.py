"""The page that puts the gate in front of a collector, followed to the letter."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.policies import DEMO
from support.ports import free_port
from support.waiting import until

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/gate-in-front-of-a-collector.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


class Shell:
    """A folder, and ports in place of the page's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {name: str(free_port()) for name in ("8700", "9000", "9001")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._env = {**kept, "PATH": path, "PYTHONPATH": f"{ROOT}:{folder}"}
        shutil.copy(DEMO, folder / "demo.yaml")
        for name, text in FILES.items():
            (folder / name).write_text(self._moved(text), encoding="utf-8")

    def _moved(self, text: str) -> str:
        for name, port in self.ports.items():
            text = text.replace(name, port)
        return text

    def run(self, command: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            ["bash", "-c", self._moved(command)], cwd=self.folder, env=self._env, capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip
        return done.stdout

    @contextmanager
    def serve(self, command: str, port: str, log: str) -> Iterator[Path]:
        """A server until the end, and the file that it prints to."""
        path = self.folder / log
        with path.open("wb") as file:
            words = ["bash", "-c", self._moved(command)]
            process = subprocess.Popen(words, cwd=self.folder, env=self._env, stderr=file, start_new_session=True)
        try:
            until(lambda: self._answers(port) or process.poll() is not None)
            assert process.poll() is None, path.read_text()
            yield path
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)

    def _answers(self, port: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[port]}/readyz", timeout=2):
                return True
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_the_page_does_what_it_says(shell: Shell) -> None:
    assert sorted(FILES) == ["collector.py", "guarded.py"]
    collector, service, without, with_consent, guarded, at_guarded = COMMANDS
    with ExitStack() as stack:
        log = stack.enter_context(shell.serve(collector, "9000", "collector.log"))
        stack.enter_context(shell.serve(service, "8700", "service.log"))
        refused = shell.run(without)
        assert "202" in refused.splitlines()[0]
        assert "x-consent-reason: token_missing" in refused.lower()
        assert "/api/event" not in log.read_text()
        answered = shell.run(with_consent)
        assert "202" in answered
        until(lambda: "/api/event" in log.read_text())
        got = log.read_text()
        assert "https://shop.example/tea" in got
        assert "HTTP_X_CONSENT_SUBJECT" in got
        for hidden in ("Firefox", "HTTP_COOKIE", "eyJ"):
            assert hidden not in got
        own = stack.enter_context(shell.serve(guarded, "9001", "guarded.log"))
        assert "202" in shell.run(at_guarded).splitlines()[0]
        until(lambda: "/api/event" in own.read_text())
        assert "https://shop.example/tea" in own.read_text()
        assert "Firefox" not in own.read_text()
