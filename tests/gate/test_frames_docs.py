"""The page about data frames says what runs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.consent import ConsentService
from support.shelves import Shelf
from support.tracker_fixtures import fixtures

from cookiegate.clock import SystemClock, rfc3339
from cookiegate.gate import frame

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "gate-a-data-frame.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_code_of_the_page_runs(
    service: ConsentService,
    shelf: Shelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.clock.at_ms = SystemClock().now_ms()
    list_text = service.register.signed(1) or b""
    for name, content in {".well-known/jwks.json": json.dumps(service.ring.jwks()), "status/1": list_text}.items():
        (shelf.folder / name).parent.mkdir()
        address = shelf.put(name, content).removesuffix(f"/{name}")
    monkeypatch.chdir(tmp_path)
    row = {"event": "x", "secret": 1, "collected_at": rfc3339(service.clock.now_ms()), "day": "2026-11-18"}
    rows = [{**row, "consent_token": service.token()}, {**row, "consent_token": None}]
    Path("events.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    fixture = next(item for item in fixtures() if (item.tracker, item.shape) == ("matomo", "bulk"))
    request = {**json.loads(fixture.line(service.token())), "received_at": row["collected_at"]}
    Path("matomo.jsonl").write_text(json.dumps(request), encoding="utf-8")
    names: dict[str, Any] = {}
    for block in BLOCKS[:3]:
        exec(block.replace("https://consent.example.jp", address), names)
    (event,) = map(json.loads, Path("granted.jsonl").read_text(encoding="utf-8").splitlines())
    assert event["event"] == "x"
    assert event["secret"] is None
    (passed,) = map(json.loads, Path("matomo-granted.jsonl").read_text(encoding="utf-8").splitlines())
    assert passed["day"] == "2026-11-18"
    assert len(json.loads(json.loads(passed["request"])["body"])["requests"]) == 2
    out = capsys.readouterr().out
    assert "token_missing" in out
    assert "'secret': 1" in out


def test_code_for_spark_names_what_there_is() -> None:
    imported = next(node for node in ast.walk(ast.parse(BLOCKS[3])) if isinstance(node, ast.ImportFrom))
    assert all(hasattr(frame, name.name) for name in imported.names if name.name != "gate_spark")
    assert callable(frame.gate_spark)
