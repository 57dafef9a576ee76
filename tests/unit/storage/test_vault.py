"""Subject keys."""

from __future__ import annotations

import fcntl
import os
import resource
import threading
from pathlib import Path

import pytest

from cookiegate.errors import KeyFileError, RecordDamagedError, StorageError
from cookiegate.storage.vault import BLOCK, KEY_BYTES, Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path)


def test_a_payload_opens_in_its_own_place_only(vault: Vault) -> None:
    key = vault.new_key()
    sealed = vault.encrypt(key, "decision:a", b"payload")
    assert b"payload" not in sealed
    assert vault.decrypt(key, "decision:a", sealed) == b"payload"
    with pytest.raises(RecordDamagedError):
        vault.decrypt(key, "decision:b", sealed)
    with pytest.raises(RecordDamagedError):
        vault.decrypt(vault.new_key(), "decision:a", sealed)


def test_every_changed_byte_is_found(vault: Vault) -> None:
    key = vault.new_key()
    sealed = vault.encrypt(key, "x", b"payload")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(RecordDamagedError):
            vault.decrypt(key, "x", bytes(changed))
    for short in (b"", sealed[:5], sealed[:-1]):
        with pytest.raises(RecordDamagedError):
            vault.decrypt(key, "x", short)


def test_a_destroyed_key_is_gone_from_the_file_at_once(vault: Vault) -> None:
    key = vault.new_key()
    sealed = vault.encrypt(key, "x", b"payload")
    secret = vault.path.read_bytes()[key * KEY_BYTES :][:KEY_BYTES]
    vault.destroy([key])
    assert secret not in vault.path.read_bytes()
    assert vault.decrypt(key, "x", sealed) is None
    assert not vault.holds(key)
    with pytest.raises(StorageError, match="destroyed"):
        vault.encrypt(key, "x", b"more")


def test_destroying_leaves_the_neighbours(vault: Vault) -> None:
    first, second, third = (vault.new_key() for _ in range(3))
    vault.destroy([second])
    assert (vault.holds(first), vault.holds(second), vault.holds(third)) == (True, False, True)


def test_keys_rise_and_are_never_given_twice_whoever_asks(tmp_path: Path) -> None:
    vaults = [Vault.open(tmp_path), Vault.open(tmp_path)]
    given: list[int] = []

    def ask(vault: Vault) -> None:
        for _ in range(BLOCK + 10):
            given.append(vault.new_key())

    threads = [threading.Thread(target=ask, args=(vault,)) for vault in vaults * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == len(given) == 4 * (BLOCK + 10)
    assert all(vaults[0].holds(key) for key in given)


def test_a_new_start_goes_on_after_the_last_block(tmp_path: Path) -> None:
    before = Vault.open(tmp_path)
    first = before.new_key()
    before.close()
    again = Vault.open(tmp_path)
    assert again.new_key() > first
    assert again.size() == 2 * BLOCK


def test_a_half_written_block_is_passed_over(vault: Vault, tmp_path: Path) -> None:
    vault.new_key()
    with vault.path.open("ab") as file:
        file.write(b"torn")
    again = Vault.open(tmp_path)
    key = again.new_key()
    assert again.decrypt(key, "x", again.encrypt(key, "x", b"payload")) == b"payload"


@pytest.mark.parametrize("key_id", [0, -1, 10_000])
def test_a_key_that_the_file_never_held_is_damage_not_erasure(vault: Vault, key_id: int) -> None:
    vault.new_key()
    with pytest.raises(RecordDamagedError, match="older than the record"):
        vault.holds(key_id)


def test_a_file_open_to_others_stops_the_start(vault: Vault, tmp_path: Path) -> None:
    vault.path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        Vault.open(tmp_path)


def test_a_file_that_is_something_else_stops_the_start(vault: Vault, tmp_path: Path) -> None:
    vault.path.write_bytes(b"something else, long enough to be a header")
    with pytest.raises(KeyFileError, match="restore"):
        Vault.open(tmp_path)


def test_keys_of_which_only_a_part_came_to_the_disk_are_given_to_nobody(vault: Vault) -> None:
    known = {vault.new_key() for _ in range(BLOCK)}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (vault.path.stat().st_size + 40 * KEY_BYTES + 5, hard))
    try:
        for _ in range(2):  # the second time nothing at all can be written
            with pytest.raises(StorageError):
                vault.new_key()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    fresh = vault.new_key()
    assert fresh not in known
    assert vault.decrypt(fresh, "x", vault.encrypt(fresh, "x", b"payload")) == b"payload"


def test_a_new_key_is_the_one_in_the_file(vault: Vault) -> None:
    key = vault.new_key()
    early = vault.encrypt(key, "x", b"early")
    vault.settle()
    late = vault.encrypt(key, "x", b"late")
    other = Vault(vault.path, os.open(vault.path, os.O_RDWR))
    assert [other.decrypt(key, "x", sealed) for sealed in (early, late)] == [b"early", b"late"]
    other.close()


def test_a_key_that_another_process_destroyed_is_gone_here_too(vault: Vault) -> None:
    key = vault.new_key()
    vault.settle()
    other = Vault(vault.path, os.open(vault.path, os.O_RDWR))
    other.destroy([key])
    other.close()
    with pytest.raises(StorageError, match="destroyed"):
        vault.encrypt(key, "x", b"more")


def test_a_key_that_another_process_made_is_found(vault: Vault) -> None:
    other = Vault(vault.path, os.open(vault.path, os.O_RDWR))
    key = [other.new_key() for _ in range(3 * BLOCK)][-1]
    assert vault.decrypt(key, "x", other.encrypt(key, "x", b"payload")) == b"payload"
    with pytest.raises(RecordDamagedError, match="missing"):
        vault.decrypt(key + 1, "x", b"")
    other.close()


def test_a_process_that_stands_still_at_the_file_stops_no_other(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [vault.new_key() for _ in range(BLOCK)]
    monkeypatch.setattr("cookiegate.storage.vault.LOCK_WAIT_S", 0.1)
    with vault.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match="another process"):
            vault.new_key()
        monkeypatch.setattr("cookiegate.storage.vault.LOCK_WAIT_S", 600)  # longer than a test may last
        with pytest.raises(StorageError, match="another process"):
            vault.new_key()
        with pytest.raises(StorageError, match="another process"):
            vault.holds(keys[-1] + 1)
        assert vault.decrypt(keys[0], "x", vault.encrypt(keys[0], "x", b"payload")) == b"payload"
    assert vault.new_key() > keys[-1]


def test_neighbouring_keys_open_as_one_by_one(vault: Vault) -> None:
    keys = [vault.new_key() for _ in range(5)]
    sealed = {key: vault.encrypt(key, "x", b"payload %d" % key) for key in keys}
    vault.destroy([keys[2]])
    near = vault.near(keys)
    assert [near.decrypt(key, "x", sealed[key]) for key in keys] == [
        vault.decrypt(key, "x", sealed[key]) for key in keys
    ]
    assert near.decrypt(keys[2], "x", sealed[keys[2]]) is None
    with pytest.raises(RecordDamagedError):
        near.decrypt(keys[0], "y", sealed[keys[0]])


@pytest.mark.parametrize("keys", [[], [0, 1], [1, 10_000], [BLOCK, BLOCK + 1]])
def test_keys_that_cannot_be_read_at_once_are_read_one_by_one(vault: Vault, keys: list[int]) -> None:
    vault.new_key()
    assert vault.near(keys) is vault
