"""A verifier that follows its service: keys, withdrawals and, where Redis is near, news at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from cookiegate.clock import Clock
from cookiegate.errors import CookiegateError
from cookiegate.sources.keysets import FollowedKeys
from cookiegate.sources.redis_news import RedisNews
from cookiegate.sources.refreshing import ADDRESSES_EVERY_S, Refresher
from cookiegate.sources.statuslists import FollowedStatuses
from cookiegate.tokens.statuses import EpochRegister
from cookiegate.tokens.verifying import Verifier
from cookiegate.tokens.withdrawals import Withdrawals

NEWS_WAIT_S = 5.0


@contextlib.contextmanager
def follow(
    audience: str,
    *,
    jwks: str,
    statuses: Iterable[str] = (),
    issuer: str | None = None,
    max_stale_s: float | None = None,
    withdrawals: str | None = None,
    warn: Callable[[CookiegateError], None] = lambda error: None,
    every_s: float = ADDRESSES_EVERY_S,
    clock: Clock | None = None,
) -> Iterator[Verifier]:
    """A verifier whose keys and lists are kept fresh as long as the ``with`` block lasts.

    Args:
        audience: the site's id.
        jwks: file or address of the key set.
        statuses: files or addresses of status lists; without any, withdrawals are not looked up.
        issuer: the one accepted issuer; any when None.
        max_stale_s: how long a list that cannot be had is believed; as for
            :class:`cookiegate.sources.statuslists.FollowedStatuses`.
        withdrawals: address of a Redis server that tells of withdrawals.
        warn: told of the first of each row of failures.
        every_s: seconds between two looks at an address.
        clock: the time.

    Raises:
        SourceUnreadableError: keys, a list or the client for Redis are not there to begin with.
        StatusListError: a list cannot be trusted.
    """
    keys = FollowedKeys(jwks)
    lists = FollowedStatuses(keys.public, max_stale_s=max_stale_s, warn=warn, clock=clock)
    given = tuple(statuses)
    for name in given:
        lists.load(name)
    epochs, ended = EpochRegister(clock), Withdrawals()
    verifier = Verifier(
        keys,
        audience=audience,
        issuer=issuer,
        status=lists if given else None,
        epochs=epochs if withdrawals else None,
        withdrawals=ended if withdrawals else None,
        clock=clock,
    )
    with contextlib.ExitStack() as running:
        running.enter_context(Refresher(keys, lists, warn, every_s))
        if withdrawals:
            news = running.enter_context(RedisNews(withdrawals, epochs, ended, warn=warn, clock=clock))
            news.caught_up(NEWS_WAIT_S)
        yield verifier
