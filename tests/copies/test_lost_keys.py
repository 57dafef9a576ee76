"""When the newest copy of the subject keys is older than the record, there is a way on, and it says what is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cookiegate.errors import KeyFileError
from cookiegate.rights.copies.losses import accept_loss, count_lost, mark_lost
from cookiegate.storage.vault import BLOCK, FILE, FOLDER
from copies.material import Kept, NewDatabase, opened, verified


def go_back(kept: Kept, keys: bytes) -> None:
    """Puts an old copy of the keys in place."""
    kept.close()
    (kept.folder / FOLDER / FILE).write_bytes(keys)


@pytest.fixture
def behind(kept: Kept) -> Kept:
    """A record of which the newest people's keys are lost."""
    kept.decide_many(3)
    keys = (kept.folder / FOLDER / FILE).read_bytes()
    for _ in range(BLOCK + 5):
        kept.storage.vault.new_key()
    kept.decide_many(4)
    kept.seal()
    go_back(kept, keys)
    return kept


def test_the_start_is_refused_until_the_loss_is_accepted(behind: Kept) -> None:
    uri = str(behind.settings.database_url)
    with pytest.raises(KeyFileError, match="older than the record"), opened(uri, behind.folder):
        pass
    assert count_lost(behind.settings) > 4
    told = accept_loss(behind.settings, behind.clock)
    assert told >= 4
    with opened(uri, behind.folder) as storage:
        rows = storage.decisions("demo")
        assert [row.is_erased for row in rows] == [False] * 3 + [True] * 4
        assert storage.entries(kind="loss")
        assert storage.vault.new_key() > max(row.key_id for row in rows)


def test_the_ledger_verifies_afterwards_and_a_repetition_changes_nothing(behind: Kept) -> None:
    accept_loss(behind.settings, behind.clock)
    uri = str(behind.settings.database_url)
    seen = verified(uri, behind.folder, behind.clock.now_ms())
    assert (seen.findings.lines, seen.erased) == ([], 4)
    assert accept_loss(behind.settings, behind.clock) == 0
    with opened(uri, behind.folder) as storage:
        assert sum(len(entry.record) > 0 for entry in storage.entries(kind="loss")) == len(storage.entries(kind="loss"))


def test_an_acceptance_that_was_cut_off_is_made_good_by_the_next(behind: Kept) -> None:

    mark_lost(behind.folder, count_lost(behind.settings) + 256)
    assert accept_loss(behind.settings, behind.clock) > 0
    assert not verified(str(behind.settings.database_url), behind.folder, behind.clock.now_ms()).findings


def test_who_was_erased_since_the_old_copy_stays_erased(kept: Kept) -> None:
    gone = kept.decide()
    keys = (kept.folder / FOLDER / FILE).read_bytes()
    kept.erasure.erase(gone.row.key_id, site="demo", by="self")
    for _ in range(BLOCK):
        kept.storage.vault.new_key()
    kept.decide()
    go_back(kept, keys)
    accept_loss(kept.settings, kept.clock)
    with opened(str(kept.settings.database_url), kept.folder) as storage:
        assert not storage.vault.holds(gone.row.key_id)


def test_a_restore_accepts_the_loss_when_it_is_told_to(kept: Kept, other_database: NewDatabase, tmp_path: Path) -> None:
    kept.decide_many(2)
    kept.back_up_to("older")
    for _ in range(BLOCK):
        kept.storage.vault.new_key()
    kept.decide_many(2)
    kept.back_up_to("newer", keys=False)
    there = tmp_path / "restored"
    there.mkdir()
    uri = other_database(there)
    restored = kept.restore_to(uri, there, "newer", accept_lost_keys=True)
    assert restored.is_done
    assert restored.lost >= 2
    assert not verified(uri, there, kept.clock.now_ms()).findings


def test_the_command_asks_before_it_gives_anything_up(kept_in_a_file: Kept) -> None:
    kept = kept_in_a_file
    kept.decide()
    keys = (kept.folder / FOLDER / FILE).read_bytes()[:32]
    go_back(kept, keys)
    words = [sys.executable, "-m", "cookiegate.cli.main", "keys", "accept-loss", "--data-dir", str(kept.folder)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
    env["COOKIEGATE_DATABASE_URL"] = str(kept.settings.database_url)

    def run(*more: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*words, *more], input=said, capture_output=True, text=True, timeout=60, check=False, env=env
        )

    assert run(said="n\n").returncode == 130
    assert (kept.folder / FOLDER / FILE).read_bytes() == keys
    done = run("--yes")
    assert done.returncode == 0
    assert "were given up" in done.stdout
