"""The key ring: made once, private to its user, whole or refused."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from cookiegate.clock import FrozenClock
from cookiegate.errors import KeyFileError, KeyStateError
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.signing import sign_jws


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path, FrozenClock())


def _key_file(ring: KeyRing) -> Path:
    return ring.folder / f"key-{ring.active.kid}.json"


def test_first_start_makes_one_active_key_that_only_its_user_can_read(ring: KeyRing) -> None:
    assert [entry.state for entry in ring.list()] == ["active"]
    assert ring.folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in ring.folder.iterdir())


def test_second_start_finds_the_same_key(ring: KeyRing, tmp_path: Path) -> None:
    assert KeyRing.open(tmp_path).active.kid == ring.active.kid


def test_published_keys_have_no_private_member(ring: KeyRing) -> None:
    ring.rotate()
    assert [set(key) for key in ring.jwks()["keys"]] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}] * 2


def test_private_key_shows_in_no_repr(ring: KeyRing) -> None:
    private = json.loads(_key_file(ring).read_text())["d"]
    assert private not in repr(ring.active)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_key_file_that_others_can_read_stops_the_start_and_is_named(ring: KeyRing, tmp_path: Path, mode: int) -> None:
    _key_file(ring).chmod(mode)
    with pytest.raises(KeyFileError, match=_key_file(ring).name) as caught:
        KeyRing.open(tmp_path)
    assert "0600" in caught.value.detail


def test_folder_that_others_can_enter_stops_the_start(ring: KeyRing, tmp_path: Path) -> None:
    ring.folder.chmod(0o755)
    with pytest.raises(KeyFileError, match="0700"):
        KeyRing.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage", b"{}", b"[]", b"\xff\xfe", b'{"kty":"EC","crv":"P-256"}'])
def test_garbled_key_file_stops_the_start_and_is_named(ring: KeyRing, tmp_path: Path, content: bytes) -> None:
    _key_file(ring).write_bytes(content)
    with pytest.raises(KeyFileError, match=_key_file(ring).name):
        KeyRing.open(tmp_path)


def test_garbled_index_stops_the_start_and_is_named(ring: KeyRing, tmp_path: Path) -> None:
    index = ring.folder / "ring.json"
    index.write_bytes(index.read_bytes().replace(b'"active"', b'"act\x83ve"'))
    with pytest.raises(KeyFileError, match=r"ring\.json is garbled"):
        KeyRing.open(tmp_path)


def test_truncated_key_file_stops_the_start(ring: KeyRing, tmp_path: Path) -> None:
    whole = _key_file(ring).read_bytes()
    for length in range(0, len(whole) - 2, 7):
        _key_file(ring).write_bytes(whole[:length])
        with pytest.raises(KeyFileError):
            KeyRing.open(tmp_path)


def test_key_file_of_another_key_stops_the_start(ring: KeyRing, tmp_path: Path) -> None:
    first = _key_file(ring)
    ring.rotate()
    first.write_bytes(_key_file(ring).read_bytes())
    with pytest.raises(KeyFileError, match=first.name):
        KeyRing.open(tmp_path)


def test_public_key_in_place_of_the_private_one_stops_the_start(ring: KeyRing, tmp_path: Path) -> None:
    public = {name: value for name, value in json.loads(_key_file(ring).read_text()).items() if name != "d"}
    _key_file(ring).write_text(json.dumps(public))
    with pytest.raises(KeyFileError, match=_key_file(ring).name):
        KeyRing.open(tmp_path)


def test_missing_key_file_stops_the_start_and_is_named(ring: KeyRing, tmp_path: Path) -> None:
    _key_file(ring).unlink()
    with pytest.raises(KeyFileError, match=f"{_key_file(ring).name} is missing"):
        KeyRing.open(tmp_path)


def test_missing_index_beside_real_keys_stops_the_start_rather_than_orphaning_them(
    ring: KeyRing, tmp_path: Path
) -> None:
    ring.rotate()
    (ring.folder / "ring.json").unlink()
    with pytest.raises(KeyFileError, match=r"ring\.json"):
        KeyRing.open(tmp_path)


def test_index_without_exactly_one_active_key_stops_the_start(ring: KeyRing, tmp_path: Path) -> None:
    index = ring.folder / "ring.json"
    index.write_text(index.read_text().replace("active", "passive"))
    with pytest.raises(KeyFileError, match="exactly one active"):
        KeyRing.open(tmp_path)


def test_rotation_keeps_the_former_key_published(ring: KeyRing) -> None:
    former = ring.active.kid
    ring.rotate()
    assert ring.active.kid != former
    assert {key["kid"] for key in ring.jwks()["keys"]} == {former, ring.active.kid}


def test_disabled_key_is_no_longer_published_but_still_found(ring: KeyRing) -> None:
    former = ring.active.kid
    ring.rotate()
    ring.disable(former, now=True)
    assert [key["kid"] for key in ring.jwks()["keys"]] == [ring.active.kid]
    assert ring.find(former) is not None


def test_active_key_cannot_be_disabled(ring: KeyRing) -> None:
    with pytest.raises(KeyStateError, match="rotate"):
        ring.disable(ring.active.kid)


def test_unknown_key_cannot_be_disabled(ring: KeyRing) -> None:
    with pytest.raises(KeyStateError, match="no key"):
        ring.disable("nobody")


def test_running_service_takes_over_what_another_process_changed(ring: KeyRing, tmp_path: Path) -> None:
    other = KeyRing.open(tmp_path)
    published = ring.jwks()
    assert not ring.reload()
    assert ring.jwks() is published
    other.rotate()
    assert ring.reload()
    assert ring.active.kid == other.active.kid


def test_failed_reload_leaves_the_keys_in_memory(ring: KeyRing, tmp_path: Path) -> None:
    kid = ring.active.kid
    (ring.folder / "ring.json").unlink()
    with pytest.raises(KeyFileError):
        ring.reload()
    assert ring.active.kid == kid


def test_two_processes_that_rotate_at_once_lose_no_key(tmp_path: Path) -> None:
    KeyRing.open(tmp_path)
    rings = [KeyRing.open(tmp_path) for _ in range(4)]
    threads = [threading.Thread(target=ring.rotate) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = KeyRing.open(tmp_path).list()
    assert len(entries) == 5
    assert sum(entry.state == "active" for entry in entries) == 1


def test_secret_is_the_same_at_every_start_and_differs_by_name(ring: KeyRing, tmp_path: Path) -> None:
    secret = ring.secret("handles")
    assert len(secret) == 32
    assert KeyRing.open(tmp_path).secret("handles") == secret
    assert ring.secret("rate-limits") != secret


def test_lost_secret_stops_the_start_and_is_named(ring: KeyRing, tmp_path: Path) -> None:
    ring.secret("handles")
    (ring.folder / "secret-handles").unlink()
    with pytest.raises(KeyFileError, match="secret-handles is missing"):
        KeyRing.open(tmp_path)


@pytest.mark.parametrize("content", [b"short\n", b"!" * 43, b"\xff" * 43])
def test_garbled_secret_stops_the_start(ring: KeyRing, tmp_path: Path, content: bytes) -> None:
    ring.secret("handles")
    (ring.folder / "secret-handles").write_bytes(content)
    with pytest.raises(KeyFileError, match="secret-handles"):
        KeyRing.open(tmp_path)


@pytest.mark.parametrize("name", ["", "../etc", "Handles", "a/b"])
def test_secret_name_cannot_be_a_path(ring: KeyRing, name: str) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        ring.secret(name)


def test_same_record_signs_to_the_same_bytes(ring: KeyRing) -> None:
    record = {"b": 1, "a": "é"}
    assert sign_jws(ring.active, "receipt+jwt", record) == sign_jws(ring.active, "receipt+jwt", {"a": "é", "b": 1})
