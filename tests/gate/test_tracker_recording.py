"""The packages still send what the fixtures hold: recorded again in Chromium, and compared field by field."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gate.recording.documented import documented
from support.tracker_fixtures import FIXTURES, Fixture, fixtures, flatten

ROOT = Path(__file__).parents[2]
#: One of each package; what is not here differs by its packing alone.
PAGES = ("jitsu/single", "otlp/traces", "posthog/gzip", "rudderstack/beacon", "segment/batch")


def _names(fixture: Fixture) -> set[str]:
    # Which cookies are there already depends on how busy the machine is.
    return {name for name in flatten(fixture.read) if not name.startswith("cookie ")}


@pytest.mark.browser
def test_packages_send_the_fields_that_the_fixtures_hold(npm_dir: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [sys.executable, "-m", "gate.recording", "--to", str(tmp_path), *PAGES]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = {(item.tracker, item.shape): item for item in fixtures()}
    seen = fixtures(tmp_path)
    assert {f"{item.tracker}/{item.shape}" for item in seen} >= set(PAGES)
    for item in seen:
        before = kept[item.tracker, item.shape]
        assert _names(item) == _names(before), (item.tracker, item.shape)
        assert item.read["method"] == before.read["method"]
        assert item.read["path"] == before.read["path"]
        assert item.read.get("packing") == before.read.get("packing")


def test_documented_fixtures_are_those_that_the_script_writes() -> None:
    kept = {(item.tracker, item.shape): item.read for item in fixtures(FIXTURES)}
    for key, line in documented().items():
        assert {name: value for name, value in kept[key].items() if name != "fields"} == line


def test_no_code_of_a_tracker_is_in_the_fixtures() -> None:
    for item in fixtures():
        assert "function(" not in str(item.read)
        assert "=>" not in str(item.read)
