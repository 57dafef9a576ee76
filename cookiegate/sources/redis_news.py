"""Withdrawals and erasures as a Redis Stream tells them: heard at once, where a list is asked once a minute."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from cookiegate.clock import Clock, SystemClock
from cookiegate.errors import SourceUnreadableError
from cookiegate.tokens.statuses import EpochRegister
from cookiegate.tokens.withdrawals import Withdrawals

#: What is older has long been in the status lists.
LOOK_BACK_S = 1200
BLOCK_MS = 1_000
AGAIN_AFTER_S = 0.5
STREAMS = ("withdrawn", "erase", "suspend")
PREFIX = "cookiegate:"
_PAGE = 1_000


class _Told(msgspec.Struct):
    sub: str
    epoch: int
    at: str | None = None


class RedisNews:
    """Listens to the service's streams in Redis; what it hears denies older tokens at once.

    It is quicker than the status lists, never instead of them: while Redis cannot be reached, the lists count.

    Args:
        url: of the server, such as ``redis://127.0.0.1:6379/0``.
        epochs: gets the least epoch of each person that still counts.
        withdrawals: gets the moments of withdrawals.
        prefix: before the names of the streams.
        warn: told once of each row of failures.
        clock: tells from when to read.

    Raises:
        SourceUnreadableError: the client is not installed, or the address is none.
    """

    def __init__(
        self,
        url: str,
        epochs: EpochRegister,
        withdrawals: Withdrawals,
        *,
        prefix: str = PREFIX,
        warn: Callable[[SourceUnreadableError], None] = lambda error: None,
        clock: Clock | None = None,
    ) -> None:
        self._client = _open(url)
        self._epochs = epochs
        self._withdrawals = withdrawals
        self._warn = warn
        since_ms = (clock or SystemClock()).now_ms() - LOOK_BACK_S * 1000
        self._after = {f"{prefix}{stream}": f"{since_ms}-0" for stream in STREAMS}
        self._prefix = prefix
        self._is_failing = False
        self._heard = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis-news", daemon=True)

    def __enter__(self) -> RedisNews:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._client.close()

    def caught_up(self, wait_s: float) -> bool:
        """Waits until everything that was told before has been heard; whether that was in time."""
        return self._heard.wait(wait_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except Exception as error:
                if self._stop.is_set():
                    return
                if not self._is_failing:
                    self._is_failing = True
                    self._warn(SourceUnreadableError(f"cannot hear Redis: {type(error).__name__}", source="redis"))
                self._stop.wait(AGAIN_AFTER_S)

    def _listen(self) -> None:
        wait_ms = BLOCK_MS if self._heard.is_set() else None
        answer: Any = self._client.xread(dict(self._after), count=_PAGE, block=wait_ms)
        self._is_failing = False
        for key, entries in answer or ():
            stream = key.decode().removeprefix(self._prefix)
            for entry_id, fields in entries:
                self._take(stream, fields)
                self._after[key.decode()] = entry_id.decode()
        if not answer:
            self._heard.set()

    def _take(self, stream: str, fields: Mapping[bytes, bytes]) -> None:
        told = read_news(fields)
        if told is None:
            return
        self._epochs.raise_to(told.sub, told.epoch)
        if stream != "withdrawn":
            self._withdrawals.forget(told.sub)
        elif (at_ms := _instant_ms(told.at)) is not None:
            self._withdrawals.note(told.sub, told.epoch, at_ms)


def read_news(fields: Mapping[bytes, bytes]) -> _Told | None:
    """What an entry tells: as fields of its own, or as JSON in a field ``event``; None if it is neither."""
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        whole = fields.get(b"event")
        if whole is not None:
            return msgspec.json.decode(whole, type=_Told)
        plain = {name.decode(): value.decode() for name, value in fields.items()}
        return msgspec.convert(plain, _Told, strict=False)
    return None


def _instant_ms(text: str | None) -> int | None:
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    return None


def _open(url: str) -> Any:
    try:
        import redis  # noqa: PLC0415  the client is an extra
    except ModuleNotFoundError as error:
        raise SourceUnreadableError(
            'listening to Redis needs its client: pip install "cookiegate[redis]"', source="redis"
        ) from error
    try:
        return redis.Redis.from_url(url, socket_timeout=BLOCK_MS / 1000 + 4, socket_connect_timeout=4)
    except ValueError as error:
        raise SourceUnreadableError("--withdrawals must be an address such as redis://127.0.0.1:6379/0") from error
