"""The signing keys and named secrets of one service, as files that only its user may read."""

from __future__ import annotations

import fcntl
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from cookiegate.clock import Clock, SystemClock
from cookiegate.errors import KeyFileError, KeyStateError
from cookiegate.tokens import base64url, keyfiles
from cookiegate.tokens.jws import ALGORITHM
from cookiegate.tokens.signing import SigningKey

KeyState = Literal["active", "passive", "disabled"]
SECRET_BYTES = 32
_INDEX = "ring.json"
_KID_CHARS = 16


class KeyEntry(msgspec.Struct, frozen=True):
    """A line of the ring's index. One key is active (signs), passive ones verify, disabled ones do neither."""

    kid: str
    state: KeyState
    created_at_ms: int


class _Index(msgspec.Struct, frozen=True):
    keys: tuple[KeyEntry, ...]
    secrets: tuple[str, ...] = ()


class KeyRing:
    """Keys in ``<data_dir>/keys``: ``ring.json`` says which exist and their states, a file each holds them.

    Open it with :meth:`open`. Safe for threads; several processes may share the folder.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self._clock = clock
        self._lock = threading.RLock()
        self._stamp: tuple[int, int] | None = None
        self._index = _Index(())
        self._keys: dict[str, SigningKey] = {}
        self._active: SigningKey
        self._jwks: dict[str, Any] = {"keys": []}
        self._secrets: dict[str, bytes] = {}

    @classmethod
    def open(cls, data_dir: Path, clock: Clock | None = None) -> KeyRing:
        """Opens the ring, making it with one active key on the first start.

        Args:
            data_dir: the service's data folder.
            clock: dates new keys.

        Raises:
            KeyFileError: naming the file that is missing, garbled, or readable by others (looser than 0600, the
                folder looser than 0700).
        """
        ring = cls(Path(data_dir) / "keys", clock or SystemClock())
        keyfiles.make_folder(ring.folder)
        with ring._exclusively():
            if not (ring.folder / _INDEX).exists():
                ring._start()
        ring.reload()
        return ring

    def _start(self) -> None:
        # A crash in the very first start may leave one key without an index: nothing was signed with it yet. More
        # than that means that an index was lost, and a new one would orphan real keys.
        if len([*self.folder.glob("key-*"), *self.folder.glob("secret-*")]) > 1:
            raise KeyFileError(f"{self.folder / _INDEX} is missing; restore it from a backup", file=_INDEX)
        self._write_index(_Index((self._new_key(),)))

    @property
    def active(self) -> SigningKey:
        """The key that signs."""
        return self._active

    def find(self, kid: str) -> SigningKey | None:
        """The key of this name, in whatever state, or None."""
        return self._keys.get(kid)

    def list(self) -> tuple[KeyEntry, ...]:
        """Every key, oldest first."""
        return self._index.keys

    def jwks(self) -> dict[str, Any]:
        """The public halves of active and passive keys as a JWK set: the same object until something changes.

        Source: RFC 7517 section 5.
        """
        return self._jwks

    def reload(self) -> bool:
        """Reads the files again if another process changed them.

        Returns:
            Whether anything was read.

        Raises:
            KeyFileError: as :meth:`open`; the keys in memory stay as they were.
        """
        with self._lock:
            path = self.folder / _INDEX
            stamp = keyfiles.stamp(path)
            if stamp == self._stamp:
                return False
            index = _read_index(path)
            keys = {entry.kid: _read_key(self.folder, entry.kid) for entry in index.keys}
            for name in index.secrets:
                self._read_secret(name)
            self._index, self._keys, self._stamp = index, keys, stamp
            self._active = next(keys[item.kid] for item in index.keys if item.state == "active")
            self._jwks = {"keys": [_public(keys[item.kid]) for item in index.keys if item.state != "disabled"]}
            return True

    def rotate(self) -> SigningKey:
        """Makes a new active key; the former one turns passive, so that what it signed still verifies."""
        with self._exclusively():
            entry = self._new_key()
            older = tuple(_in_state(item, "passive") if item.state == "active" else item for item in self._index.keys)
            self._write_index(_Index((*older, entry), self._index.secrets))
            return self.active

    def disable(self, kid: str) -> None:
        """Takes a passive key out of the JWK set: what it signed is refused from now on.

        Raises:
            KeyStateError: if the key is unknown, or active (rotate first: there must be one that signs).
        """
        with self._exclusively():
            entry = next((item for item in self._index.keys if item.kid == kid), None)
            if entry is None:
                raise KeyStateError(f"there is no key {kid!r}; `cookiegate keys list` shows them", kid=kid)
            if entry.state == "active":
                raise KeyStateError(f"key {kid} is the active one; run `cookiegate keys rotate` first", kid=kid)
            changed = tuple(_in_state(item, "disabled") if item.kid == kid else item for item in self._index.keys)
            self._write_index(_Index(changed, self._index.secrets))

    def secret(self, name: str) -> bytes:
        """A named secret for keyed hashes, made on first use.

        Args:
            name: lower-case letters and hyphens; it names the file.

        Returns:
            32 random bytes, the same at every start.

        Raises:
            KeyFileError: naming the file that is missing, garbled, or readable by others.
        """
        known = self._secrets.get(name)
        if known is not None:
            return known
        with self._exclusively():
            if name not in self._index.secrets:
                path = self.folder / _secret_file(name)
                if not path.exists():
                    keyfiles.write(path, base64url.encode(secrets.token_bytes(SECRET_BYTES)).encode() + b"\n")
                self._write_index(_Index(self._index.keys, (*self._index.secrets, name)))
            return self._read_secret(name)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Alone among threads and processes, with the newest index in memory."""
        with self._lock, keyfiles.open_lock(self.folder) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (self.folder / _INDEX).exists():
                self.reload()
            yield

    def _new_key(self) -> KeyEntry:
        key = ECKey.generate_key("P-256")
        # A name that begins with a hyphen would be taken for an option on a command line.
        while not key.thumbprint()[0].isalnum():
            key = ECKey.generate_key("P-256")
        kid = key.thumbprint()[:_KID_CHARS]
        keyfiles.write(self.folder / _key_file(kid), msgspec.json.encode(key.as_dict(private=True)) + b"\n")
        return KeyEntry(kid, "active", self._clock.now_ms())

    def _write_index(self, index: _Index) -> None:
        keyfiles.write(self.folder / _INDEX, msgspec.json.format(msgspec.json.encode(index)) + b"\n")
        self.reload()

    def _read_secret(self, name: str) -> bytes:
        file = _secret_file(name)
        try:
            value = base64url.decode(keyfiles.read(self.folder / file).decode("ascii").strip())
        except ValueError as error:
            raise KeyFileError(f"{self.folder / file} is garbled; restore it from a backup", file=file) from error
        if len(value) != SECRET_BYTES:
            raise KeyFileError(f"{self.folder / file} is cut short; restore it from a backup", file=file)
        self._secrets[name] = value
        return value


def _key_file(kid: str) -> str:
    return f"key-{kid}.json"


def _secret_file(name: str) -> str:
    if not name or not all(char.islower() or char == "-" for char in name):
        raise ValueError("a secret's name is lower-case letters and hyphens")
    return f"secret-{name}"


def _in_state(entry: KeyEntry, state: KeyState) -> KeyEntry:
    return KeyEntry(entry.kid, state, entry.created_at_ms)


def _read_index(path: Path) -> _Index:
    try:
        index = msgspec.json.decode(keyfiles.read(path), type=_Index)
    except msgspec.MsgspecError as error:
        raise KeyFileError(f"{path} is garbled; restore it from a backup", file=path.name) from error
    if sum(item.state == "active" for item in index.keys) != 1:
        raise KeyFileError(f"{path} must name exactly one active key; restore it from a backup", file=path.name)
    return index


def _read_key(folder: Path, kid: str) -> SigningKey:
    path = folder / _key_file(kid)
    try:
        key = ECKey.import_key(msgspec.json.decode(keyfiles.read(path), type=dict[str, str | list[str]]))
        sound = key.is_private and key.curve_name == "P-256" and key.thumbprint()[:_KID_CHARS] == kid
    except (msgspec.MsgspecError, JoseError, ValueError, KeyError, TypeError) as error:
        raise KeyFileError(f"{path} is garbled; restore it from a backup", file=path.name) from error
    if not sound:
        raise KeyFileError(f"{path} does not hold the private key of its name; restore it", file=path.name)
    return SigningKey(kid, key)


def _public(signing: SigningKey) -> dict[str, Any]:
    public = signing.key.as_dict(private=False)
    return {name: public[name] for name in ("kty", "crv", "x", "y")} | {
        "kid": signing.kid,
        "use": "sig",
        "alg": ALGORITHM,
    }
