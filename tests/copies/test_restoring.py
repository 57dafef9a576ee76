"""A restored record is the one that was backed up; what is missing or changed is told, and nothing is overwritten."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pysqlite3
import pytest

from cookiegate.errors import BackupError, RestoreRefusedError
from cookiegate.ledger.receipt_reading import read_receipt
from cookiegate.ledger.receipts import ReceiptBook, sign_receipt
from cookiegate.rights.copies.key_copies import keep_signing_keys, keep_subject_keys
from cookiegate.rights.copies.manifest import RECORD, write_manifest
from cookiegate.storage.copying.rows import count_rows, read_sequences, record_engine
from cookiegate.storage.places import ServingLock
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing
from copies.conftest import on_sqlite
from copies.material import Kept, NewDatabase, opened, refit, verified


def change(copy: Path, *statements: str) -> None:
    connection = pysqlite3.connect(str(copy / RECORD), isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "restored"


def test_any_engine_s_backup_is_restored_on_any_other(kept: Kept, other_database: NewDatabase, there: Path) -> None:
    kept.history()
    gone = kept.decide()
    kept.erasure.erase(gone.row.key_id, site="demo", by="self")
    kept.seal()
    made = kept.back_up_to().manifest
    there.mkdir()
    uri = other_database(there)
    restored = kept.restore_to(uri, there, nothing_since=True, **kept.saving())
    assert (restored.is_done, restored.is_lossy, restored.missing) == (True, False, 0)
    assert not verified(uri, there, kept.clock.now_ms(), kept.saved()).findings
    with opened(uri, there) as storage:
        assert storage.decisions("demo") == kept.storage.decisions("demo")
        assert len(storage.entries()) == len(kept.storage.entries()) + 1  # the ledger tells of the restore
        new = storage.vault.new_key()
        assert new > made.newest_key
    settings = kept.settings.__class__(data_dir=there, database_url=uri)
    with record_engine(settings).connect() as connection, record_engine(kept.settings).connect() as before:
        grown = ("entries", "checkpoints", "positions", "ledger_tiles", "unsealed")
        counts = {name: count for name, count in count_rows(connection).items() if name not in grown}
        assert counts == {name: made.counts[name] for name in counts}
        numbers = read_sequences(before)
        assert all(found >= numbers[name] or name == "unsealed" for name, found in read_sequences(connection).items())


def test_one_entry_too_few_is_found_by_a_checkpoint_from_outside(kept: Kept, there: Path) -> None:
    kept.decide_many(5)
    kept.seal()
    kept.back_up_to()
    kept.decide()
    kept.seal()
    uri = on_sqlite(there)
    refused = kept.restore_to(uri, there, **kept.saving())
    assert (refused.is_done, refused.missing, bool(refused.findings)) == (False, 1, False)
    assert [path.name for path in there.iterdir()] == []  # nothing was left, the keys neither
    accepted = kept.restore_to(uri, there, accept_missing=True, **kept.saving())
    assert (accepted.is_done, accepted.missing, accepted.is_lossy) == (True, 1, True)


def test_a_vow_that_nothing_is_missing_does_not_stand_against_a_checkpoint(kept_in_a_file: Kept, there: Path) -> None:
    kept = kept_in_a_file
    kept.decide()
    kept.seal()
    kept.back_up_to()
    kept.decide()
    kept.seal()
    restored = kept.restore_to(on_sqlite(there), there, nothing_since=True, accept_missing=True, **kept.saving())
    assert restored.is_lossy


def test_entries_that_waited_to_be_sealed_are_not_missing(kept: Kept, there: Path) -> None:
    kept.decide_many(3)
    kept.seal()
    kept.decide_many(2)
    assert kept.back_up_to().manifest.ledger.waiting == 2
    kept.seal()
    restored = kept.restore_to(on_sqlite(there), there, **kept.saving())
    assert (restored.is_done, restored.missing) == (True, 0)


def test_receipts_tell_what_is_missing(kept_in_a_file: Kept, there: Path) -> None:
    kept = kept_in_a_file
    held = kept.decide()
    kept.back_up_to()
    lost = kept.decide()
    book = ReceiptBook(kept.storage, kept.settings.base_url)
    texts = {name: sign_receipt(kept.ring.active, book, found.row) for name, found in (("held", held), ("lost", lost))}

    def receipts(ring: KeyRing) -> list[Any]:
        return [(name, read_receipt(text, PublicKeys(ring.jwks()))) for name, text in texts.items()]

    restored = kept.restore_to(on_sqlite(there), there, receipts=receipts)
    assert not restored.is_done
    assert restored.unknown_receipts == 1
    assert {name: proved.position is not None for name, proved in restored.receipts} == {"held": True, "lost": False}


@pytest.mark.parametrize("sealed", [0, 2])
@pytest.mark.parametrize("later", [0, 2])
def test_who_was_erased_since_the_backup_does_not_make_it_look_forged(
    kept: Kept, there: Path, sealed: int, later: int
) -> None:
    """Today's keys, an outside checkpoint of today: the repeated erasure is no entry of the backup."""
    gone = kept.decide()
    kept.decide_many(2)
    kept.seal()
    kept.decide_many(sealed)  # these wait when the backup is made
    kept.back_up_to(keys=False)
    kept.erasure.erase(gone.row.key_id, site="demo", by="self")
    kept.decide_many(later)
    kept.seal()
    keep_subject_keys(kept.folder, kept.place / "subject-keys")
    keep_signing_keys(kept.folder, kept.place / "keys")
    refused = kept.restore_to(on_sqlite(there), there, **kept.saving())
    assert (refused.is_done, refused.findings.lines) == (False, [])
    assert (refused.size, refused.missing, refused.erased) == (3 + sealed, 1 + later, 1)
    accepted = kept.restore_to(on_sqlite(there), there, accept_missing=True, **kept.saving())
    assert (accepted.is_done, accepted.missing) == (True, 1 + later)
    with opened(on_sqlite(there), there) as storage:
        (entry,) = storage.entries(kind="restore")
        assert f'"missing":{1 + later}'.encode() in entry.record
        assert not storage.vault.holds(gone.row.key_id)


@pytest.mark.parametrize("name", ["ledger", "newest_key", "erased_mark", "counts", "schema"])
def test_a_manifest_of_another_record_is_refused(kept_in_a_file: Kept, there: Path, name: str) -> None:
    kept = kept_in_a_file
    kept.history()
    folder = kept.place / "backup"
    manifest = kept.back_up_to().manifest
    others = {
        "ledger": msgspec.structs.replace(manifest.ledger, size=manifest.ledger.size + 1),
        "newest_key": manifest.newest_key + 1,
        "erased_mark": manifest.erased_mark + 1,
        "counts": {**manifest.counts, "decisions": 0},
        "schema": "0008",
    }
    (folder / "manifest.json").unlink()
    write_manifest(folder, msgspec.structs.replace(manifest, **{name: others[name]}))
    with pytest.raises(BackupError, match="is not that of its record"):
        kept.restore_to(on_sqlite(there), there)
    assert not list(there.iterdir())


@pytest.mark.parametrize("how", ["cut", "flipped", "missing", "garbled", "newer"])
def test_a_backup_that_was_changed_is_refused(kept_in_a_file: Kept, there: Path, how: str) -> None:
    kept = kept_in_a_file
    kept.history()
    kept.back_up_to()
    record, manifest = kept.place / "backup" / RECORD, kept.place / "backup" / "manifest.json"
    data = bytearray(record.read_bytes())
    data[len(data) // 2] ^= 1
    {
        "cut": lambda: record.write_bytes(record.read_bytes()[:-4096]),
        "flipped": lambda: record.write_bytes(data),
        "missing": record.unlink,
        "garbled": lambda: manifest.write_bytes(b"{"),
        "newer": lambda: manifest.write_text(manifest.read_text().replace('"version": 1', '"version": 2')),
    }[how]()
    with pytest.raises(BackupError):
        kept.restore_to(on_sqlite(there), there)
    assert [path.name for path in there.iterdir()] == []


@pytest.mark.parametrize(
    ("statements", "finding"),
    [
        (["UPDATE decisions SET leaf = zeroblob(32) WHERE id = (SELECT min(id) FROM decisions)"], "leaf_mismatch"),
        (["UPDATE decisions SET sealed = zeroblob(90) WHERE id = (SELECT min(id) FROM decisions)"], "payload_changed"),
        (["DELETE FROM decisions WHERE id = (SELECT min(id) FROM decisions)"], "row_missing"),
        (
            [
                "DELETE FROM positions WHERE position = (SELECT max(position) FROM positions)",
                "DELETE FROM decisions WHERE id = (SELECT max(id) FROM decisions)",
            ],
            "position_missing",
        ),
        (["UPDATE ledger_tiles SET hashes = zeroblob(length(hashes))"], "tile_changed"),
    ],
)
def test_who_changes_a_copy_and_its_manifest_is_found_by_the_ledger(
    kept_in_a_file: Kept, there: Path, statements: list[str], finding: str
) -> None:
    kept = kept_in_a_file
    kept.history()
    kept.back_up_to()
    change(kept.place / "backup", *statements)
    refit(kept.place / "backup")
    restored = kept.restore_to(on_sqlite(there), there, accept_missing=True)
    assert not restored.is_done
    assert finding in restored.findings.counts or "tree_unsigned" in restored.findings.counts


def test_a_ledger_that_was_rebuilt_is_found_by_a_checkpoint_from_outside(tmp_path: Path, there: Path) -> None:
    """Whoever has all keys can make a sound record of another history; only what others keep contradicts it."""
    kept = Kept(tmp_path / "true", on_sqlite)
    kept.decide_many(4)
    kept.seal()
    saved = kept.saved()
    kept.back_up_to()
    forged = Kept(tmp_path / "forged", on_sqlite)
    forged.close()
    shutil.rmtree(forged.folder / "keys")
    shutil.copytree(kept.place / "keys", forged.folder / "keys")
    forged = _reopened(forged)
    forged.decide_many(5)
    forged.seal()
    forged.back_up_to()
    restored = forged.restore_to(on_sqlite(there), there, saved=lambda verifier: [saved], accept_missing=True)
    forged.close()
    kept.close()
    assert not restored.is_done
    assert set(restored.findings.counts) == {"forked"}


def _reopened(kept: Kept) -> Kept:
    shutil.move(kept.folder / "keys", kept.place / "spare")
    shutil.rmtree(kept.folder)
    kept.folder.mkdir()
    shutil.move(kept.place / "spare", kept.folder / "keys")
    again = object.__new__(Kept)
    super(Kept, again).__init__(kept.folder, on_sqlite(kept.folder))
    again.place = kept.place
    return again


def test_no_record_is_overwritten(kept: Kept) -> None:
    kept.decide()
    kept.back_up_to()
    with pytest.raises(RestoreRefusedError, match="holds a record already"):
        kept.restore_to(str(kept.settings.database_url), kept.folder, keys=None, subject_keys=None)
    assert len(kept.storage.decisions("demo")) == 1


def test_a_place_where_a_service_only_started_is_empty(kept_in_a_file: Kept, there: Path) -> None:
    kept = kept_in_a_file
    kept.decide()
    kept.back_up_to()
    there.mkdir()
    with opened(on_sqlite(there), there):
        pass
    assert kept.restore_to(on_sqlite(there), there).is_done
    with opened(on_sqlite(there), there) as storage:
        assert len(storage.decisions("demo")) == 1


def test_keys_are_never_overwritten(kept_in_a_file: Kept, there: Path) -> None:
    kept = kept_in_a_file
    kept.decide()
    kept.back_up_to()
    there.mkdir()
    KeyRing.open(there)
    with pytest.raises(RestoreRefusedError, match="holds keys already"):
        kept.restore_to(on_sqlite(there), there)


def test_a_restore_without_keys_says_what_it_needs(kept_in_a_file: Kept, there: Path) -> None:
    kept = kept_in_a_file
    kept.decide()
    kept.back_up_to()
    with pytest.raises(RestoreRefusedError, match="--keys FOLDER"):
        kept.restore_to(on_sqlite(there), there, keys=None)
    with pytest.raises(RestoreRefusedError, match="--accept-lost-keys"):
        kept.restore_to(on_sqlite(there), there, subject_keys=None)


def test_a_backup_beside_a_running_service_cannot_be_vouched_for(kept_in_a_file: Kept, there: Path) -> None:
    kept = kept_in_a_file
    kept.decide()
    with ServingLock(kept.settings):
        assert kept.back_up_to().manifest.beside_service
    with pytest.raises(RestoreRefusedError, match="beside a running service"):
        kept.restore_to(on_sqlite(there), there, nothing_since=True)
