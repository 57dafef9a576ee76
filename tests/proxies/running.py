"""One recipe's proxy, running."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from typing import Any

from faults.target import Answer, Client
from support.policies import ORIGIN
from support.waiting import until

from proxies.recipes import Place, Recipe

BODY = json.dumps({"event": "page_view", "plan": "tea"}).encode()


class Proxy:
    """A recipe's process in a place.

    Args:
        recipe: what runs.
        place: where.
    """

    def __init__(self, recipe: Recipe, place: Place) -> None:
        self.recipe = recipe
        self.place = place
        self._log = place.folder / "proxy.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Lays its files out, starts it, and waits until it answers."""
        self.recipe.lay_out(self.place)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.recipe.command(self.place),
                cwd=self.place.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "HOME": str(self.place.folder)},
            )
        until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.recipe.name} ended: {self.log()}"
        try:
            return self.send("GET", "/").status != 404  # traefik listens before it knows its routes
        except OSError:
            return False

    def stop(self) -> None:
        """Ends it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace")

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request, on its own connection; ``_`` in headers means ``-``. A body from an iterator goes chunked."""
        client = Client(self.place.port)
        try:
            return client.send(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        finally:
            client.close()

    def raw(self, *lines: str) -> int:
        """The status of a request without a body, written line by line; 0 if there is none."""
        with socket.create_connection(("127.0.0.1", self.place.port), timeout=10) as line:
            line.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            answer = line.makefile("rb").readline().split()
        return int(answer[1]) if len(answer) > 1 else 0


def post(proxy: Proxy, token: str | None = None, path: str = "/events", **headers: str) -> Answer:
    """An event from the site's page, with its token in the header."""
    named = {"Content_Type": "application/json", "Origin": ORIGIN, **headers}
    return proxy.send("POST", path, BODY, **named, **({"X_Consent_Token": token} if token is not None else {}))


def reason_of(answer: Answer) -> str:
    """Why it was refused."""
    return str(answer.headers.get("X-Consent-Reason", ""))
