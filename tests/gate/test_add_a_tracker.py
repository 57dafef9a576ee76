"""The page that tells how to add a tracker, followed to the letter in a copy of the package."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-a-tracker.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TESTS = ("test_tracker_fixtures.py", "test_tracker_shapes.py", "test_gate_leaks.py", "test_tracker_bad_input.py")


def _commands(step: str) -> list[str]:
    section = PAGE.split(f"## {step}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines()


def _copy(folder: Path) -> None:
    shutil.copytree(ROOT / "cookiegate", folder / "cookiegate", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/support", folder / "tests/support", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/gate/fixtures", folder / "tests/gate/fixtures")
    for name in ("conftest.py", *TESTS):
        shutil.copy(ROOT / "tests/gate" / name, folder / "tests/gate" / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, text in FILES:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _run(folder: Path, command: list[str]) -> str:
    # This project's own package must not come before the copy.
    env = {**os.environ, "PYTHONPATH": f"{folder}:{folder}/tests"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_tracker_is_added_as_the_page_says(tmp_path: Path) -> None:
    assert [name for name, _ in FILES] == [
        "cookiegate/gate/trackers/acme.py",
        "tests/gate/fixtures/acme/batch.json",
        "tests/gate/fixtures/acme/pixel.json",
    ]
    _copy(tmp_path)
    commands = _commands("4. Run the tests")
    assert [command.split()[:3] for command in commands] == [[".venv/bin/python", "-m", "pytest"]] * 2
    for command in commands:
        arguments = shlex.split(command)[1:]
        assert {Path(name).name for name in arguments if name.endswith(".py")} <= set(TESTS)
        out = _run(tmp_path, [sys.executable, *arguments, "-p", "no:cacheprovider", "-p", "no:xdist"])
        assert re.search(r"[1-9]\d* passed", out), out
        assert "failed" not in out
    names = "from cookiegate.gate import trackers; from cookiegate.policy.schema import TRACKERS; "
    code = f"{names}print('acme' in trackers.NAMES and TRACKERS == trackers.NAMES)"
    assert _run(tmp_path, [sys.executable, "-c", code]) == "True\n"
