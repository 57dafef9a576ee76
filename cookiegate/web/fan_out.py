"""Tells the other nodes of a withdrawal at once. They would read it from the record half a second later anyway."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiegate.storage.cache.contract import SharedCache
from cookiegate.storage.contract import STATUS_LIST_SIZE, StatusSlot

NONCE_BYTES = 12
_CONTEXT = b"cookiegate withdrawal 1"


class Withdrawn(msgspec.Struct, frozen=True, array_like=True):
    """What a node must know to deny: the place of the old tokens in the status list, and the subject's next epoch."""

    list_id: int
    index: int
    sub: str
    epoch: int


class FanOut:
    """Sends and hears withdrawals, sealed so that nobody but the nodes can read or make them.

    A message that is heard twice, or late, changes nothing: it denies what is denied.

    Args:
        cache: carries them.
        secret: 32 bytes that the nodes have in common.
        hear: makes the gates of this process deny.
    """

    def __init__(self, cache: SharedCache, secret: bytes, hear: Callable[[StatusSlot, str, int], None]) -> None:
        self._cache = cache
        self._key = AESGCM(secret)
        self._hear = hear

    def tell(self, slot: StatusSlot, sub: str, epoch: int) -> None:
        """Sends a withdrawal that is durable. It may get lost."""
        if self._cache.is_shared:
            nonce = os.urandom(NONCE_BYTES)
            plain = msgspec.msgpack.encode(Withdrawn(slot.list_id, slot.index, sub, epoch))
            self._cache.tell(nonce + self._key.encrypt(nonce, plain, _CONTEXT))

    def listen(self) -> None:
        """Hears what the other nodes tell from now on, until the cache is closed."""
        self._cache.listen(self.take)

    def take(self, message: bytes) -> None:
        """Takes a message in; one that no node of this service made is passed over."""
        try:
            plain = self._key.decrypt(message[:NONCE_BYTES], message[NONCE_BYTES:], _CONTEXT)
            told = msgspec.msgpack.decode(plain, type=Withdrawn)
        except (InvalidTag, ValueError):
            return
        if told.list_id >= 0 and 0 <= told.index < STATUS_LIST_SIZE:
            self._hear(StatusSlot(told.list_id, told.index), told.sub, told.epoch)
