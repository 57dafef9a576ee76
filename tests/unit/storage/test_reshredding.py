"""What the key file says of itself, and what comes of it when a copy is older than the record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cookiegate.clock import FrozenClock
from cookiegate.errors import KeyFileError
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.settings import Settings
from cookiegate.storage import reading
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.opening import open_storage
from cookiegate.storage.reshredding import reshred_all
from cookiegate.storage.tables_retention import erased_keys
from cookiegate.storage.vault import KEY_BYTES, Vault


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = open_storage(Settings(data_dir=tmp_path))
    yield storage
    storage.close()


def erase(storage: Storage, *key_ids: int) -> None:
    def work(transaction: WriteTransaction) -> None:
        for key_id in key_ids:
            transaction.erase_key(key_id)

    storage.write(work)
    storage.shred()


def test_the_file_says_how_far_shredding_has_come(storage: Storage) -> None:
    first, second, third = (storage.vault.new_key() for _ in range(3))
    assert storage.vault.mark == 0
    erase(storage, first, second)
    assert storage.vault.mark == 2
    erase(storage, third)
    assert storage.vault.mark == 3
    assert storage.shred() == 0


def test_the_mark_leaves_the_file_readable(storage: Storage, tmp_path: Path) -> None:
    erase(storage, storage.vault.new_key())
    assert Vault.open(tmp_path).mark == 1


def test_a_key_that_is_erased_twice_is_counted_once(storage: Storage) -> None:
    key_id = storage.vault.new_key()
    erase(storage, key_id)
    erase(storage, key_id)
    assert [row["key_id"] for row in storage.read(sa.select(erased_keys))] == [key_id]


def test_many_keys_are_destroyed_in_pieces(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SHRED_MAX", 3)
    key_ids = [storage.vault.new_key() for _ in range(8)]
    erase(storage, *key_ids)
    assert not any(storage.vault.holds(key_id) for key_id in key_ids)
    assert storage.vault.mark == 8


def test_destroyed_keys_are_found_in_the_file(storage: Storage) -> None:
    key_ids = [storage.vault.new_key() for _ in range(300)]
    gone = [key_ids[0], key_ids[7], key_ids[-1]]
    erase(storage, *gone)
    assert storage.vault.destroyed() == sorted(gone)
    assert storage.vault.destroyed(after=sorted(gone)[0], limit=10) == [sorted(gone)[1]]


def test_a_file_put_together_by_hand_is_found_by_the_whole_check(storage: Storage) -> None:
    key_id, other = storage.vault.new_key(), storage.vault.new_key()
    before = storage.vault.path.read_bytes()
    erase(storage, key_id)
    mark = storage.vault.path.read_bytes()[:KEY_BYTES]
    storage.vault.path.write_bytes(mark + before[KEY_BYTES:])
    assert storage.vault.holds(key_id)
    assert reshred_all(storage) == 1
    assert not storage.vault.holds(key_id)
    assert storage.vault.holds(other)
    assert reshred_all(storage) == 0


def test_the_header_is_no_key(storage: Storage) -> None:
    header = storage.vault.path.read_bytes()[:KEY_BYTES]
    storage.vault.destroy([0, -1])
    assert storage.vault.path.read_bytes()[:KEY_BYTES] == header


def test_a_key_file_that_lacks_the_key_of_any_table_is_refused(storage: Storage, tmp_path: Path) -> None:
    before = storage.vault.path.read_bytes()
    Subscribers(storage, FrozenClock()).add("ours", ("consent.erase",))
    storage.close()
    (tmp_path / "subject-keys" / "keys.bin").write_bytes(before)
    with pytest.raises(KeyFileError, match="older than the record"):
        open_storage(Settings(data_dir=tmp_path))
