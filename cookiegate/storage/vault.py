"""Subject keys: each person's payloads are encrypted under a key of their own; erasing is destroying the key.

The keys lie in a flat file of fixed slots, apart from the record: destroying one overwrites its slot in place, and no
log, journal or free page keeps a copy. Whoever restores an old backup of the record finds ciphertext only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import threading
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiegate.errors import KeyFileError, RecordDamagedError, StorageError

FOLDER = "subject-keys"
FILE = "keys.bin"
KEY_BYTES = 32
NONCE_BYTES = 12
#: Keys made at once: one sync for so many new visitors.
BLOCK = 256
#: Slot 0 of the file says what it is, and in its last bytes how far shredding has come.
HEADER = b"cookiegate subject keys 1\n".ljust(KEY_BYTES, b"\0")
MARK_BYTES = 6
#: How long anybody waits for another process at the file. While that one goes on holding it nobody waits any more.
LOCK_WAIT_S = 1.0
LOOK_EVERY_S = 0.005
HELD = "another process holds the subject keys and does not go on; nothing was kept, try again"
#: Keys that are read at once at most.
NEAR_MAX = 4_096
_DESTROYED = bytes(KEY_BYTES)


class Vault:
    """The subject keys of one service. Safe for threads; several processes may share the file.

    Open it with :meth:`open`.
    """

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self._file = file
        self._mutex = threading.Lock()
        self._is_held = False
        self._free: list[tuple[int, bytes]] = []
        self._fresh: dict[int, AESGCM] = {}

    @classmethod
    def open(cls, data_dir: Path) -> Vault:
        """Opens ``<data_dir>/subject-keys/keys.bin``, making it on the first start.

        Raises:
            KeyFileError: the file cannot be used, is something else, or is open to others (looser than 0600).
        """
        path = Path(data_dir) / FOLDER / FILE
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise KeyFileError(f"{path} cannot be opened ({error.strerror})", file=FILE) from error
        try:
            _prepare(path, file)
        except BaseException:
            os.close(file)
            raise
        return cls(path, file)

    def new_key(self) -> int:
        """A key that nobody had before, durable before its number is given out.

        Returns:
            The ``key_id``, 1 or more; numbers rise and are never used again.

        Raises:
            StorageError: the file cannot be written, or another process holds it.
        """
        self._enter()
        try:
            if not self._free:
                self._free = self._make_block()
                self._fresh.clear()
            key_id, key = self._free.pop()
        finally:
            self._mutex.release()
        self._fresh[key_id] = AESGCM(key)
        return key_id

    def settle(self) -> None:
        """Says that the record holds, or never will, the numbers that were given out until now.

        Until then nobody else can know such a number, so its key cannot have been destroyed, and is not read back from
        the file for each payload of a new person; from then on the file alone tells.
        """
        self._fresh.clear()

    def encrypt(self, key_id: int, context: str, plain: bytes) -> bytes:
        """Encrypts a payload for the place that ``context`` names.

        Args:
            key_id: the subject's key.
            context: says what this is and whose, such as ``decision:<id>``; a payload moved elsewhere does not open.
            plain: any bytes.

        Returns:
            Nonce (12 bytes), ciphertext, tag (16 bytes).

        Raises:
            StorageError: the key was destroyed.

        Source: NIST SP 800-38D (AES-256-GCM, random nonces: far below 2**32 payloads a key).
        """
        cipher = self._fresh.get(key_id) or self._cipher(key_id)
        if cipher is None:
            raise StorageError("this person's key was destroyed; nothing more is written under it")
        nonce = os.urandom(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, plain, context.encode())

    def near(self, key_ids: Collection[int]) -> Vault | KeysAtOnce:
        """What opens payloads under all these keys, as they are now: read at once, where they lie together.

        People who came one after the other have keys one after the other; a read for each costs more than opening.
        """
        first, last = min(key_ids, default=0), max(key_ids, default=0)
        if not 0 < first <= last < first + NEAR_MAX:
            return self
        slots = os.pread(self._file, (last - first + 1) * KEY_BYTES, first * KEY_BYTES)
        whole = len(slots) == (last - first + 1) * KEY_BYTES
        return KeysAtOnce(first, slots) if whole else self

    def decrypt(self, key_id: int, context: str, sealed: bytes) -> bytes | None:
        """The payload again.

        Returns:
            None when the key was destroyed: the payload is erased.

        Raises:
            RecordDamagedError: the bytes, their place or the key were changed.
        """
        key = self._key(key_id)
        return None if key is None else _open(key, context, sealed)

    def holds(self, key_id: int) -> bool:
        """Whether the key is still there."""
        return self._key(key_id) is not None

    def size(self) -> int:
        """How many keys were ever made, destroyed ones included."""
        return os.fstat(self._file).st_size // KEY_BYTES - 1

    @property
    def mark(self) -> int:
        """The ``sequence`` of ``erased_keys`` up to which this file's keys are destroyed: a copy of it is behind."""
        return int.from_bytes(os.pread(self._file, MARK_BYTES, KEY_BYTES - MARK_BYTES))

    def destroyed(self, after: int = 0, limit: int = 100_000) -> list[int]:
        """The destroyed keys among the ``limit`` keys that follow ``after``, in order."""
        slots = os.pread(self._file, limit * KEY_BYTES, (after + 1) * KEY_BYTES)
        if _DESTROYED not in slots:
            return []
        whole = range(len(slots) // KEY_BYTES)
        return [after + 1 + at for at in whole if slots[at * KEY_BYTES : (at + 1) * KEY_BYTES] == _DESTROYED]

    def destroy(self, key_ids: Iterable[int], mark: int | None = None) -> None:
        """Overwrites keys in place and returns when that is on disk.

        Args:
            key_ids: what to destroy.
            mark: how far shredding has come with them; None leaves it.

        Raises:
            StorageError: the file cannot be written; some may be destroyed, and a retry is safe.
        """
        try:
            for key_id in filter(lambda number: number >= 1, key_ids):  # 0 is the header
                # Past the end of a copy that is older than the record too: else the number would be given out again.
                _write(self._file, _DESTROYED, key_id * KEY_BYTES)
                self._fresh.pop(key_id, None)
            if mark is not None:
                _write(self._file, mark.to_bytes(MARK_BYTES), KEY_BYTES - MARK_BYTES)
            os.fsync(self._file)
        except OSError as error:
            raise StorageError("the subject keys cannot be written now", cause=type(error).__name__) from error

    def close(self) -> None:
        """Lets go of the file; later calls fail."""
        file, self._file = self._file, -1  # the number may soon name another file
        if file >= 0:
            os.close(file)

    def _cipher(self, key_id: int) -> AESGCM | None:
        key = self._key(key_id)
        return None if key is None else AESGCM(key)

    def _key(self, key_id: int) -> bytes | None:
        key = self._read_slot(key_id)
        if len(key) != KEY_BYTES:
            key = self._read_slot_again(key_id)
        if len(key) != KEY_BYTES:
            raise RecordDamagedError(f"{self.path} is older than the record: key {key_id} is missing", key_id=key_id)
        return None if key == _DESTROYED else key

    def _read_slot(self, key_id: int) -> bytes:
        return os.pread(self._file, KEY_BYTES, key_id * KEY_BYTES) if key_id > 0 else b""

    def _read_slot_again(self, key_id: int) -> bytes:
        # Another node may just have made it: a shared file system shows its writes to whoever takes the lock. The
        # mutex, since all threads have one lock between them.
        self._enter()
        try:
            self._lock(fcntl.LOCK_SH)
            return self._read_slot(key_id)
        except OSError as error:
            raise StorageError("the subject keys cannot be read now", cause=type(error).__name__) from error
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._mutex.release()

    def _enter(self) -> None:
        if not self._mutex.acquire(timeout=LOCK_WAIT_S):
            raise StorageError(HELD)

    def _lock(self, how: int) -> None:
        ends_s = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._file, how | fcntl.LOCK_NB)
            except BlockingIOError as error:
                self._is_held = self._is_held or time.monotonic() > ends_s
                if self._is_held:
                    raise StorageError(HELD, cause=type(error).__name__) from error
                time.sleep(LOOK_EVERY_S)
            else:
                self._is_held = False
                return

    def _make_block(self) -> list[tuple[int, bytes]]:
        try:
            self._lock(fcntl.LOCK_EX)  # another process may make a block at the same time
            first = -(-os.fstat(self._file).st_size // KEY_BYTES)  # past a slot that a crash left half-written
            keys = secrets.token_bytes(BLOCK * KEY_BYTES)
            _write(self._file, keys, first * KEY_BYTES)
            os.fsync(self._file)
        except OSError as error:
            raise StorageError("the subject keys cannot be written now", cause=type(error).__name__) from error
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        made = [(first + at, keys[at * KEY_BYTES : (at + 1) * KEY_BYTES]) for at in range(BLOCK)]
        return made[::-1]  # they are taken from the end


class KeysAtOnce:
    """Neighbouring keys of a vault as they were when they were read.

    Args:
        first: the lowest number.
        slots: their bytes.
    """

    def __init__(self, first: int, slots: bytes) -> None:
        self._first = first
        self._slots = slots

    def decrypt(self, key_id: int, context: str, sealed: bytes) -> bytes | None:
        """As :meth:`Vault.decrypt`."""
        at = (key_id - self._first) * KEY_BYTES
        key = self._slots[at : at + KEY_BYTES]
        return None if key == _DESTROYED else _open(key, context, sealed)


def _open(key: bytes, context: str, sealed: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError) as error:
        raise RecordDamagedError(f"the payload of {context} was changed", context=context) from error


def _write(file: int, data: bytes, at: int) -> None:
    if os.pwrite(file, data, at) != len(data):  # a disk that fills up takes a part, and says so only the next time
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _prepare(path: Path, file: int) -> None:
    found = os.fstat(file)
    if found.st_mode & 0o077:
        raise KeyFileError(f"{path} can be read by others; run chmod 600 {path}", file=FILE)
    if found.st_size == 0:
        _write(file, HEADER, 0)
        os.fsync(file)
    elif os.pread(file, KEY_BYTES - MARK_BYTES, 0) != HEADER[:-MARK_BYTES]:
        raise KeyFileError(f"{path} is not a file of subject keys; restore it from its own backup", file=FILE)
