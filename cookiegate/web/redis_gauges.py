"""What operators see of Redis: the breaker, what failed, and whether news are heard."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from cookiegate.storage.cache.contract import Role
from cookiegate.web.logs import get_logger

_STATES = {"closed": 0, "half-open": 1, "open": 2}


class RedisGauges:
    """A :class:`Watcher` that counts, and writes a line when Redis goes and when it comes back.

    Args:
        registry: takes the counters.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._breaker = Gauge(
            "cookiegate_redis_breaker",
            "Whether Redis is asked: 0 yes, 1 one try, 2 no.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._hears = Gauge(
            "cookiegate_redis_hears",
            "1 while withdrawals on other nodes are heard at once.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._failures = Counter(
            "cookiegate_redis_failures", "Calls to Redis that failed, by role.", ["role"], registry=registry
        )
        self._spared = Counter(
            "cookiegate_redis_spared", "Calls that were not made, by role.", ["role"], registry=registry
        )
        self._is_away = False
        self._cause = ""

    def turned(self, state: str) -> None:
        """The breaker has a new state."""
        self._breaker.set(_STATES[state])
        if state == "open" and not self._is_away:
            get_logger().warning("redis_away", cause=self._cause)
        elif state == "closed":
            get_logger().info("redis_back")
        self._is_away = state != "closed"

    def failed(self, role: Role, cause: str) -> None:
        """A call failed; ``cause`` is the kind of error."""
        self._cause = cause
        self._failures.labels(role.value).inc()

    def spared(self, role: Role) -> None:
        """A call was not made."""
        self._spared.labels(role.value).inc()

    def hears(self, does: bool) -> None:
        """Whether news are heard."""
        self._hears.set(int(does))
