"""``cookiegate worker redis``: two of a group, one killed mid-run; every copy in the streams counts."""

from __future__ import annotations

from pathlib import Path

from support.redis_servers import RedisServer, wait_until
from support.workers import Worker

from conformance.engines.streamed import Ledger, options
from conformance.material import Material, Tally


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    total = sum(map(len, material.lines.values()))
    with RedisServer() as server, server.client() as client:
        pipeline = client.pipeline(transaction=False)
        for tracker, lines in material.lines.items():
            for line in lines:
                pipeline.xadd("in", {"line": line, "kind": tracker})
        pipeline.execute()
        arguments = ("redis", "--redis", server.url, "--in", "in", "--out", "out", "--batch", "20", "--idle", "1")
        arguments += ("--tracker-field", "kind", *options(material))
        with Worker(*arguments) as first, Worker(*arguments) as second:
            wait_until(lambda: client.xlen("out") > total // 20, "they are at work")
            first.kill()
            wait_until(lambda: _left(server) == 0, "the other has done the rest", 300)
            assert second.stop() == 0
        found = Ledger(material)
        for _, fields in client.xrange("out"):
            found.passed(fields[b"line"])
        for _, fields in client.xrange("out:dead"):
            found.dropped(fields[b"tracker"].decode(), fields[b"reason"].decode(), int(fields[b"events"]))
    return found.tally


def _left(server: RedisServer) -> int:
    with server.client() as client:
        (group,) = client.xinfo_groups("in")
    return int(group["pending"]) + int(group["lag"])
