"""Decisions, their evidence, and the script that checks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from support.service import Bench

from cookiegate.ledger.receipt_reading import read_receipt
from cookiegate.rights.erasure import Erasure
from cookiegate.tokens.jws import PublicKeys
from cookiegate.web.evidence.gathering import EvidenceRoom
from cookiegate.web.evidence.writing import check_evidence

BASE_URL = "https://consent.example.jp"


def decide(bench: Bench, action: str = "accept", visitor: Any = None, **body: Any) -> dict[str, Any]:
    """A decision on the widget's English banner; the answer."""
    ui = bench.service.surfaces.current("demo", "en", "widget").digest
    answer = (visitor or bench.visitor()).decide(action, ui=ui, **body)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.get_json()
    return found


def gather(bench: Bench, decision_id: str, receipt: str | None = None) -> dict[str, Any]:
    room = EvidenceRoom(bench.service.settings, bench.service.storage, bench.clock)
    read = receipt and read_receipt(receipt, PublicKeys(room.keyring.jwks()))
    return room.gather(decision_id, read or None)


def faults(evidence: dict[str, Any]) -> list[str]:
    return [f"{name}: {fault}" for name, fault in check_evidence(evidence) if fault is not None]


def erase(bench: Bench, decision_id: str) -> None:
    """Erases whoever made a decision."""
    row = bench.service.storage.decision(decision_id)
    assert row is not None
    Erasure(bench.service.storage, lambda *_: None, bench.clock).erase(row.key_id, site="demo", by="self")


def run_check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The script as an auditor runs it: isolated, without this program's folders."""
    command = [sys.executable, "-I", "check.py", "evidence.json", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
