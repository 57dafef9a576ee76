"""Withdrawals that a real Redis tells of are felt at once, and an outage of Redis opens nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.consent import SUB, ConsentService
from support.redis_servers import RedisServer
from support.shelves import Shelf
from support.waiting import until

from cookiegate.clock import rfc3339
from cookiegate.errors import CookiegateError, SourceUnreadableError
from cookiegate.gate import Gate, Reason
from cookiegate.sources.following import follow
from cookiegate.sources.redis_news import RedisNews, read_news
from cookiegate.tokens.statuses import EpochRegister
from cookiegate.tokens.withdrawals import Withdrawals


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _empty(redis: RedisServer) -> None:
    redis.ask("FLUSHALL")


def _tell(redis: RedisServer, stream: str, **fields: str) -> None:
    flat = [part for item in fields.items() for part in item]
    redis.ask("XADD", f"cookiegate:{stream}", "*", *flat)


def _withdraw(redis: RedisServer, service: ConsentService) -> None:
    _tell(redis, "withdrawn", site="demo", sub=SUB, epoch="2", at=rfc3339(service.clock.at_ms))


def test_withdrawal_is_heard_before_any_list_tells_of_it(
    service: ConsentService, redis: RedisServer, shelf: Shelf
) -> None:
    jwks = shelf.put("jwks", json.dumps(service.ring.jwks()))
    status = shelf.put("1", service.register.signed(1) or b"")
    options = {"jwks": jwks, "statuses": [status], "withdrawals": redis.url, "clock": service.clock}
    with follow("demo", **options) as verifier:  # type: ignore[arg-type]
        gate = Gate(verifier, purpose="analytics", late_events="until_withdrawal")
        token, before = service.token(), service.clock.at_ms
        assert verifier.verify(token).ok
        service.clock.advance(30)
        _withdraw(redis, service)
        until(lambda: verifier.verify(token).reason is Reason.EPOCH_STALE)
        assert gate.event({"event": "x", "consent_token": token, "time": before}), "it happened before"
        assert gate.event({"event": "x", "consent_token": token}) is None
        _tell(redis, "erase", site="demo", sub=SUB, epoch="3")
        until(lambda: gate.event({"event": "x", "consent_token": token, "time": before}) is None)
        _withdraw(redis, service)
        assert gate.event({"event": "x", "consent_token": token, "time": before}) is None


def test_news_of_the_last_minutes_are_heard_by_who_starts_later(service: ConsentService, redis: RedisServer) -> None:
    service.clock.at_ms = int(redis.ask("TIME")[0]) * 1000
    _withdraw(redis, service)
    epochs = EpochRegister(service.clock)
    with RedisNews(redis.url, epochs, Withdrawals(), clock=service.clock) as news:
        assert news.caught_up(10)
        assert epochs.minimum(SUB) == 2


def test_outage_is_told_once_and_overcome(service: ConsentService) -> None:
    told: list[CookiegateError] = []
    epochs = EpochRegister(service.clock)
    with RedisServer() as server:
        service.clock.at_ms = int(server.ask("TIME")[0]) * 1000
        with RedisNews(server.url, epochs, Withdrawals(), warn=told.append, clock=service.clock) as news:
            assert news.caught_up(10)
            server.kill()
            until(lambda: len(told) == 1)
            server.start()
            _withdraw(server, service)
            until(lambda: epochs.minimum(SUB) == 2)
    assert [error.code for error in told] == ["source_unreadable"]
    assert "127.0.0.1" not in told[0].detail, "an address may hold a password"


@pytest.mark.parametrize(
    "fields",
    [
        {}, {b"sub": b"x"}, {b"sub": b"x", b"epoch": b"many"}, {b"sub": b"\xff", b"epoch": b"1"}, {b"event": b"{"},
        {b"event": b"[]"}, {b"event": b'{"sub":1,"epoch":2}'}, {b"epoch": b"1"},
    ],
)  # fmt: skip
def test_entry_that_tells_nothing_is_passed_over(fields: dict[bytes, bytes]) -> None:
    assert read_news(fields) is None


def test_entry_may_be_json() -> None:
    told = read_news({b"event": json.dumps({"sub": "x", "epoch": 4, "at": "2026-11-22T04:00:00Z", "id": "y"}).encode()})
    assert told is not None
    assert (told.sub, told.epoch, told.at) == ("x", 4, "2026-11-22T04:00:00Z")


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(SourceUnreadableError, match="redis://"):
        RedisNews("http://127.0.0.1", EpochRegister(), Withdrawals())
