from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consent import ConsentService
from support.redis_servers import RedisServer
from support.workers import publish


@pytest.fixture
def service(tmp_path: Path) -> ConsentService:
    """Keys and an issuer whose tokens hold now."""
    return ConsentService(tmp_path)


@pytest.fixture
def options(service: ConsentService, tmp_path: Path) -> tuple[str, ...]:
    """The gate's options for the service's keys and list."""
    return publish(service, tmp_path)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis server."""
    with RedisServer() as server:
        yield server
