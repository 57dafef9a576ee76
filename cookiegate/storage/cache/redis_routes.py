"""Which server holds a key: the one there is, the one that the sentinels call master, or a cluster's by slot."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import RedisError

from cookiegate.settings import RedisServers
from cookiegate.storage.cache.redis_line import Address, RedisLine, open_line


class Routes(Protocol):
    """Knows the way to keys. ``find`` talks to servers and may take until its deadline, ``known`` never does."""

    def known(self, key: bytes) -> Address | None:
        """Where a key is, if that was found before and not forgotten since."""
        ...

    def find(self, key: bytes, ends_at_s: float) -> Address:
        """Asks where a key is.

        Raises:
            OSError, RedisError: nobody could tell in time.
        """
        ...

    def forget(self) -> None:
        """Something failed: ask anew next time."""
        ...

    def moved(self, slot: int, address: Address) -> None:
        """A server said where a slot is now."""
        ...


def open_routes(servers: RedisServers) -> Routes:
    """The routes of a kind of address."""
    kinds: dict[str, Callable[[RedisServers], Routes]] = {
        "standalone": _OneServer,
        "sentinel": _Sentinels,
        "cluster": _Cluster,
    }
    return kinds[servers.kind](servers)


class _OneServer:
    def __init__(self, servers: RedisServers) -> None:
        self._address = servers.hosts[0]

    def known(self, key: bytes) -> Address | None:
        return self._address

    def find(self, key: bytes, ends_at_s: float) -> Address:
        return self._address

    def forget(self) -> None:
        """There is only one."""

    def moved(self, slot: int, address: Address) -> None:
        """A server alone has no slots; whoever says so is not one of ours."""


class _Sentinels:
    def __init__(self, servers: RedisServers) -> None:
        self._servers = servers
        self._sentinels = list(servers.hosts)
        self._master: Address | None = None

    def known(self, key: bytes) -> Address | None:
        return self._master

    def find(self, key: bytes, ends_at_s: float) -> Address:
        for sentinel, until_s in _in_turn(self._sentinels, ends_at_s):
            try:
                master = self._ask(sentinel, until_s)
            except (OSError, RedisError, ValueError):
                continue
            if master is not None:
                # Who answered is asked first.
                self._sentinels = [sentinel, *(host for host in self._servers.hosts if host != sentinel)]
                self._master = master
                return master
        raise ConnectionError("no sentinel named a master in time")

    def _ask(self, sentinel: Address, ends_at_s: float) -> Address | None:
        line = open_line(self._servers, sentinel, ends_at_s)
        try:
            found = line.ask(ends_at_s, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._servers.service)
        finally:
            line.close()
        if found is None:
            return None
        host, port = found
        return host.decode(), int(port)

    def forget(self) -> None:
        self._master = None

    def moved(self, slot: int, address: Address) -> None:
        """Masters behind sentinels have no slots."""


class _Cluster:
    def __init__(self, servers: RedisServers) -> None:
        self._servers = servers
        self._nodes = list(servers.hosts)
        self._slots: dict[int, Address] = {}

    def known(self, key: bytes) -> Address | None:
        return self._slots.get(key_slot(key))

    def find(self, key: bytes, ends_at_s: float) -> Address:
        for node, until_s in _in_turn(self._nodes, ends_at_s):
            try:
                slots = self._ask(node, until_s)
            except (OSError, RedisError, ValueError):
                continue
            if (address := slots.get(key_slot(key))) is not None:
                self._slots = slots
                others = {*slots.values(), *self._servers.hosts} - {node}
                self._nodes = [node, *sorted(others)]
                return address
        raise ConnectionError("no node of the cluster told in time where the key is")

    def _ask(self, node: Address, ends_at_s: float) -> dict[int, Address]:
        line = open_line(self._servers, node, ends_at_s)
        try:
            ranges = line.ask(ends_at_s, "CLUSTER", "SLOTS")
        finally:
            line.close()
        slots: dict[int, Address] = {}
        for first, last, (host, port, *_rest), *_replicas in ranges:
            # An empty host is the one that was asked (Redis: CLUSTER SLOTS).
            address = (host.decode() if host else node[0], int(port))
            slots |= dict.fromkeys(range(max(first, 0), min(last, REDIS_CLUSTER_HASH_SLOTS - 1) + 1), address)
        return slots

    def forget(self) -> None:
        self._slots = {}

    def moved(self, slot: int, address: Address) -> None:
        if 0 <= slot < REDIS_CLUSTER_HASH_SLOTS:
            self._slots = {**self._slots, slot: address}


def _in_turn(hosts: list[Address], ends_at_s: float) -> list[tuple[Address, float]]:
    """Hosts to ask, each with the end of its share of the time: a silent one must not cost the others theirs."""
    now_s = time.monotonic()
    share_s = (ends_at_s - now_s) / max(len(hosts), 1)
    return [(host, now_s + share_s * number) for number, host in enumerate(tuple(hosts), start=1)]


def master_line(servers: RedisServers, address: Address, ends_at_s: float) -> RedisLine:
    """A line to a server that keys are kept on; behind sentinels it must say itself that it is a master.

    Raises:
        OSError, RedisError: it cannot be reached, or is a replica.

    Source: Redis, "Guidelines for Redis clients with support for Redis Sentinel".
    """
    line = RedisLine(servers, address, ends_at_s)
    if servers.kind == "sentinel":
        try:
            role = line.ask(ends_at_s, "ROLE")
            if role[0] != b"master":
                raise ConnectionError("the server that the sentinels named is no master")
        except BaseException:
            line.close()
            raise
    return line
