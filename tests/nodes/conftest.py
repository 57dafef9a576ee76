"""Two nodes on machines of their own, and a third machine with PostgreSQL and Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.namespaces import SUBNET, Network, why_not
from support.nodes import Cluster, Node
from support.policies import ORIGIN, demo_yaml
from support.postgres import PostgresServer
from support.redis_servers import RedisServer


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Two nodes that are ready; PostgreSQL and Redis on the third machine."""
    if reason := why_not():
        pytest.skip(reason)
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        data, first, second = network.machine("data"), network.machine("one"), network.machine("two")
        postgres = data.run(PostgresServer)
        stack.callback(data.run, postgres.remove)
        with (postgres.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {SUBNET}.0/24 trust\n")
        data.run(postgres.start, listen_addresses="*")
        data.run(postgres.ask, "CREATE DATABASE consent")
        redis = RedisServer(host=data.address, port=6379, protected_mode="no")
        stack.callback(data.run, redis.stop)
        data.run(redis.start)
        (tmp_path / "demo.yaml").write_text(demo_yaml(ORIGIN), encoding="utf-8")
        env = {
            "COOKIEGATE_SECURE_COOKIES": "0",
            "COOKIEGATE_DATABASE_URL": postgres.uri("consent").replace("127.0.0.1", data.address),
            "COOKIEGATE_REDIS_URL": redis.url,
            "COOKIEGATE_RATE_LIMIT_WRITES": "100000/minute",
            "COOKIEGATE_RATE_LIMIT_TOKENS": "100000/minute",
            "COOKIEGATE_RATE_LIMIT_READS": "100000/minute",
        }
        nodes = [Node(machine, tmp_path, **env) for machine in (first, second)]
        for node in nodes:
            stack.callback(node.machine.run, node.service.stop)
            node.start()
        yield Cluster(*nodes, postgres, redis, data)
