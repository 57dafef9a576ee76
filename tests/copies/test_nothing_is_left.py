"""A restore that does not come to its end changes nothing, and can be repeated as it was."""

from __future__ import annotations

import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.postgres import fresh_database

from cookiegate.errors import BackupError, RestoreRefusedError, SettingsError, StorageError
from cookiegate.ledger.keyfile import FILE as LEDGER_KEY
from cookiegate.rights.copies.backing_up import back_up
from cookiegate.rights.copies.losses import count_lost
from cookiegate.settings import Settings
from cookiegate.storage.copying.durable import new_folder
from cookiegate.storage.places import FOLDER_LOCK, ServingLock
from cookiegate.storage.vault import BLOCK, FILE, FOLDER, Vault
from cookiegate.tokens.keyfiles import LOCK
from copies.conftest import on_sqlite
from copies.material import Kept, silent
from copies.test_commands_of_copies import keys_in, run
from copies.test_key_copies import contents


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "restored"
    folder.mkdir()
    return folder


@pytest.fixture
def backed_up(kept_in_a_file: Kept) -> Kept:
    """Three people and a hundred thousand bytes of keys, with an entry since the backup."""
    kept = kept_in_a_file
    for _ in range(12 * BLOCK):
        kept.storage.vault.new_key()
    kept.decide_many(3)
    kept.seal()
    kept.back_up_to()
    kept.decide()
    kept.seal()
    return kept


def bring_by_hand(kept: Kept, there: Path) -> None:
    for name in ("keys", FOLDER):
        shutil.copytree(kept.place / name, there / name)
    (there / "keys" / LOCK).touch(mode=0o600)


def little() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))


def test_a_restore_that_a_full_disk_stopped_is_repeated_as_it_was(backed_up: Kept, there: Path) -> None:
    words = ["restore", str(backed_up.place / "backup"), "--data-dir", str(there), *keys_in(backed_up.place)]
    done = run(*words, url=on_sqlite(there), preexec_fn=little)
    assert (done.returncode, f"{backed_up.place / 'subject-keys' / FILE} cannot be copied" in done.stderr) == (2, True)
    assert set(contents(there)) == {FOLDER_LOCK, "cookiegate.db.serving"}
    again = run(*words, url=on_sqlite(there))
    assert (again.returncode, again.stderr) == (0, "")
    assert (there / FOLDER / FILE).stat().st_size == (backed_up.folder / FOLDER / FILE).stat().st_size


def test_what_a_killed_restore_left_goes_with_the_next(backed_up: Kept, there: Path) -> None:
    left = there / ".restoring-killed" / FOLDER
    left.mkdir(parents=True)
    shutil.copy(backed_up.folder / FOLDER / FILE, left)
    with (left / FILE).open("rb") as file:
        assert backed_up.restore_to(on_sqlite(there), there).is_done
        assert not any(file.read())
    assert not list(there.glob(".restoring-*"))


def test_key_files_of_the_data_folder_are_neither_removed_nor_overwritten(backed_up: Kept, there: Path) -> None:
    """The index was lost with the record; a key is newer than the copy."""
    backed_up.ring.rotate()
    shutil.copytree(backed_up.folder / "keys", there / "keys")
    (there / "keys" / "ring.json").unlink()
    before = contents(there)
    with pytest.raises(RestoreRefusedError, match=r"holds key files without ring\.json"):
        backed_up.restore_to(on_sqlite(there), there, **backed_up.saving())
    assert contents(there) == before


def test_keys_of_a_data_folder_are_as_they_were_after_a_restore_that_was_refused(backed_up: Kept, there: Path) -> None:
    bring_by_hand(backed_up, there)
    keys = there / FOLDER / FILE
    keys.write_bytes(keys.read_bytes()[: 32 * BLOCK])
    before = contents(there)
    own = {"keys": None, "subject_keys": None}
    with pytest.raises(RestoreRefusedError, match="is older than the record"):
        backed_up.restore_to(on_sqlite(there), there, **own)
    restored = backed_up.restore_to(on_sqlite(there), there, accept_lost_keys=True, **own, **backed_up.saving())
    assert not restored.is_done
    assert contents(there) == before


def test_keys_of_a_data_folder_are_as_they_were_where_the_record_cannot_take_its_place(
    backed_up: Kept, there: Path
) -> None:
    bring_by_hand(backed_up, there)
    before = contents(there)
    there.joinpath("cookiegate.db-wal").mkdir()  # in the way at the very end
    with pytest.raises(BackupError, match="nothing was restored"):
        backed_up.restore_to(on_sqlite(there), there, keys=None, subject_keys=None)
    assert contents(there) == before
    shutil.rmtree(there / "keys")
    shutil.rmtree(there / FOLDER)
    with pytest.raises(BackupError, match="nothing was restored"):
        backed_up.restore_to(on_sqlite(there), there)
    assert contents(there) == {}


def test_other_keys_in_the_way_are_told_apart(backed_up: Kept, there: Path) -> None:
    shutil.copytree(backed_up.place / "keys", there / "keys")
    with pytest.raises(RestoreRefusedError, match="those of this service: leave --keys out"):
        backed_up.restore_to(on_sqlite(there), there)
    (there / "keys" / LEDGER_KEY).write_text("another")
    with pytest.raises(RestoreRefusedError, match="not those of"):
        backed_up.restore_to(on_sqlite(there), there)
    shutil.copytree(backed_up.place / "subject-keys", there / FOLDER)
    shutil.rmtree(there / "keys")
    with pytest.raises(RestoreRefusedError, match="the same or newer ones: leave --subject-keys out"):
        backed_up.restore_to(on_sqlite(there), there)
    shutil.rmtree(there / FOLDER)
    with_others = Vault.open(there)
    for _ in range(13 * BLOCK):
        with_others.new_key()
    with_others.close()
    with pytest.raises(RestoreRefusedError, match="not those of"):
        backed_up.restore_to(on_sqlite(there), there)


def test_a_folder_that_a_service_uses_is_left_alone(backed_up: Kept) -> None:
    """On any engine: it would go on with keys of which a restore has ended the tokens."""
    settings = Settings(data_dir=backed_up.folder, database_url=fresh_database())
    there, url = ("--data-dir", str(backed_up.folder)), str(settings.database_url)
    before = contents(backed_up.folder / "keys")
    with ServingLock(settings), ServingLock(settings):  # any number of services
        for words in (("restore", str(backed_up.place / "backup")), ("keys", "accept-loss", "--yes")):
            done = run(*words, *there, url=url)
            assert (done.returncode, f"a service uses {backed_up.folder}" in done.stderr) == (2, True)
    assert contents(backed_up.folder / "keys") == before
    with ServingLock(settings, alone=True), pytest.raises(SettingsError, match="start the service afterwards"):
        ServingLock(settings).take_folder()


@pytest.mark.parametrize("command", ["backup", "restore", "accept-loss"])
def test_a_server_that_lets_nobody_in_is_named_with_its_own_reason(
    kept_in_a_file: Kept, there: Path, command: str
) -> None:
    kept = kept_in_a_file
    kept.back_up_to()
    url = fresh_database().replace("keeper@", "nobody:secret-word@")
    settings = replace(kept.settings, data_dir=there, database_url=url)
    with pytest.raises(StorageError, match=r'cannot be reached \(.*role "nobody" does not exist\)') as refused:
        {
            "backup": lambda: back_up(settings, there / "b", kept.clock, is_verified=False, advance=silent),
            "restore": lambda: kept.restore_to(url, there),
            "accept-loss": lambda: count_lost(settings),
        }[command]()
    assert "secret-word" not in refused.value.detail
    assert contents(there) == {}


def test_places_that_cannot_be_written_are_named(there: Path) -> None:
    with (
        pytest.raises(BackupError, match=f"mkdir -p -m 700 {there / 'no' / 'such'}"),
        new_folder(there / "no/such/one"),
    ):
        pass
    assert not list(there.iterdir())
    (there / "file").touch()
    with pytest.raises(BackupError, match=f"{there / 'file'} cannot be written"), new_folder(there / "file" / "one"):
        pass
