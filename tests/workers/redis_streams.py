"""Redis Streams as tests of workers fill and read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from support.redis_servers import RedisServer


def fill(redis: RedisServer, lines: Sequence[bytes], stream: str = "in", **fields: Any) -> list[str]:
    """Adds entries; their ids."""
    with redis.client() as client:
        pipeline = client.pipeline(transaction=False)
        for line in lines:
            pipeline.xadd(stream, {"line": line, **fields})
        return [entry_id.decode() for entry_id in pipeline.execute()]


def entries(redis: RedisServer, stream: str) -> list[dict[str, str]]:
    """The fields of a stream's entries."""
    with redis.client() as client:
        found: Any = client.xrange(stream)
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in found]


def pending(redis: RedisServer, stream: str = "in") -> int:
    """How many entries the group has in hand, and has not read yet."""
    with redis.client() as client:
        found: Any = client.xinfo_groups(stream)
        waiting: Any = client.xlen(stream)
    return int(found[0]["pending"]) + int(found[0]["lag"]) if found else int(waiting)


def arguments(redis: RedisServer, *more: str) -> tuple[str, ...]:
    """Of a worker on that server."""
    return ("redis", "--redis", redis.url, "--in", "in", "--out", "out", *more)


def event(token: str, number: int = 0) -> bytes:
    """A plain event; its language passes only where that is granted."""
    return json.dumps({"consent_token": token, "event": "view", "value": number, "language": "ja"}).encode()
