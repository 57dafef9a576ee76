"""A Redis for every service that tests start, killed when half of this process's tests have run (``TEST_REDIS``)."""

from __future__ import annotations

import os

import pytest

from support.redis_servers import RedisServer

VARIABLE = "TEST_REDIS"
HALF_WAY = "killed-half-way"


class KilledHalfWay:
    """Starts with the session, gets SIGKILL half-way, and stays dead.

    Services find it by :func:`redis_environ`.
    """

    def __init__(self) -> None:
        self._server = RedisServer()
        self._left = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Starts Redis. Of several pytest processes each has its own, and runs about its share of the tests."""
        processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        self._left = max(1, len(session.items) // processes // 2)
        _running.append(self._server.start())

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self) -> None:
        """Counts a test."""
        self._left -= 1
        if self._left == 0:
            self._server.kill()

    def pytest_sessionfinish(self) -> None:
        """Cleans up."""
        self._server.stop()


_running: list[RedisServer] = []


def pytest_configure(config: pytest.Config) -> None:
    """Takes part where the environment asks for it; not in the process that only deals out tests to others."""
    asked = os.environ.get(VARIABLE)
    assert asked in (None, "", HALF_WAY), f"{VARIABLE} must be {HALF_WAY}"
    deals_out = getattr(config.option, "dist", "no") != "no" and not hasattr(config, "workerinput")
    if asked and not deals_out:
        config.pluginmanager.register(KilledHalfWay(), "redis-killed-half-way")


def redis_environ() -> dict[str, str]:
    """What a service's environment has for the Redis of this session; nothing without one."""
    return {"COOKIEGATE_REDIS_URL": _running[0].url} if _running else {}
