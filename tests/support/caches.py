"""A shared cache for tests, and what it told its watcher."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cookiegate.settings import RedisServers, read_settings
from cookiegate.storage.cache.contract import Role, Versioned
from cookiegate.storage.cache.redis import RedisCache
from support.redis_servers import wait_until


class Watch:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.failures: Counter[Role] = Counter()
        self.spares: Counter[Role] = Counter()
        self.listens = False
        self.cause = ""

    def turned(self, state: str) -> None:
        """The breaker's states in order."""
        self.states.append(state)

    def failed(self, role: Role, cause: str) -> None:
        """Failures by role, and the last one's cause."""
        self.cause = cause
        self.failures[role] += 1

    def spared(self, role: Role) -> None:
        """Calls that were not made."""
        self.spares[role] += 1

    def hears(self, does: bool) -> None:
        """Whether news are heard."""
        self.listens = does


def servers_of(url: str) -> RedisServers:
    """An address as the settings read it."""
    servers = read_settings({"COOKIEGATE_REDIS_URL": url}).redis_url
    assert servers is not None
    return servers


@contextmanager
def open_redis(url: str, fingerprint: str = "test") -> Iterator[tuple[RedisCache, Watch]]:
    """A cache in Redis and its watcher."""
    watch = Watch()
    cache = RedisCache(servers_of(url), fingerprint, watch)
    try:
        yield cache, watch
    finally:
        cache.close()


def works_again(cache: RedisCache) -> None:
    """Waits until the breaker has let calls through again."""
    wait_until(lambda: cache.keep(Role.LEADS, "well", Versioned(1, b"yes"), 5), "Redis is used again")
