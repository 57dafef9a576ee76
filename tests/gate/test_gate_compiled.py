"""The compiled part of the gate: it is here, it is of these sources, and without it all goes the thorough way."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.consent import ConsentService
from support.workers import publish
from verifier.lines_corpus import Corpus

from cookiegate.gate.projecting import IS_COMPILED

ROOT = Path(__file__).parents[2]
_TRY = """
import sys, warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    from cookiegate.gate import projecting
print(projecting.__file__, projecting.IS_COMPILED, *(warning.message for warning in told), sep="\\n")
"""


def test_the_module_was_compiled() -> None:
    assert IS_COMPILED, "make test compiles it; `python hatch_build.py` says what is wrong"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package, on its own."""
    shutil.copytree(ROOT / "cookiegate", tmp_path / "cookiegate", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "cookiegate" / "gate"


def tried(copy: Path, script: str = _TRY) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=copy.parents[1], capture_output=True, text=True, check=True, timeout=60
    )
    return ran.stdout.splitlines()


def test_a_module_of_other_sources_is_not_taken(copy: Path) -> None:
    file, compiled, *told = tried(copy)
    assert (file, compiled, told) == (str(copy / "projecting.py"), "True", [])
    with (copy / "projection" / "times.c").open("a", encoding="utf-8") as source:
        source.write("/* newer */\n")
    _, compiled, warning = tried(copy)
    assert compiled == "False"
    assert "hatch_build.py" in warning


def test_an_installed_package_needs_no_sources(copy: Path) -> None:
    shutil.rmtree(copy / "projection")
    assert tried(copy)[1:] == ["True"]


def test_without_it_the_gate_is_as_right(copy: Path, service: ConsentService, tmp_path: Path) -> None:
    options = publish(service, tmp_path)
    lines = Corpus(service, "plain", seed=5).lines(200)
    compiled = gated(copy, options, lines)
    for module in copy.glob("_projection*.so"):
        module.unlink()
    assert tried(copy)[1:] == ["False"]
    assert gated(copy, options, lines) == compiled


def gated(copy: Path, options: Sequence[str], lines: Sequence[bytes]) -> tuple[list[Any], list[bytes]]:
    """What ``cookiegate gate`` of a copy lets pass of lines, and the rows of its table."""
    command = [sys.executable, "-m", "cookiegate.cli.main", "gate", *options]
    ran = subprocess.run(
        command, cwd=copy.parents[1], input=b"\n".join(lines) + b"\n", capture_output=True, check=False, timeout=60
    )
    out = [json.loads(line) for line in ran.stdout.splitlines()]
    assert out
    return out, sorted(ran.stderr.splitlines())
