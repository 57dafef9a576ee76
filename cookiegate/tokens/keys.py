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

from cookiegate.clock import Clock, SystemClock, rfc3339
from cookiegate.errors import KeyFileError, KeyStateError
from cookiegate.tokens import base64url, keyfiles
from cookiegate.tokens.jws import ALGORITHM
from cookiegate.tokens.signing import SigningKey

KeyState = Literal["active", "next", "passive", "resting", "disabled"]
SECRET_BYTES = 32
#: A new key is published so long before it signs: readers keep a key set for five minutes, nodes and proxies a little
#: longer. None then meets a token whose key it does not know.
PUBLISHED_AHEAD_S = 600
#: After this long nothing that a key signed for gates is good any more:
#: a token's life, a reader's leeway, a node's delay.
SPENT_AFTER_S = 900 + 60 + 60
_INDEX = "ring.json"
_PUBLISHED = ("active", "next", "passive")
_KID_CHARS = 16


class KeyEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the ring's index, oldest first.

    One key is active (signs). A next one is published and signs from ``due_at_ms`` on. Passive ones verify. A resting
    one does not, until ``due_at_ms``, then it is passive. Disabled ones do nothing any more.
    """

    kid: str
    state: KeyState
    created_at_ms: int
    due_at_ms: int = 0
    #: When it stopped to sign; 0 while it signs, and where nobody noted it.
    ended_at_ms: int = 0


class _Index(msgspec.Struct, frozen=True):
    keys: tuple[KeyEntry, ...]
    secrets: tuple[str, ...] = ()


class KeyRing:
    """Keys in ``<data_dir>/keys``: ``ring.json`` says which exist and their states, a file each holds them.

    Open it with :meth:`open`. Safe for threads; several processes may share the folder. What is due changes by the
    clock, in every process that calls :meth:`reload`, without anything being written.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self._clock = clock
        self._lock = threading.RLock()
        self._stamp: tuple[int, int] | None = None
        self._index = _Index(())
        self._due_at_ms: int | None = None
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
        """Every key as it stands now, oldest first."""
        return _as_of(self._index.keys, self._clock.now_ms())

    def jwks(self) -> dict[str, Any]:
        """The public halves of active, next and passive keys as a JWK set: the same object until something changes.

        Source: RFC 7517 section 5.
        """
        return self._jwks

    def reload(self) -> bool:
        """Reads the files again if another process changed them, and does what is due.

        Returns:
            Whether anything changed.

        Raises:
            KeyFileError: as :meth:`open`; the keys in memory stay as they were.
        """
        with self._lock:
            path = self.folder / _INDEX
            stamp, now_ms = keyfiles.stamp(path), self._clock.now_ms()
            if stamp == self._stamp and (self._due_at_ms is None or now_ms < self._due_at_ms):
                return False
            if stamp != self._stamp:
                index = _read_index(path)
                # A key file never changes: it is read once, so that a turn of the ring costs no signature's time.
                known, wanted = self._keys, [entry.kid for entry in index.keys]
                keys = {kid: known.get(kid) or _read_key(self.folder, kid) for kid in wanted}
                for name in index.secrets:
                    self._read_secret(name)
                self._index, self._keys, self._stamp = index, keys, stamp
            self._stand_as_of(now_ms)
            return True

    def _stand_as_of(self, now_ms: int) -> None:
        standing, keys = _as_of(self._index.keys, now_ms), self._keys
        waiting = [item.due_at_ms for item in standing if item.state in ("next", "resting")]
        self._due_at_ms = min(waiting, default=None)
        self._jwks = {"keys": [_public(keys[item.kid]) for item in standing if item.state in _PUBLISHED]}
        self._active = next(keys[item.kid] for item in standing if item.state == "active")

    def rotate(self, *, ahead_s: float = 0) -> KeyEntry:
        """Makes a new key; when it is active, the former one turns passive, so that what it signed still verifies.

        Args:
            ahead_s: how long the new key is published before it signs. With :data:`PUBLISHED_AHEAD_S` no reader meets
                a token of a key that it does not know; with 0 some do until they read the key set again.

        Returns:
            The new key: active, or next.

        Raises:
            KeyStateError: a new key waits already, and is due before.
        """
        with self._exclusively():
            due_at_ms, standing = self._clock.now_ms() + round(ahead_s * 1000), self.list()
            waiting = next((item for item in standing if item.state == "next"), None)
            if waiting is None:
                entry = self._new_key()
            elif due_at_ms < waiting.due_at_ms:  # some readers know it already
                standing, entry = tuple(item for item in standing if item is not waiting), waiting
            else:
                when = rfc3339(waiting.due_at_ms)
                raise KeyStateError(f"key {waiting.kid} is published and becomes active at {when}", kid=waiting.kid)
            due = msgspec.structs.replace(entry, state="next", due_at_ms=due_at_ms)
            self._write_keys((*standing, due))
            return self._entry(due.kid)

    def disable(self, kid: str, *, now: bool = False) -> None:
        """Takes a key out of the JWK set: what it signed is refused from now on.

        Args:
            kid: a key that no longer signs, or does not yet.
            now: although tokens that it signed may still be good, for a key that leaked.

        Raises:
            KeyStateError: the key is unknown, or active (rotate first: there must be one that signs), or signed tokens
                that are still good.
        """
        with self._exclusively():
            entry, now_ms = self._entry(kid), self._clock.now_ms()
            if entry.state == "active":
                raise KeyStateError(f"key {kid} is the active one; run `cookiegate keys rotate` first", kid=kid)
            spent_ms = entry.ended_at_ms + SPENT_AFTER_S * 1000
            if entry.state == "passive" and entry.ended_at_ms and now_ms < spent_ms and not now:
                raise KeyStateError(
                    f"tokens that key {kid} signed may be good until {rfc3339(spent_ms)}: wait until then; if somebody "
                    "else may have the key, say --now, and visitors are refused until their page fetches a new token",
                    kid=kid,
                )
            self._write_keys(tuple(_in_state(item, "disabled") if item.kid == kid else item for item in self.list()))

    def start_over(self) -> KeyEntry:
        """Refuses every token that was ever issued: a new key signs at once, and all others rest.

        They rest until nothing that they signed for a gate is good any more; then they are passive again, so that the
        receipts that they signed verify.
        """
        with self._exclusively():
            now_ms, entry = self._clock.now_ms(), self._new_key()
            rests = {"state": "resting", "due_at_ms": now_ms + SPENT_AFTER_S * 1000}
            older = tuple(
                item
                if item.state == "disabled"
                else msgspec.structs.replace(item, **rests, ended_at_ms=item.ended_at_ms or now_ms)
                for item in self.list()
            )
            self._write_keys((*older, entry))
            return entry

    def _entry(self, kid: str) -> KeyEntry:
        found = next((item for item in self.list() if item.kid == kid), None)
        if found is None:
            raise KeyStateError(f"there is no key {kid!r}; `cookiegate keys list` shows them", kid=kid)
        return found

    def _write_keys(self, entries: tuple[KeyEntry, ...]) -> None:
        """Writes what stands now: what was due before is settled with it."""
        self._write_index(_Index(_as_of(entries, self._clock.now_ms()), self._index.secrets))

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
    return msgspec.structs.replace(entry, state=state, due_at_ms=0)


def _as_of(entries: tuple[KeyEntry, ...], now_ms: int) -> tuple[KeyEntry, ...]:
    """The keys as they stand at a moment, whatever was due before it done."""
    starting = [item for item in entries if item.state == "next" and item.due_at_ms <= now_ms]
    active = max(starting, key=lambda item: item.due_at_ms, default=None)

    def stands(item: KeyEntry) -> KeyEntry:
        if item is active:
            return _in_state(item, "active")
        if active is not None and (item.state == "active" or item in starting):
            return msgspec.structs.replace(item, state="passive", due_at_ms=0, ended_at_ms=active.due_at_ms)
        if item.state == "resting" and item.due_at_ms <= now_ms:
            return _in_state(item, "passive")
        return item

    return tuple(stands(item) for item in entries)


def _read_index(path: Path) -> _Index:
    try:
        index = msgspec.json.decode(keyfiles.read(path), type=_Index)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
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
