"""``cookiegate backup`` and ``restore`` as an operator runs them: exit codes and sentences."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from copies.material import Kept

CLI = [sys.executable, "-m", "cookiegate.cli.main"]


def run(*words: str, url: str, **more: Any) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
    env["COOKIEGATE_DATABASE_URL"] = url
    return subprocess.run([*CLI, *words], capture_output=True, text=True, timeout=120, check=False, env=env, **more)


def keys_in(place: Path) -> tuple[str, ...]:
    return "--keys", str(place / "keys"), "--subject-keys", str(place / "subject-keys")


@pytest.fixture
def place(kept_in_a_file: Kept) -> Path:
    """Backed up with its keys, two decisions before a checkpoint that somebody kept."""
    kept, place = kept_in_a_file, kept_in_a_file.place
    kept.decide_many(3)
    kept.seal()
    options = (
        "--data-dir",
        str(kept.folder),
        "--keys",
        str(place / "keys"),
        "--subject-keys",
        str(place / "subject-keys"),
    )
    done = run("backup", str(place / "backup"), *options, url=str(kept.settings.database_url))
    assert done.returncode == 0, done.stderr
    assert "3 sealed entries, 0 waiting" in done.stdout
    assert "verified, sound" in done.stdout
    kept.decide_many(2)
    kept.seal()
    (place / "saved.txt").write_text(kept.ledger.checkpoint())
    return place


def restore(place: Path, *more: str) -> subprocess.CompletedProcess[str]:
    there = place / "there"
    url = f"sqlite:///{there / 'cookiegate.db'}"
    return run("restore", str(place / "backup"), "--data-dir", str(there), *keys_in(place), *more, url=url)


def test_missing_entries_are_counted_and_accepted_only_when_that_is_said(place: Path) -> None:
    told = "the outside checkpoint has 5 entries, this copy 3: 2 entries from position 3 on are missing"
    refused = restore(place, "--against", str(place / "saved.txt"))
    assert (refused.returncode, told in refused.stdout) == (3, True)
    assert "NOT RESTORED" in refused.stdout
    accepted = restore(place, "--against", str(place / "saved.txt"), "--accept-missing")
    assert (accepted.returncode, told in accepted.stdout) == (0, True)
    assert "3 consents wait until their person confirms them" in accepted.stdout
    again = restore(place)
    assert (again.returncode, "holds" in again.stderr) == (2, True)
    there = place / "there"
    verified = run("ledger", "verify", "--data-dir", str(there), url=f"sqlite:///{there / 'cookiegate.db'}")
    assert (verified.returncode, "1 restore" in verified.stdout) == (0, True)


def test_a_checkpoint_that_the_copy_reaches_is_said_to_be_held(place: Path) -> None:
    done = restore(place, "--against", str(place / "backup" / "checkpoint.txt"), "--nothing-since")
    assert done.returncode == 0
    assert "has 3 entries, and this copy holds them all" in done.stdout
    assert "every consent holds as it was" in done.stdout


def test_a_checkpoint_of_another_log_is_refused(place: Path) -> None:
    saved = place / "saved.txt"
    saved.write_text(saved.read_text().replace("consent.example.jp", "other.example.jp"))
    done = restore(place, "--against", str(saved))
    assert (done.returncode, "is no checkpoint of this log" in done.stderr) == (2, True)
    assert not list((place / "there").glob("*.db"))
