"""The pages about the gate say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.consent import ConsentService

from cookiegate.gate import Reason, trackers
from cookiegate.tokens.claims import Claims

DOCS = Path(__file__).parents[2] / "docs"


def _section(page: str, title: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def _first_cells(section: str) -> list[str]:
    return re.findall(r"^\| `([a-z_]+)`", section, re.MULTILINE)


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
    service: ConsentService, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import io
    import sys

    page = (DOCS / "how-to/gate-a-pipeline.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0].replace("StatusBook()", "StatusBook(clock=clock)")
    code = code.replace("status=book)", "status=book, clock=clock)")
    line = f'{{"event":"x","secret":1,"consent_token":"{service.token()}"}}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode() * 2)))
    listed = (service.register.signed(1) or b"").decode()
    exec(code, {"jwks": service.ring.jwks(), "status_list_text": listed, "clock": service.clock})
    sys.stdout.flush()
    found = capfd.readouterr()
    assert found.out.count('{"event":"x","consent":{') == 2
    assert "'secret': 2" in found.err
