"""A backup is one moment of the record, whole and verified, whatever goes on meanwhile."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pysqlite3
import pytest
from support.waiting import until

from cookiegate.errors import BackupError
from cookiegate.rights.copies.backing_up import UnsoundCopyError, back_up
from cookiegate.rights.copies.manifest import check_files, read_manifest
from cookiegate.storage.copying.embedded import reason_of
from cookiegate.storage.copying.rows import count_rows, record_engine
from cookiegate.storage.vault import FILE
from copies.material import Kept, silent, verified

CLI = [sys.executable, "-m", "cookiegate.cli.main"]


def entries_of(folder: Path) -> int:
    return read_manifest(folder).counts["decisions"]


def test_a_backup_holds_every_row_and_says_what_it_holds(kept: Kept) -> None:
    kept.history()
    made = kept.back_up_to().manifest
    with record_engine(kept.settings).connect() as connection:
        assert made.counts == count_rows(connection)
    assert (made.ledger.size, made.ledger.checkpoint) == (kept.saved()[1].size, kept.ledger.checkpoint())
    assert made.verified
    assert made.newest_key >= 1
    check_files(kept.place / "backup", read_manifest(kept.place / "backup"))
    assert (kept.place / "backup" / "checkpoint.txt").read_text() == kept.ledger.checkpoint()


def test_backups_under_load_are_whole_and_lose_nothing_acknowledged_before(kept: Kept) -> None:
    acknowledged: list[str] = []
    stopped = threading.Event()

    def press() -> None:
        while not stopped.is_set():
            acknowledged.append(kept.decide().row.id)

    def seal() -> None:
        while not stopped.is_set():
            kept.seal()

    threads = [threading.Thread(target=work) for work in (press, press, press, seal)]
    for thread in threads:
        thread.start()
    try:
        for number in range(3):
            until(lambda enough=(number + 1) * 20: len(acknowledged) >= enough)
            before = len(acknowledged)
            made = kept.back_up_to(f"backup-{number}", keys=False)
            assert made.verified is not None
            assert made.manifest.counts["decisions"] >= before
        assert len(acknowledged) > before  # nobody who wrote was held up
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def test_who_is_erased_while_the_copy_is_made_does_not_unsettle_it(kept: Kept) -> None:
    gone, stays = kept.decide(), kept.decide()
    kept.seal()

    def erase(stage: str, more: int, total: int | None) -> None:
        if stage == "copy" and not kept.is_gone(gone):
            kept.erasure.erase(gone.row.key_id, site="demo", by="self")

    made = kept.back_up_to(advance=erase)
    assert made.verified is not None
    assert made.verified.erased == 1
    assert not kept.is_gone(stays)


def test_a_damaged_record_is_not_backed_up_as_if_it_were_sound(kept_in_a_file: Kept) -> None:
    kept = kept_in_a_file
    kept.history()
    with pysqlite3.connect(str(kept.database)) as connection:
        connection.execute("UPDATE decisions SET leaf = zeroblob(32) WHERE id = (SELECT max(id) FROM decisions)")
    connection.close()
    with pytest.raises(UnsoundCopyError) as caught:
        kept.back_up_to(keys=False)
    assert "leaf_mismatch" in caught.value.verified.findings.counts
    assert [path.name for path in kept.place.iterdir()] == ["data"]


def test_nothing_is_overwritten(kept_in_a_file: Kept) -> None:
    kept = kept_in_a_file
    kept.back_up_to()
    with pytest.raises(BackupError, match="is there already"):
        kept.back_up_to()
    occupied = kept.place / "occupied"
    occupied.write_text("mine")
    with pytest.raises(BackupError, match="is there already"):
        back_up(kept.settings, occupied, kept.clock, is_verified=False, advance=silent)
    assert occupied.read_text() == "mine"


def test_a_full_disk_is_said_and_leaves_nothing_behind(kept_in_a_file: Kept) -> None:
    kept = kept_in_a_file
    kept.decide_many(50)
    kept.seal()
    kept.close()

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    target = kept.place / "backup"
    kept_env = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
    done = subprocess.run(
        [*CLI, "backup", str(target), "--data-dir", str(kept.folder)],
        capture_output=True, text=True, timeout=60, check=False, preexec_fn=little,
        env={**kept_env, "COOKIEGATE_DATABASE_URL": str(kept.settings.database_url)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "backup_failed" in done.stderr
    assert sorted(path.name for path in kept.place.iterdir()) == ["data"]


def test_a_disk_that_is_full_is_told_in_the_system_s_words(tmp_path: Path) -> None:
    told = pysqlite3.OperationalError("database or disk is full")  # by SQLite's backup, without a code
    assert reason_of(told, tmp_path) == "No space left on device"
    assert reason_of(pysqlite3.OperationalError("disk I/O error"), tmp_path) == "disk I/O error"


def test_keys_are_copied_elsewhere_private_and_only_the_newest_copy_stays(kept_in_a_file: Kept) -> None:
    kept = kept_in_a_file
    kept.decide()
    kept.back_up_to("one")
    copy = kept.place / "subject-keys" / FILE
    former = copy.open("rb")
    gone = kept.decide()
    kept.erasure.erase(gone.row.key_id, site="demo", by="self")
    kept.back_up_to("two")
    assert copy.read_bytes() == (kept.folder / "subject-keys" / FILE).read_bytes()
    with former:
        assert not any(former.read())  # the copy from before the erasure is overwritten, not only unlinked
    for folder in ("one", "subject-keys", "keys"):
        assert (kept.place / folder).stat().st_mode & 0o777 == 0o700
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in (kept.place / folder).iterdir())
    assert not any(path.name in (FILE, "ring.json") for path in (kept.place / "two").iterdir())
    assert not verified(str(kept.settings.database_url), kept.folder, kept.clock.now_ms()).findings


@pytest.mark.parametrize("option", ["--keys", "--subject-keys"])
def test_keys_beside_the_record_are_refused(tmp_path: Path, option: str) -> None:
    for place in (tmp_path / "backup" / "keys", tmp_path / "data" / "copies"):
        words = ["backup", str(tmp_path / "backup"), "--data-dir", str(tmp_path / "data"), option, str(place)]
        done = subprocess.run([*CLI, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert "keys that lie beside the record protect nobody" in done.stderr
