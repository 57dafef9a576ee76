"""What is shipped: pinned by hash, licensed for it, listed, and asked about."""

from __future__ import annotations

import importlib.metadata
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from support.policies import ROOT

from deploy import supply_chain

PINS = supply_chain.read_pins(supply_chain.LOCK.read_text(encoding="utf-8"))
VULNERABLE = {
    "dependencies": [
        {"name": "urllib3", "version": "1.24.1", "vulns": [{"id": "CVE-2019-11324", "fix_versions": ["1.24.2"]}]}
    ]
}


def component(name: str, version: str, licence: str = "MIT") -> dict[str, Any]:
    return {"name": name, "version": version, "licenses": [{"license": {"id": licence}}]}


def bill(*more: dict[str, Any], without: str = "") -> dict[str, Any]:
    listed = [component(name, version) for name, version in PINS.items() if name != without]
    return {"metadata": {"component": {"name": "cookiegate"}}, "components": [*listed, *more]}


def test_every_shipped_package_is_pinned_by_hash() -> None:
    assert {"flask", "granian", "psycopg", "redis", "pysqlite3", "cryptography"} <= set(PINS)
    assert not {"pytest", "mypy", "ruff", "pip-audit"} & set(PINS)
    build = supply_chain.read_pins((ROOT / "requirements" / "build.lock").read_text())
    assert {"hatchling", "setuptools"} <= set(build)


@pytest.mark.parametrize("line", ["flask>=3", "flask==3.1.3", "flask==3.1.3 \\\n    --hash=md5:00"])
def test_a_lock_that_pins_nothing_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="flask"):
        supply_chain.read_pins(line)


def test_what_is_tested_is_what_is_shipped() -> None:
    tested = supply_chain.read_pins((ROOT / "requirements" / "test.lock").read_text())
    only_below_3_11_3 = {"async-timeout"}
    assert {name: version for name, version in PINS.items() if name not in only_below_3_11_3}.items() <= tested.items()


@pytest.mark.parametrize("name", sorted(set(PINS) - {"async-timeout"}))
def test_every_licence_may_be_shipped(name: str) -> None:
    facts = importlib.metadata.metadata(name)
    stated = facts.get_all("License-Expression") or []
    stated = stated or [text for text in facts.get_all("Classifier") or [] if text.startswith("License ::")]
    listed = {"name": name, "licenses": [{"license": {"name": text}} for text in stated]}
    if not stated and len(text := facts.json.get("license", "")) in range(1, 40):
        listed["licenses"] = [{"license": {"name": text}}]
    licences = supply_chain.licences_of(listed)
    assert licences
    assert not [text for text in licences if re.search(r"\bA?GPL", text)]


def test_a_right_bill_has_no_fault() -> None:
    assert supply_chain.faults_of(bill(), PINS) == []


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (bill(without="flask"), "flask .* is shipped and not in the bill"),
        (bill(component("pytest", "9")), "pytest is in the bill and not in the lock"),
        (bill(component("flask", "3.0"), without="flask"), "flask is 3.0 in the bill"),
        (bill(component("flask", PINS["flask"], "GPL-3.0-only"), without="flask"), "GPL-3.0-only is not one we ship"),
        (bill(component("flask", PINS["flask"], "MIT AND AGPL-3.0-only"), without="flask"), "AGPL-3.0-only"),
        (bill({"name": "flask", "version": PINS["flask"]}, without="flask"), "flask names no licence"),
    ],
)
def test_a_wrong_bill_is_told_why(wrong: dict[str, Any], fault: str) -> None:
    assert any(re.search(fault, line) for line in supply_chain.faults_of(wrong, PINS))


def auditor(folder: Path, canary: str, lock: str) -> str:
    """A program that answers as pip-audit does: one text on the canary, another on the lock."""
    program = folder / "auditor"
    program.write_text(f"#!/bin/sh\ncase \"$*\" in *canary*) printf '%s' '{canary}';; *) printf '%s' '{lock}';; esac\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def clean(*without: str) -> str:
    listed = [{"name": name, "version": version, "vulns": []} for name, version in PINS.items() if name not in without]
    return json.dumps({"dependencies": listed})


@pytest.mark.parametrize("canary", ["", "ERROR: no network", clean(), '{"dependencies": []}'])
def test_an_audit_that_could_not_ask_fails_and_says_so(canary: str, tmp_path: Path) -> None:
    (fault,) = supply_chain.audit(auditor(tmp_path, canary, clean()))
    assert "nothing was checked" in fault


def test_an_audit_passes_when_every_package_was_asked_about(tmp_path: Path) -> None:
    assert supply_chain.audit(auditor(tmp_path, json.dumps(VULNERABLE), clean())) == []
    (fault,) = supply_chain.audit(auditor(tmp_path, json.dumps(VULNERABLE), clean("flask")))
    assert fault == "flask was not checked"
    faults = supply_chain.audit(auditor(tmp_path, json.dumps(VULNERABLE), json.dumps(VULNERABLE)))
    assert "urllib3 1.24.1: CVE-2019-11324, fixed in 1.24.2" in faults
