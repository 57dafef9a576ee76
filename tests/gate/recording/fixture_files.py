"""Recorded requests as files."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from gate.recording.capture import Captured
from gate.recording.pages import TrackerPage
from support.tracker_fixtures import flatten

RECEIVED_AT = "2026-11-18T11:06:40Z"
#: They belong to the connection to the recorder.
_FRAMING = frozenset({"host", "connection", "content-length", "accept-encoding", "upgrade-insecure-requests"})


def write(page: TrackerPage, seen: list[Captured], folder: Path) -> Iterator[Path]:
    """Writes a file for each request of the page and gives the paths: ``<shape>.json``, ``<shape>-2.json``, ….

    Requests are in the order of their addresses, since those that go side by side come in any.
    A packed body is written as it was before, with the name of its packing, so that a token can be put into it.
    """
    for number, captured in enumerate(sorted(seen, key=lambda item: item.path.partition("?")[0]), 1):
        shape = page.shape if number == 1 else f"{page.shape}-{number}"
        yield save(folder / page.tracker / f"{shape}.json", _line(page, captured))


def save(path: Path, line: dict[str, Any]) -> Path:
    """Writes one fixture; its fields keep the categories that a person gave them; new ones wait, as ``?``."""
    judged = json.loads(path.read_text(encoding="utf-8")).get("fields", {}) if path.exists() else {}
    line = {**line, "fields": {name: judged.get(name, "?") for name in flatten(line)}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _line(page: TrackerPage, captured: Captured) -> dict[str, Any]:
    packing, text = unpack(captured.body)
    line: dict[str, Any] = {
        "note": f"recorded from {page.package} in Chromium",
        "received_at": RECEIVED_AT,
        "ip": "203.0.113.9",
        "method": captured.method,
        "path": captured.path,
        "headers": {name: value for name, value in captured.headers.items() if name.lower() not in _FRAMING},
        "body": text,
    }
    return {**line, "packing": packing} if packing else line


def unpack(body: bytes) -> tuple[str | None, str | None]:
    """The name of a body's packing (None for none) and its text without it."""
    if body.startswith(b"\x1f\x8b"):
        return "gzip", gzip.decompress(body).decode()
    if body.startswith(b"data="):
        return "base64 in data", base64.b64decode(dict(parse_qsl(body.decode()))["data"]).decode()
    return None, body.decode() or None
