"""Rotating keys under load, on a real service with a gate elsewhere that polls the published key set."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from support.live import ServiceProcess
from support.policies import DEMO
from support.waiting import until

from cookiegate.gate import Verifier
from cookiegate.sources.keysets import FollowedKeys
from cookiegate.sources.refreshing import Refresher
from cookiegate.sources.statuslists import FollowedStatuses
from cookiegate.tokens import base64url
from cookiegate.tokens.keys import KeyRing

POLL_S = 0.2
AHEAD_S = 1.5
CLIENTS = 3
EACH = 25  # tokens verified after each turn before the next


class Load:
    """Visitors who accept, and whose tokens are checked by the service and by a gate elsewhere."""

    def __init__(self, port: int, verifier: Verifier) -> None:
        self._port = port
        self._verifier = verifier
        self._stopped = threading.Event()
        self.tokens: list[str] = []
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._press, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(20)

    def more(self, count: int) -> None:
        """Waits for so many tokens more."""
        goal = len(self.tokens) + count
        until(lambda: len(self.tokens) >= goal)

    def check_all(self) -> None:
        """Every token that was ever given, once more."""
        self.refused += [str(verdict.reason) for text in self.tokens if not (verdict := self._verifier.verify(text)).ok]

    def _press(self) -> None:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=10)) as connection:
            self._decide_again_and_again(connection)

    def _decide_again_and_again(self, connection: HTTPConnection) -> None:
        connection.request("GET", "/v1/sites/demo/notice")
        notice = json.loads(connection.getresponse().read())["notice"]
        while not self._stopped.is_set():
            headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_urlsafe(16)}
            body = json.dumps({"notice": notice, "action": "accept"})
            connection.request("POST", "/v1/sites/demo/decisions", body, headers)
            token = json.loads(connection.getresponse().read())["token"]
            connection.request("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": token})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 204:
                self.refused.append(str(answer.getheader("X-Consent-Reason")))
            verdict = self._verifier.verify(token)
            if not verdict.ok:
                self.refused.append(f"elsewhere: {verdict.reason}")
            self.tokens.append(token)


def test_no_valid_token_is_refused_while_keys_rotate(tmp_path: Path) -> None:
    service = ServiceProcess(tmp_path, policies=(DEMO,), COOKIEGATE_RATE_LIMIT_WRITES="1000000/minute")
    service.start()
    try:
        jwks = f"http://127.0.0.1:{service.port}/.well-known/jwks.json"
        keys = FollowedKeys(jwks)
        verifier = Verifier(keys, audience="demo", issuer=service.base_url)
        statuses = FollowedStatuses(keys.public)
        ring = KeyRing.open(tmp_path / "data")
        used = {ring.active.kid}
        with Refresher(keys, statuses, every_s=POLL_S), Load(service.port, verifier) as load:
            for _ in range(3):
                load.more(EACH)
                coming = ring.rotate(ahead_s=AHEAD_S)
                until(lambda kid=coming.kid: f'"{kid}"' in _heads(load.tokens[-1:]))
                used.add(coming.kid)
            load.more(EACH)
            load.check_all()
        assert load.refused == []
        assert {kid for kid in used if f'"{kid}"' in _heads(load.tokens)} == used
    finally:
        service.stop()


def _heads(tokens: list[str]) -> str:
    return " ".join({base64url.decode(text.partition(".")[0]).decode() for text in tokens})


def test_the_commands_take_a_running_service_through_a_rotation(tmp_path: Path) -> None:
    service = ServiceProcess(tmp_path, policies=(DEMO,))
    service.start()

    def keys(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cookiegate.cli.main", "keys", *words, "--data-dir", str(tmp_path / "data")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def published() -> set[str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/.well-known/jwks.json", timeout=5) as answer:
            return {key["kid"] for key in json.loads(answer.read())["keys"]}

    try:
        assert "is published; it becomes active at" in keys("rotate").stdout
        listed = json.loads(keys("list", "--json").stdout)
        assert [(item["state"], item["due_at"] is not None) for item in listed] == [("active", False), ("next", True)]
        until(lambda: published() == {item["kid"] for item in listed})
        assert "becomes active at" in keys("rotate").stderr
        hurried = keys("rotate", "--now")
        assert f"{listed[1]['kid']} is active now" in hurried.stdout
        early = keys("disable", listed[0]["kid"])
        assert (early.returncode, "--now" in early.stderr) == (2, True)
        assert keys("disable", "--now", listed[0]["kid"]).returncode == 0
        until(lambda: published() == {listed[1]["kid"]})
    finally:
        service.stop()
