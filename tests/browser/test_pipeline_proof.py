"""What a browser sent, given to the pipeline: ``cookiegate gate`` comes to the same result as the gate over HTTP."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request
from support.live import LiveService
from support.trackers import CARRIERS, TrackedVisit, track

from cookiegate.clock import SystemClock, rfc3339


def line_of(request: Request) -> str:
    """A request as a proxy logs it for the pipeline: what the browser really sent, headers and cookies included."""
    parts = urlsplit(request.url)
    headers = {name: value for name, value in request.all_headers().items() if not name.startswith(":")}
    line: dict[str, Any] = {
        "received_at": rfc3339(SystemClock().now_ms()),
        "ip": "127.0.0.1",
        "method": request.method,
        "path": f"{parts.path}?{parts.query}" if parts.query else parts.path,
        "headers": headers,
        "body": request.post_data,
    }
    return json.dumps(line, ensure_ascii=False)


def status_of(token: str) -> str:
    """The address of the status list that a token names."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["status"]["status_list"]["uri"])


def run_gate(
    service: LiveService, tracker: str, lines: list[str], status: str, *options: str
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Runs the command as an analytics engineer does; gives the accepted lines and the closing table."""
    command = [sys.executable, "-m", "cookiegate.cli.main", "gate", "--tracker", tracker]
    command += ["--audience", "demo", "--purpose", "analytics", "--policy", str(service.folder / "demo.yaml")]
    command += ["--jwks", f"{service.url}/.well-known/jwks.json", "--status", status, *options]
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    rows = [row.rsplit(maxsplit=1) for row in done.stderr.splitlines() if row.strip()[-1:].isdigit()]
    table = {name.strip(): int(count.replace(",", "")) for name, count in rows}
    return [json.loads(line) for line in done.stdout.splitlines()], table


def essence(line: dict[str, Any]) -> dict[str, Any]:
    """What the two ways must agree on: all but the time, and the path's prefix under which the service collects."""
    path = line["path"].partition("?")[0].removeprefix("/collect/snowplow").removeprefix("/collect/plausible")
    return {**line, "path": path, "received_at": None, "body": json.loads(line["body"])}


def collected(tracked: TrackedVisit) -> list[dict[str, Any]]:
    """This visit's lines of the log that the service wrote."""
    return [line for line in tracked.seen.service.collected(tracked.tracker) if tracked.app in line["body"]]


@pytest.mark.parametrize(("tracker", "carrier"), CARRIERS)
def test_the_pipeline_gate_passes_and_strips_what_the_gate_over_http_does(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.fire("page")
    tracked.choose(["analytics"], ["language", "browsing"])
    status = status_of(str(tracked.seen.token("analytics")))
    tracked.fire("bought", "again")
    lines = [line_of(request) for request in tracked.requests]
    accepted, table = run_gate(service, tracker, lines, status)
    over_http = collected(tracked)
    assert [essence(line) for line in accepted] == [essence(line) for line in over_http]
    assert table["accepted"] == len(over_http) >= 2
    assert table["accepted"] + table["dropped"] == len(lines)
    assert table.get("token_missing", 0) == (0 if carrier == "query" else 1)  # the event before the choice
    assert table["fields stripped"] > 0
    assert all(line["consent"]["acquire"] == "language browsing" for line in accepted)
    report, _ = run_gate(service, tracker, lines, status, "--report")
    assert report == [json.loads(line) for line in lines]


@pytest.mark.parametrize(("tracker", "carrier"), CARRIERS)
def test_after_a_withdrawal_the_pipeline_passes_none_of_them(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.accept()
    status = status_of(str(tracked.seen.token("analytics")))
    tracked.fire("page", "bought")
    lines = [line_of(request) for request in tracked.requests]
    tracked.withdraw()
    accepted, table = run_gate(service, tracker, lines, status)
    assert accepted == []
    assert (table["accepted"], table["dropped"], table["withdrawn"]) == (0, len(lines), len(lines))


@pytest.mark.parametrize(("tracker", "carrier"), [("snowplow", "context"), ("plausible", "cookie")])
def test_the_pipeline_refuses_what_was_tampered_with(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.choose(["analytics"], ["language"])
    token = str(tracked.seen.token("analytics"))
    tracked.fire("page")
    line = line_of(tracked.requests[-1])
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["acquire"] = "ip device language screen browsing identifier other"
    wider = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    tampered = line.replace(token, f"{head}.{wider}.{signature}")
    assert tampered != line
    accepted, table = run_gate(service, tracker, [line, tampered], status_of(token))
    assert len(accepted) == 1
    assert table["signature_invalid"] == 1
