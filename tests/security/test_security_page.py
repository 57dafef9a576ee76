"""``docs/explanation/security.md`` names tests that are there, and every test of a CVE or a threat is named there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")


def names_of_tests() -> set[str]:
    found: set[str] = set()
    for path in HERE.glob("test_*.py"):
        found |= set(re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    return found


def test_every_row_of_threats_has_its_tests() -> None:
    named = re.findall(r"^\|.*\| `(test_\w+)` \|$", PAGE, re.MULTILINE)
    assert len(named) == 20
    for name in named:
        assert [test for test in names_of_tests() if test.startswith(name)], f"no test begins with {name}"


def test_every_row_of_known_faults_has_its_test_and_every_test_its_row() -> None:
    rows = set(re.findall(r"^\| CVE-(\d+-\d+) \|", PAGE, re.MULTILINE))
    tried = {"-".join(found) for test in names_of_tests() for found in re.findall(r"^test_cve_(\d+)_(\d+)_", test)}
    assert len(rows) == 19
    assert rows == tried
