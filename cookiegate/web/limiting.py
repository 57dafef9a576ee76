"""Rate limits: flask-limiter on Flask's routes, ``limits`` beneath it on the front's, with the same counters."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import Flask, request
from flask_limiter import Limiter as FlaskLimiter
from limits import RateLimitItem, WindowStats, parse
from limits.errors import StorageError as LimitsStorageError
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from cookiegate.errors import RateLimitedError
from cookiegate.settings import Settings
from cookiegate.web.call import Call, Reply
from cookiegate.web.clients import Clients
from cookiegate.web.counters import SCHEME, CalmMemoryStorage

T = TypeVar("T")

#: Strategy and version are in the prefix: the same Redis key under another strategy would be of another type.
KEY_PREFIX = "cookiegate-fixed-window-1"
REDIS_DEADLINE_S = 0.25


@dataclass(frozen=True, slots=True)
class Allowance:
    """A named limit."""

    name: str
    item: RateLimitItem


class Limits:
    """Counts public requests per client bucket and site.

    Args:
        settings: the rates, and the Redis that shares counters between processes.
        clients: derives the bucket.
        is_site: tells a site that there is from a name that a stranger made up; those share one bucket.
    """

    def __init__(self, settings: Settings, clients: Clients, is_site: Callable[[str], bool]) -> None:
        self._clients = clients
        self._is_site = is_site
        self._numbers = itertools.count()
        self.writes = Allowance("writes", parse(settings.rate_limit_writes))
        self.tokens = Allowance("tokens", parse(settings.rate_limit_tokens))
        self.events = Allowance("events", parse(settings.rate_limit_events))
        self.requests = Allowance("requests", parse(settings.rate_limit_requests))
        timeouts: dict[str, Any] = {"socket_timeout": REDIS_DEADLINE_S, "socket_connect_timeout": REDIS_DEADLINE_S}
        self.flask = FlaskLimiter(
            key_func=lambda: "",
            storage_uri=settings.redis_url or f"{SCHEME}://",
            storage_options=timeouts if settings.redis_url else {},
            strategy="fixed-window",
            key_prefix=KEY_PREFIX,
            in_memory_fallback_enabled=True,
            headers_enabled=False,  # ours follow the IETF draft, on both paths
        )
        self._memory = FixedWindowRateLimiter(CalmMemoryStorage())

    def attach(self, app: Flask) -> None:
        """Makes the counters of ``counter`` work in this app."""
        self.flask.init_app(app)

    def counter(self, allowance: Allowance) -> Callable[[], None]:
        """A function for views whose URL has a ``site``: it counts the current request through flask-limiter.

        Calling it raises ``flask_limiter.errors.RateLimitExceeded`` when the bucket has had its share.
        """

        def count() -> None:
            """Takes one from the allowance."""

        # flask-limiter keeps limits by qualified name: two counters of one name would both count every request.
        count.__qualname__ = f"count_{allowance.name}_{next(self._numbers)}"
        limit = self.flask.shared_limit(str(allowance.item), scope=allowance.name, key_func=self._flask_bucket)
        return cast(Callable[[], None], limit(count))

    def _flask_bucket(self) -> str:
        return self._bucket(Call(request.environ), (request.view_args or {}).get("site", ""))

    def _bucket(self, call: Call, site: str) -> str:
        return self._clients.bucket(call, site if self._is_site(site) else "")

    def hit(self, allowance: Allowance, call: Call, site: str) -> None:
        """Counts a request that Flask does not see.

        Raises:
            RateLimitedError: this bucket has had its share.
        """
        key = self._key(allowance, call, site)
        if not self._ask(lambda limiter: limiter.hit(allowance.item, *key)):
            raise self.exhausted(allowance, call, site)

    def describe(self, allowance: Allowance, call: Call, site: str, reply: Reply) -> Reply:
        """Adds ``RateLimit-Policy`` and ``RateLimit``.

        Source: IETF draft-ietf-httpapi-ratelimit-headers.
        """
        item, stats = allowance.item, self._stats(allowance, call, site)
        window_s = item.get_expiry()
        left_s = max(0, min(window_s, round(stats.reset_time - time.time())))
        reply.add("RateLimit-Policy", f'"{allowance.name}";q={item.amount};w={window_s}')
        return reply.add("RateLimit", f'"{allowance.name}";r={max(0, stats.remaining)};t={left_s}')

    def exhausted(self, allowance: Allowance, call: Call, site: str) -> RateLimitedError:
        """The error for a bucket that has had its share, saying when to come back."""
        seconds = max(1, round(self._stats(allowance, call, site).reset_time - time.time()))
        return RateLimitedError(
            f"at most {allowance.item} for {allowance.name}; come back in {seconds} s", retry_after_s=seconds
        )

    def _stats(self, allowance: Allowance, call: Call, site: str) -> WindowStats:
        key = self._key(allowance, call, site)
        return self._ask(lambda limiter: limiter.get_window_stats(allowance.item, *key))

    def _ask(self, question: Callable[[RateLimiter], T]) -> T:
        """Asks the shared counters, and this process's own while those cannot be reached."""
        shared = self.flask.limiter
        declared: Any = shared.storage.base_exceptions  # one class, or a tuple of them
        failures: tuple[type[Exception], ...] = declared if isinstance(declared, tuple) else (declared,)
        unreachable: tuple[type[Exception], ...] = (LimitsStorageError, *failures)
        try:
            return question(shared)
        except unreachable:
            return question(self._memory)

    def _key(self, allowance: Allowance, call: Call, site: str) -> tuple[str, str, str]:
        return KEY_PREFIX, self._bucket(call, site), allowance.name
