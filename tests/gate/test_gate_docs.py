"""The pages about the gate say what the code does."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest
from support.consent import ConsentService
from support.shelves import Shelf

from cookiegate.clock import SystemClock
from cookiegate.gate import Reason, trackers
from cookiegate.tokens.claims import Claims

DOCS = Path(__file__).parents[2] / "docs"


def _section(page: str, title: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def _first_cells(section: str) -> list[str]:
    return re.findall(r"^\| `([a-z0-9_]+)`", section, re.MULTILINE)


def test_every_reason_is_explained_and_no_other() -> None:
    assert _first_cells(_section("reference/gate.md", "Reasons")) == [reason.value for reason in Reason]


def test_every_tracker_is_listed_with_its_paths() -> None:
    section = _section("reference/gate.md", "Trackers")
    assert tuple(_first_cells(section)) == trackers.NAMES
    for name in trackers.NAMES:
        assert all(f"`{route.path}`" in section for route in trackers.find(name).routes if route.path)


def test_every_claim_is_listed() -> None:
    section = _section("reference/tokens.md", "Consent token")
    listed = set(
        re.findall(r"`([a-z]+)`", "".join(line.split("|")[1] for line in section.splitlines() if line[:3] == "| `"))
    )
    assert listed == set(Claims.__struct_fields__)


def test_readers_loop_of_the_how_to_runs(
    service: ConsentService, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "how-to/gate-a-pipeline.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    service.clock.at_ms = SystemClock().now_ms()
    for name, content in {".well-known/jwks.json": json.dumps(service.ring.jwks()), "status/1": _list(service)}.items():
        (shelf.folder / name).parent.mkdir()
        code = code.replace("https://consent.example.jp", shelf.put(name, content).removesuffix(f"/{name}"))
    line = f'{{"event":"x","secret":1,"consent_token":"{service.token()}"}}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode() * 2)))
    exec(code, {})
    sys.stdout.flush()
    found = capfd.readouterr()
    assert found.out.count('{"event":"x","consent":{') == 2
    assert "'secret': 2" in found.err


def _list(service: ConsentService) -> bytes:
    return service.register.signed(1) or b""
