"""The one copy of the keys is replaced by the same keys at a later time, and by nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cookiegate.errors import BackupError, RestoreRefusedError
from cookiegate.rights.copies.key_copies import keep_signing_keys, keep_subject_keys, refuse_other_keys
from cookiegate.rights.copies.key_sums import NEW_SUMS, SUMS, damaged_slots
from cookiegate.storage.vault import BLOCK, FILE, FOLDER, KEY_BYTES, Vault
from cookiegate.tokens.keys import KeyRing
from copies.conftest import on_sqlite
from copies.material import Kept, opened, verified
from copies.test_commands_of_copies import run


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Kept]:
    """The record of another service, or of a data folder whose disk is not mounted."""
    kept = Kept(tmp_path / "other", on_sqlite)
    yield kept
    kept.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(path: Path, *places: int) -> None:
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("people", [0, 3, 2 * BLOCK])
def test_another_service_s_keys_are_never_replaced(kept_in_a_file: Kept, other: Kept, people: int) -> None:
    kept = kept_in_a_file
    kept.decide_many(3)
    kept.seal()
    kept.back_up_to()
    for _ in range(people):
        other.storage.vault.new_key()
    other.seal()
    before = contents(kept.place)
    for keep, folder in ((keep_subject_keys, "subject-keys"), (keep_signing_keys, "keys")):
        with pytest.raises(BackupError, match=r"Nothing was overwritten\. Is .* the right data folder"):
            keep(other.folder, kept.place / folder)
    for option, folder in (("keys", "keys"), ("subject_keys", "subject-keys")):
        with pytest.raises(BackupError, match="Nothing was overwritten"):
            refuse_other_keys(other.folder, **{"keys": None, "subject_keys": None, option: kept.place / folder})
    assert contents(kept.place) == before


def test_a_nightly_backup_of_an_empty_folder_stops_before_anything_is_written(
    kept_in_a_file: Kept, tmp_path: Path
) -> None:
    kept, place = kept_in_a_file, kept_in_a_file.place
    kept.decide_many(3)
    kept.seal()
    kept.back_up_to()
    empty = tmp_path / "not-mounted"
    with opened(on_sqlite(empty), empty):
        KeyRing.open(empty)
    before = contents(place / "keys") | contents(place / "subject-keys")
    copies = ("--keys", str(place / "keys"), "--subject-keys", str(place / "subject-keys"))
    done = run("backup", str(place / "tonight"), "--data-dir", str(empty), *copies, url=on_sqlite(empty))
    assert (done.returncode, "its disk mounted?" in done.stderr) == (2, True)
    assert not (place / "tonight").exists()
    assert contents(place / "keys") | contents(place / "subject-keys") == before


def test_the_same_keys_at_a_later_time_are_copied(kept_in_a_file: Kept) -> None:
    kept = kept_in_a_file
    gone = kept.decide()
    kept.back_up_to("one")
    kept.erasure.erase(gone.row.key_id, site="demo", by="self")
    for _ in range(BLOCK):
        kept.storage.vault.new_key()
    kept.ring.rotate()
    kept.back_up_to("two")
    assert contents(kept.place / "subject-keys")[FILE] == contents(kept.folder / FOLDER)[FILE]
    assert len(contents(kept.place / "keys")) == len(contents(kept.folder / "keys")) - 1  # but for the lock
    assert damaged_slots(kept.place / "subject-keys") == []


def test_damaged_keys_do_not_replace_their_good_copy_but_are_replaced_as_a_copy(kept_in_a_file: Kept) -> None:
    kept = kept_in_a_file
    kept.decide_many(3)
    kept.back_up_to("one")
    mine, copy = kept.folder / FOLDER / FILE, kept.place / "subject-keys" / FILE
    good = mine.read_bytes()
    flip(mine, 5 * KEY_BYTES)
    with pytest.raises(BackupError, match=r"key 5 in .* is not the one in its copy"):
        keep_subject_keys(kept.folder, kept.place / "subject-keys")
    assert copy.read_bytes() == good
    mine.write_bytes(good)
    flip(copy, 5 * KEY_BYTES)
    keep_subject_keys(kept.folder, kept.place / "subject-keys")
    assert copy.read_bytes() == good


def test_a_copy_that_was_cut_off_between_keys_and_digests_is_sound(kept_in_a_file: Kept, tmp_path: Path) -> None:
    kept, copy = kept_in_a_file, kept_in_a_file.place / "subject-keys"
    kept.decide()
    kept.back_up_to("one")
    before = tmp_path / "before"
    shutil.copytree(copy, before)
    kept.storage.vault.destroy([BLOCK])
    keep_subject_keys(kept.folder, copy)
    (copy / SUMS).rename(copy / NEW_SUMS)
    shutil.copy(before / SUMS, copy / SUMS)
    assert damaged_slots(copy) == []
    shutil.copy(before / FILE, copy / FILE)
    assert damaged_slots(copy) == []
    shutil.copy(before / FILE, copy / FILE)
    flip(copy / SUMS, 40)  # what is damaged itself tells nothing
    (copy / NEW_SUMS).unlink()
    assert damaged_slots(copy) == []


@pytest.mark.parametrize("place", [0, 30, 2 * KEY_BYTES], ids=["header", "mark", "key"])
def test_a_damaged_copy_is_named_and_its_damaged_keys_alone_are_given_up(
    kept_in_a_file: Kept, tmp_path: Path, place: int
) -> None:
    kept, there = kept_in_a_file, tmp_path / "restored"
    who = [kept.decide() for _ in range(3)]
    assert [one.row.key_id for one in who] == [1, 2, 3]
    kept.seal()
    kept.back_up_to()
    flip(kept.place / "subject-keys" / FILE, place)
    is_key = place >= KEY_BYTES
    if is_key:
        with pytest.raises(RestoreRefusedError, match=r"keys\.bin is damaged: .* copied: 1, the first is key 2\. "):
            kept.restore_to(on_sqlite(there), there)
        assert not list(there.iterdir())
    restored = kept.restore_to(on_sqlite(there), there, accept_lost_keys=is_key)
    assert (restored.is_done, restored.lost) == (True, int(is_key))
    seen = verified(on_sqlite(there), there, kept.clock.now_ms())
    assert (seen.findings.lines, seen.erased) == ([], int(is_key))
    with opened(on_sqlite(there), there) as storage:
        assert [storage.vault.holds(one.row.key_id) for one in who] == [True, not is_key, True]


def test_keys_that_were_cut_off_in_the_data_folder_are_not_offered_to_be_given_up(
    kept_in_a_file: Kept, tmp_path: Path
) -> None:
    """What a full disk left of a copy made by hand, with the whole copy lying beside it."""
    kept, there = kept_in_a_file, tmp_path / "restored"
    kept.decide_many(3)
    kept.back_up_to()
    (there / FOLDER).mkdir(parents=True, mode=0o700)
    cut = there / FOLDER / FILE
    cut.touch(mode=0o600)
    cut.write_bytes((kept.place / "subject-keys" / FILE).read_bytes()[: 2 * KEY_BYTES])
    for given_up in (False, True):
        with pytest.raises(RestoreRefusedError) as refused:
            kept.restore_to(on_sqlite(there), there, accept_lost_keys=given_up)
        assert f"holds 1 keys, and the copy {kept.place / 'subject-keys' / FILE} {BLOCK}" in refused.value.detail
        assert "accept-lost" not in refused.value.detail
    cut.unlink()
    assert kept.restore_to(on_sqlite(there), there).is_done
    vault = Vault.open(there)
    assert vault.size() == BLOCK
    vault.close()
