"""``open_cache`` is the only constructor that the rest of the house calls."""

from __future__ import annotations

import hashlib

from cookiegate.settings import Settings
from cookiegate.storage.cache.contract import SharedCache, Watcher
from cookiegate.storage.cache.memory import MemoryCache


def open_cache(settings: Settings, secret: bytes, watcher: Watcher) -> SharedCache:
    """The cache that the settings name; it is open even while its Redis is away.

    Args:
        settings: ``redis_url``; unset means memory of this process.
        secret: what the nodes of one service have in common; its hash keeps services apart that share one Redis.
        watcher: told how Redis is.
    """
    if settings.redis_url is None:
        return MemoryCache()
    from cookiegate.storage.cache.redis import RedisCache  # noqa: PLC0415  redis is an extra

    fingerprint = hashlib.blake2b(b"fingerprint", key=secret, digest_size=8).hexdigest()
    return RedisCache(settings.redis_url, fingerprint, watcher)
