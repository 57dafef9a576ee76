"""Consents that were read lately, sealed as they lie in the record, shared by all nodes.

For a record on a database server. SQLite in the same process answers sooner than any cache.

No copy outlives what it is a copy of by much:

- Every unit of work that writes a consent puts the new copy in its place once it is durable, before it is acknowledged;
  where one is erased, a mark with the next epoch. A reader that read the old row before, and keeps its copy after that,
  is refused by Redis itself: its epoch is lower.
- Where that got lost with Redis, the old copy lives for half a minute at most, and is passed over as soon as this
  process knows of a newer epoch of the subject. Tokens made from it are born withdrawn: their slot has ended.
- Redis is not what ends it: the copy says inside when its row was read, and each reader looks. Put back later, or under
  another version than its own, it does not count.
- A copy of a record that was replaced by an earlier state of itself is not found any more.
- An erased person's copy opens no more: the key is gone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiegate.clock import Clock, seconds_awake_or_not
from cookiegate.errors import RecordDamagedError, StorageError
from cookiegate.storage.cache.contract import Role, SharedCache, Versioned
from cookiegate.storage.contract import ConsentRow, Storage, WriteTransaction
from cookiegate.storage.sealed_rows import consent_columns, consent_from_columns

T = TypeVar("T")

TTL_S = 30.0
#: What was read longer ago is not kept: the mark of a newer state might have expired meanwhile.
KEEP_WITHIN_S = 5.0
#: How far another node's clock may be ahead.
AHEAD_S = 2.0
NONCE_BYTES = 12
_MARK = b""


def with_hot_consents(
    storage: Storage,
    cache: SharedCache,
    secret: bytes,
    clock: Clock,
    *,
    minimum: Callable[[str], int],
    is_fresh: Callable[[], bool],
) -> Storage:
    """The same record, whose ``find_consent`` looks into the cache first.

    Args:
        storage: the record.
        cache: keeps the copies.
        secret: 32 bytes that the nodes have in common: copies are encrypted and authenticated under it once more, and
            found by keyed hashes, so that Redis neither knows nor can choose what a copy says, whose or how old it is.
        clock: dates them.
        minimum: the least epoch of a subject that counts, as far as this process knows.
        is_fresh: whether this process knows of withdrawals on other nodes now; else the record is asked.
    """
    return cast(Storage, _HotConsents(storage, cache, secret, clock, minimum, is_fresh))


class _HotConsents:
    """Everything but consents goes to the record as it is."""

    def __init__(
        self,
        storage: Storage,
        cache: SharedCache,
        secret: bytes,
        clock: Clock,
        minimum: Callable[[str], int],
        is_fresh: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._cache = cache
        self._secret = secret
        self._seal = AESGCM(secret)
        self._clock = clock
        self._minimum = minimum
        self._is_fresh = is_fresh

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The committed consent of a handle, from a copy that counts or from the record."""
        key = self._key(site, handle_hash)
        row = self._copy(key) if self._is_fresh() else None
        if row is not None and (row.site, row.handle_hash) == (site, handle_hash):
            return row
        began_s, read_at_ms = seconds_awake_or_not(), self._clock.now_ms()
        row = self._storage.find_consent(site, handle_hash)
        if row is not None and seconds_awake_or_not() - began_s < KEEP_WITHIN_S:
            self._keep(key, row, read_at_ms)
        return row

    def write(self, work: Callable[[WriteTransaction], T], *, side_by_side: bool = False) -> T:
        """Runs the work, and leaves word of the consents that it changed before it returns."""
        noted = _Noted()
        try:
            done = self._storage.write(noted.around(work), side_by_side=side_by_side)
        except StorageError:  # perhaps it is durable all the same
            self._leave_word(noted, rows={})
            raise
        self._leave_word(noted, noted.rows)
        return done

    def _leave_word(self, noted: _Noted, rows: dict[tuple[str, bytes], ConsentRow]) -> None:
        for (site, handle_hash), epoch in noted.epochs.items():
            key, row = self._key(site, handle_hash), rows.get((site, handle_hash))
            if row is not None:
                self._keep(key, row, self._clock.now_ms())
            else:
                self._cache.keep(Role.CONSENTS, key, Versioned(epoch, _MARK), TTL_S)

    def _key(self, site: str, handle_hash: bytes) -> str:
        whose = b"\n".join((site.encode(), handle_hash, self._storage.history.encode()))
        return hashlib.blake2b(whose, key=self._secret, digest_size=16).hexdigest()

    def _keep(self, key: str, row: ConsentRow, read_at_ms: int) -> None:
        try:
            plain = msgspec.msgpack.encode((read_at_ms, consent_columns(self._storage.vault, row)))
        except StorageError:  # the person was erased meanwhile
            return
        nonce = os.urandom(NONCE_BYTES)
        body = nonce + self._seal.encrypt(nonce, plain, _place(key, row.epoch))
        self._cache.keep(Role.CONSENTS, key, Versioned(row.epoch, body), TTL_S)

    def _copy(self, key: str) -> ConsentRow | None:
        found = self._cache.find(Role.CONSENTS, key)
        if found is None or found.body == _MARK:
            return None
        try:
            nonce, sealed = found.body[:NONCE_BYTES], found.body[NONCE_BYTES:]
            plain = self._seal.decrypt(nonce, sealed, _place(key, found.version))
            read_at_ms, columns = msgspec.msgpack.decode(plain)
            is_young = -AHEAD_S <= (self._clock.now_ms() - read_at_ms) / 1000 < TTL_S
            row = consent_from_columns(self._storage.vault, tuple(columns)) if is_young else None
        except (InvalidTag, ValueError, RecordDamagedError):
            return None
        return row if row is not None and row.epoch >= self._minimum(row.sub) else None


def _place(key: str, version: int) -> bytes:
    """What a copy is sealed for: it opens nowhere else, and as no other version."""
    return f"{key} {version}".encode()


class _Noted:
    """The consents that one unit of work changed: the newest epoch of each, and the row where there is one."""

    def __init__(self) -> None:
        self.epochs: dict[tuple[str, bytes], int] = {}
        self.rows: dict[tuple[str, bytes], ConsentRow] = {}

    def around(self, work: Callable[[WriteTransaction], T]) -> Callable[[WriteTransaction], T]:
        """The work, watched; it may be run again after all that it did was undone."""

        def watched(transaction: WriteTransaction) -> T:
            self.epochs, self.rows = {}, {}
            return work(cast(WriteTransaction, _Watched(transaction, self)))

        return watched


class _Watched:
    """A transaction that notes which consents it changes."""

    def __init__(self, transaction: WriteTransaction, noted: _Noted) -> None:
        self._transaction = transaction
        self._noted = noted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)

    def put_consent(self, row: ConsentRow) -> None:
        self._transaction.put_consent(row)
        if row.epoch > 1:  # before the first there was nothing to copy
            self._noted.epochs[row.site, row.handle_hash] = row.epoch
            self._noted.rows[row.site, row.handle_hash] = row

    def erase_key(self, key_id: int) -> None:
        for row in self._transaction.consents_of_key(key_id):
            self._noted.epochs[row.site, row.handle_hash] = row.epoch + 1
            self._noted.rows.pop((row.site, row.handle_hash), None)
        self._transaction.erase_key(key_id)
