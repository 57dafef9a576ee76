"""The engine for Redis, alone, behind Sentinel or as a Cluster. Every call ends within a quarter of a second."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from redis.exceptions import AskError, MovedError, NoScriptError

from cookiegate.settings import RedisServers
from cookiegate.storage.cache.breaker import SLOW_S, Breaker
from cookiegate.storage.cache.contract import Role, Versioned, Watcher, Window
from cookiegate.storage.cache.redis_hearing import Hearing
from cookiegate.storage.cache.redis_line import Address, RedisLine
from cookiegate.storage.cache.redis_routes import master_line, open_routes

T = TypeVar("T")

DEADLINE_S = 0.25
#: A timer may wake a little early.
TIMER_STEP_S = 0.01
#: Keys of another form or meaning get another number: Redis answers WRONGTYPE where an old key is used in a new way.
KEYS_VERSION = 1
REDIRECTIONS_MAX = 2
#: Lookups of names cannot be called off, so that only so many may hang.
APART_MAX = 8
#: Enough keys that each of a cluster's servers very likely has one.
CLUSTER_TRIES = 16

_COUNT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) left = tonumber(ARGV[1]) end
return {count, left}
"""
_KEEP = """
local held = redis.call('GET', KEYS[1])
if held and (tonumber(string.match(held, '^(%d+)\\n')) or 0) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. '\\n' .. ARGV[2], 'PX', ARGV[3])
return 1
"""
_LEAD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_YIELD = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_COUNTED = "return {tonumber(redis.call('GET', KEYS[1]) or 0), redis.call('PTTL', KEYS[1])}"
_SCRIPTS = (_COUNT, _COUNTED, _KEEP, _LEAD, _YIELD)
_SHA1 = {script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest() for script in _SCRIPTS}


class RedisCache:
    """A :class:`SharedCache` in Redis.

    Args:
        servers: where it is.
        fingerprint: of the service: part of every key and channel, so that services may share one Redis.
        watcher: told how it is.
        deadline_s: how long a call may take, whatever it is made of.
    """

    is_shared = True

    def __init__(
        self,
        servers: RedisServers,
        fingerprint: str,
        watcher: Watcher,
        *,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._servers = servers
        self._prefix = f"cookiegate:{KEYS_VERSION}:{fingerprint}"
        self._deadline_s = deadline_s
        self._routes = open_routes(servers)
        self._idle: dict[Address, deque[RedisLine]] = {}
        self._apart = threading.BoundedSemaphore(APART_MAX)
        self._watcher = watcher
        self._breaker = Breaker(on_change=watcher.turned)
        self._hearing: Hearing | None = None
        self._is_closed = False

    def count(self, key: str, window_s: int, amount: int = 1) -> Window | None:
        """Adds to a counter; see the contract."""
        command = (_COUNT, window_s * 1000, amount)
        return self._ask(Role.COUNTERS, key, command, lambda answer: _window(int(answer[0]), int(answer[1])))

    def counted(self, key: str) -> Window | None:
        """A counter as it stands."""
        return self._ask(Role.COUNTERS, key, (_COUNTED,), lambda answer: _window(int(answer[0]), int(answer[1])))

    def forget(self, role: Role, key: str) -> None:
        """Drops a counter or a copy."""
        self._ask(role, key, ("DEL",), lambda answer: answer)

    def find(self, role: Role, key: str) -> Versioned | None:
        """A copy; one of another form than ours is none."""
        return self._ask(role, key, ("GET",), _versioned)

    def keep(self, role: Role, key: str, item: Versioned, ttl_s: float) -> bool:
        """Keeps a copy unless a newer one is there, decided by Redis itself."""
        command = (_KEEP, item.version, item.body, int(ttl_s * 1000))
        return self._ask(role, key, command, lambda answer: answer == 1) or False

    def lead(self, name: str, holder: str, ttl_s: float) -> bool | None:
        """Takes or renews a lead."""
        return self._ask(Role.LEADS, name, (_LEAD, holder, int(ttl_s * 1000)), lambda answer: answer == 1)

    def yield_lead(self, name: str, holder: str) -> None:
        """Gives up a lead."""
        self._ask(Role.LEADS, name, (_YIELD, holder), lambda answer: answer)

    def tell(self, message: bytes) -> bool:
        """Publishes news; in a cluster any node passes them on."""
        return self._ask(Role.FAN_OUT, "news", ("PUBLISH", message), lambda answer: int(answer) >= 0) or False

    def listen(self, hear: Callable[[bytes], None]) -> None:
        """Follows the channel of news from a thread."""
        channel = self._key(Role.FAN_OUT, "news")
        routes = open_routes(self._servers)
        self._hearing = Hearing(self._servers, routes, channel, hear, self._watcher.hears, self._begin_anew)

    def close(self) -> None:
        """Hangs up."""
        self._is_closed = True
        if self._hearing is not None:
            self._hearing.close()
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Forgets where the servers are, and hangs up."""
        self._routes.forget()
        for lines in list(self._idle.values()):
            with suppress(IndexError):  # another thread took the last one
                while True:
                    lines.pop().close()

    def _key(self, role: Role, key: str) -> bytes:
        return f"{self._prefix}:{role.value}:{key}".encode()

    def _ask(self, role: Role, key: str, command: tuple[Any, ...], read: Callable[[Any], T]) -> T | None:
        """The answer as ``read`` makes it, which need not trust that it is well formed; None when there is none."""
        if not self._breaker.is_closed:
            if self._breaker.wants_try():
                self._try_apart()
            self._watcher.spared(role)
            return None
        started_s = time.monotonic()
        ends_at_s = started_s + self._deadline_s
        try:
            found = read(self._exchange(self._key(role, key), command, ends_at_s))
        except Exception as error:  # whatever it is: nothing that Redis says or does may stop a request
            self._watcher.failed(role, str(error) if isinstance(error, _NoLineError) else type(error).__name__)
            self._routes.forget()
            self._breaker.failed(at_deadline=time.monotonic() >= ends_at_s - TIMER_STEP_S)
            return None
        self._breaker.succeeded(time.monotonic() - started_s)
        return found

    def _exchange(self, key: bytes, command: tuple[Any, ...], ends_at_s: float) -> Any:
        """Sends a command to where its key is, wherever a cluster has moved that meanwhile.

        Any other server that sends us on is not followed: the password would go to an address of its choice.
        """
        address, asks = self._routes.known(key), False
        for _ in range(REDIRECTIONS_MAX if self._servers.kind == "cluster" else 0):
            try:
                return self._on_line(address, key, command, ends_at_s, asks)
            except AskError as told:  # MovedError is one, too
                address = (told.host or (address or ("", 0))[0], told.port)
                asks = not isinstance(told, MovedError)
                if not asks:
                    self._routes.moved(told.slot_id, address)
        return self._on_line(address, key, command, ends_at_s, asks)

    def _on_line(
        self, address: Address | None, key: bytes, command: tuple[Any, ...], ends_at_s: float, asks: bool
    ) -> Any:
        line = self._idle_line(address) or self._open_apart(address, key, ends_at_s)
        try:
            if asks:
                line.ask(ends_at_s, "ASKING")
            answer = _run(line, key, command, ends_at_s)
        except BaseException:
            line.close()
            raise
        self._put_back(line)
        return answer

    def _idle_line(self, address: Address | None) -> RedisLine | None:
        lines = self._idle.get(address) if address is not None else None
        while lines:
            with suppress(IndexError):  # another thread took the last one
                line = lines.pop()
                if not line.has_news():
                    return line
                line.close()
        return None

    def _put_back(self, line: RedisLine) -> None:
        if self._is_closed:
            line.close()
        else:
            self._idle.setdefault(line.address, deque()).append(line)

    def _open_apart(self, address: Address | None, key: bytes, ends_at_s: float) -> RedisLine:
        """A new line, opened by a thread of its own: a name that is looked up can hang, and nothing calls that off."""

        # Of an error its kind alone crosses over: one that is kept keeps the frames of its request, with all they hold.
        opened: Future[RedisLine | str] = Future()

        def connect() -> None:
            found: RedisLine | str
            try:
                found = master_line(self._servers, address or self._routes.find(key, ends_at_s), ends_at_s)
            except Exception as error:
                found = type(error).__name__
            opened.set_result(found)

        self._run_apart(connect, lambda: opened.set_result("TooManyAtOnce"))
        try:
            line = opened.result(max(0.0, ends_at_s - time.monotonic()))
        except TimeoutError:
            opened.add_done_callback(self._keep_late)
            raise
        if isinstance(line, str):
            raise _NoLineError(line)
        return line

    def _keep_late(self, opened: Future[RedisLine | str]) -> None:
        if isinstance(line := opened.result(), RedisLine):
            self._put_back(line)

    def _try_apart(self) -> None:
        """Finds out whether Redis is well again, while nobody waits for it."""
        self._run_apart(lambda: self._breaker.tried(self._is_well()), lambda: self._breaker.tried(False))

    def _is_well(self) -> bool:
        self._begin_anew()
        # Something is written: a replica, or a server without memory, answers a PING.
        for number in range(CLUSTER_TRIES if self._servers.kind == "cluster" else 1):
            key, started_s = self._key(Role.LEADS, f"try-{number}"), time.monotonic()
            try:
                self._exchange(key, ("SET", "1", "PX", 1000), started_s + self._deadline_s)
            except Exception:  # as in `_ask`
                return False
            if time.monotonic() - started_s > SLOW_S:
                return False
        return True

    def _run_apart(self, work: Callable[[], None], refuse: Callable[[], None]) -> None:
        if self._is_closed or not self._apart.acquire(blocking=False):
            refuse()
            return

        def run() -> None:
            try:
                work()
            finally:
                self._apart.release()

        threading.Thread(target=run, name="cookiegate-redis", daemon=True).start()


class _NoLineError(ConnectionError):
    """No line could be opened; the message is the kind of error that stood in the way."""


def _run(line: RedisLine, key: bytes, command: tuple[Any, ...], ends_at_s: float) -> Any:
    name, *values = command
    sha1 = _SHA1.get(name)
    if sha1 is None:
        return line.ask(ends_at_s, name, key, *values)
    try:
        return line.ask(ends_at_s, "EVALSHA", sha1, 1, key, *values)
    except NoScriptError:
        return line.ask(ends_at_s, "EVAL", name, 1, key, *values)


def _window(count: int, left_ms: int) -> Window:
    return Window(count, time.time() + max(left_ms, 0) / 1000)


def _versioned(answer: bytes | None) -> Versioned | None:
    if answer is None:
        return None
    version, _, body = answer.partition(b"\n")
    return Versioned(int(version), body)
