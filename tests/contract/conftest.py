"""Fixtures of the contract's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.postgres import PostgresServer


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server to do harm to."""
    own = PostgresServer()
    try:
        own.start()
        yield own
    finally:
        own.remove()
