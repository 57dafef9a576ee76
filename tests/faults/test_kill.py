"""An acknowledged decision survives ``kill -9`` of the whole service, and repeating it changes nothing."""

from __future__ import annotations

import http.client
import json
import secrets
import signal
import threading
import urllib.request
from pathlib import Path
from typing import Any

from support.live import ServiceProcess
from support.policies import DEMO

from cookiegate.settings import Settings
from cookiegate.storage.opening import open_storage

CYCLES = 3
CLIENTS = 4
ENOUGH = 60


def decide(port: int, notice: str, key: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        body = json.dumps({"notice": notice, "action": "accept"})
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        connection.request("POST", "/v1/sites/demo/decisions", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def press(port: int, notice: str, journal: dict[str, str], goal: int) -> None:
    """Decides from several clients until ``goal`` is reached, then goes on in the background until it is cut off."""
    enough = threading.Event()

    def work() -> None:
        while True:
            key = secrets.token_urlsafe(16)
            try:
                status, body = decide(port, notice, key)
            except (OSError, http.client.HTTPException, ValueError):
                return
            if status == 201:
                journal[key] = body["decision"]["id"]
            if len(journal) >= goal:
                enough.set()

    for _ in range(CLIENTS):
        threading.Thread(target=work, daemon=True).start()
    assert enough.wait(30)


def test_no_acknowledged_decision_is_lost_or_doubled(tmp_path: Path) -> None:
    service = ServiceProcess(tmp_path, policies=(DEMO,), COOKIEGATE_RATE_LIMIT_WRITES="1000000/minute")
    journal: dict[str, str] = {}  # idempotency key -> acknowledged decision
    for _ in range(CYCLES):
        service.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/v1/sites/demo/notice") as answer:
            notice = json.loads(answer.read())["notice"]
        press(service.port, notice, journal, len(journal) + ENOUGH)
        service.stop(signal.SIGKILL)
    service.start()
    for key, decision in list(journal.items())[-5:]:
        assert decide(service.port, notice, key)[1]["decision"]["id"] == decision
    service.stop()
    storage = open_storage(Settings(data_dir=tmp_path / "data"))
    kept = {row.id for row in storage.decisions("demo")}
    storage.close()
    assert set(journal.values()) <= kept
    # What was durable but not yet acknowledged when the kill came: at most one a client and cycle.
    assert len(kept) <= len(journal) + CLIENTS * CYCLES
