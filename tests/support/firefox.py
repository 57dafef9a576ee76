"""Debian's Firefox ESR with real preferences, driven over Marionette: its own protocol, JSON over a socket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from support.ports import free_port
from support.waiting import until

FIREFOX = "/usr/bin/firefox-esr"
START_TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 60.0
#: What keeps a fresh profile quiet: no first-run pages, no look-ups of its own.
QUIET: Mapping[str, Any] = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """A browser with a profile of its own.

    Args:
        folder: for the profile and the log.
        preferences: name → value, as about:config shows them.
    """

    def __init__(self, folder: Path, **preferences: Any) -> None:
        self._folder = folder
        self._port = free_port()
        self._count = 0
        self._preferences = {**QUIET, "marionette.port": self._port, **preferences}

    def __enter__(self) -> Firefox:
        profile = self._folder / "profile"
        profile.mkdir()
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in self._preferences.items())
        (profile / "user.js").write_text("\n".join(lines))
        command = [FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", str(profile), "about:blank"]
        env = {**os.environ, "HOME": str(self._folder), "MOZ_DISABLE_AUTO_SAFE_MODE": "1"}
        with (self._folder / "firefox.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
        until(self._is_listening, START_TIMEOUT_S)
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_TIMEOUT_S)
        self._stream = self._socket.makefile("rb")
        self._read()  # its greeting
        self.do("WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": False}})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def do(self, command: str, **parameters: Any) -> Any:
        """One command, such as ``WebDriver:Navigate``; its answer.

        Raises:
            AssertionError: the browser could not do it.
        """
        self._count += 1
        text = json.dumps([0, self._count, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(text), text))
        _, _, error, answer = self._read()
        assert error is None, f"{command}: {error}"
        return answer

    def go(self, url: str) -> None:
        """Goes to a page and waits until it has loaded."""
        self.do("WebDriver:Navigate", url=url)

    def run(self, script: str, *args: Any) -> Any:
        """The value of a script's ``return``; a promise is awaited."""
        return self.do("WebDriver:ExecuteScript", script=script, args=list(args))["value"]

    def wait_for(self, expression: str) -> None:
        """Waits until a JavaScript expression is true on the page."""
        until(lambda: self.run(f"return Boolean({expression})"), ANSWER_TIMEOUT_S)

    def _is_listening(self) -> bool:
        assert self._process.poll() is None, (self._folder / "firefox.log").read_text(errors="replace")
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def _read(self) -> Any:
        length = b""
        while (byte := self._stream.read(1)) != b":":
            assert byte, "the browser hung up"
            length += byte
        return json.loads(self._stream.read(int(length)))
