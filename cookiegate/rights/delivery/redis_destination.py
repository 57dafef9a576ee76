"""Redis Streams as a destination: ``cookiegate:withdrawn``, ``…:erase``, ``…:suspend`` and ``…:resume``."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence
from typing import Any

from cookiegate.clock import Clock
from cookiegate.rights.delivery.faults import DeliveryError
from cookiegate.rights.delivery.streams import StreamEvent
from cookiegate.settings import RedisServers
from cookiegate.sources.redis_news import PREFIX

WAIT_S = 5.0
DAY_MS = 86_400_000


class RedisDestination:
    """Adds each event to the stream of its name; entries end after some days, so that nobody is named there for ever.

    Args:
        servers: where Redis is.
        clock: tells what is old.
        keep_days: how long entries stay, about.
    """

    def __init__(self, servers: RedisServers, clock: Clock, keep_days: int) -> None:
        self._servers = servers
        self._clock = clock
        self._keep_ms = keep_days * DAY_MS
        self._client: Any = None

    def send(self, events: Sequence[StreamEvent]) -> None:
        """Writes events, in their order.

        Raises:
            DeliveryError: Redis does not take them.
        """
        import redis  # noqa: PLC0415  the client is an extra; the setting is refused without it

        oldest_ms = self._clock.now_ms() - self._keep_ms
        try:
            if self._client is None:
                self._client = open_client(self._servers)
            pipeline = self._client.pipeline(transaction=False)
            for event in events:
                told = {name: str(value) for name, value in event.as_dict().items() if value is not None}
                pipeline.xadd(f"{PREFIX}{event.stream}", told, minid=f"{oldest_ms}-0", approximate=True)
            pipeline.execute()
        except (redis.RedisError, OSError) as error:
            client, self._client = self._client, None
            with contextlib.suppress(Exception):
                client.close()
            raise DeliveryError(f"redis_{type(error).__name__.lower()}", blocked=True) from error


def open_client(servers: RedisServers) -> Any:
    """A client of redis-py for one server, the master that sentinels name, or a cluster."""
    library: Any = importlib.import_module("redis")  # an extra
    sentinels: Any = importlib.import_module("redis.sentinel")
    common: dict[str, Any] = {
        "username": servers.user, "password": servers.password, "ssl": servers.tls, "protocol": 2,
        "socket_timeout": WAIT_S, "socket_connect_timeout": WAIT_S,
    }  # fmt: skip
    if servers.kind == "cluster":
        nodes = [library.cluster.ClusterNode(*host) for host in servers.hosts]
        return library.RedisCluster(startup_nodes=nodes, **common)
    common["retry"] = library.retry.Retry(library.backoff.NoBackoff(), 0)
    if servers.kind == "sentinel":
        asking = sentinels.Sentinel(servers.hosts, sentinel_kwargs=common, db=servers.db, **common)
        return asking.master_for(servers.service)
    ((host, port),) = servers.hosts
    return library.Redis(host=host, port=port, db=servers.db, **common)
