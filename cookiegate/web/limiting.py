"""Rate limits: flask-limiter on Flask's routes, ``limits`` beneath it on the front's, with the same counters."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from flask import Flask, request
from flask_limiter import Limiter as FlaskLimiter
from limits import RateLimitItem, parse

from cookiegate.errors import RateLimitedError
from cookiegate.settings import Settings
from cookiegate.storage.cache.contract import SharedCache
from cookiegate.web.call import Call, Reply
from cookiegate.web.clients import Clients
from cookiegate.web.counters import SCHEME, SharedCounters

#: Strategy and version are in the prefix: the same Redis key under another strategy would be of another type.
KEY_PREFIX = "cookiegate-fixed-window-1"
#: Names of counters in memory: spelling one anew costs more than counting, and whoever comes comes again.
KEPT_NAMES = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Allowance:
    """A named limit: so many requests in a window of so many seconds."""

    name: str
    item: RateLimitItem
    amount: int = field(init=False)
    window_s: int = field(init=False)
    policy: str = field(init=False)

    def __post_init__(self) -> None:
        window_s = self.item.get_expiry()
        object.__setattr__(self, "amount", self.item.amount)
        object.__setattr__(self, "window_s", window_s)
        object.__setattr__(self, "policy", f'"{self.name}";q={self.item.amount};w={window_s}')


class Limits:
    """Counts public requests per client bucket and site.

    Args:
        settings: the rates.
        cache: shares counters between processes.
        clients: derives the bucket.
        is_site: tells a site that there is from a name that a stranger made up; those share one bucket.
    """

    def __init__(
        self, settings: Settings, cache: SharedCache, clients: Clients, is_site: Callable[[str], bool]
    ) -> None:
        self._clients = clients
        self._is_site = is_site
        self._numbers = itertools.count()
        self.writes = Allowance("writes", parse(settings.rate_limit_writes))
        self.tokens = Allowance("tokens", parse(settings.rate_limit_tokens))
        self.events = Allowance("events", parse(settings.rate_limit_events))
        self.requests = Allowance("requests", parse(settings.rate_limit_requests))
        self.reads = Allowance("reads", parse(settings.rate_limit_reads))
        shared: dict[str, Any] = {"cache": cache}
        self.flask = FlaskLimiter(
            key_func=lambda: "",
            storage_uri=f"{SCHEME}://",
            storage_options=shared,
            strategy="fixed-window",
            key_prefix=KEY_PREFIX,
            headers_enabled=False,  # ours follow the IETF draft, on both paths
        )

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
        if self._counters.count(key, allowance.window_s).count > allowance.amount:
            raise self.exhausted(allowance, call, site)

    def describe(self, allowance: Allowance, call: Call, site: str, reply: Reply) -> Reply:
        """Adds ``RateLimit-Policy`` and ``RateLimit``.

        Source: IETF draft-ietf-httpapi-ratelimit-headers.
        """
        window = self._counters.look(self._key(allowance, call, site))
        left_s = max(0, min(allowance.window_s, round(window.ends_at_s - time.time())))
        reply.add("RateLimit-Policy", allowance.policy)
        return reply.add("RateLimit", f'"{allowance.name}";r={max(0, allowance.amount - window.count)};t={left_s}')

    def exhausted(self, allowance: Allowance, call: Call, site: str) -> RateLimitedError:
        """The error for a bucket that has had its share, saying when to come back."""
        window = self._counters.look(self._key(allowance, call, site))
        seconds = max(1, round(window.ends_at_s - time.time()))
        return RateLimitedError(
            f"at most {allowance.item} for {allowance.name}; come back in {seconds} s", retry_after_s=seconds
        )

    @property
    def _counters(self) -> SharedCounters:
        """Those that flask-limiter counts with, too, once it is attached to an app."""
        return cast(SharedCounters, self.flask.limiter.storage)

    def _key(self, allowance: Allowance, call: Call, site: str) -> str:
        return _counter_name(allowance, self._bucket(call, site))


@lru_cache(maxsize=KEPT_NAMES)
def _counter_name(allowance: Allowance, bucket: str) -> str:
    """The key under which ``limits`` itself counts for flask-limiter."""
    return allowance.item.key_for(KEY_PREFIX, bucket, allowance.name)
