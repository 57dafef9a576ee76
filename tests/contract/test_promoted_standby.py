"""A standby that lags takes the server's place: what it lacks is lost, what comes after is felt everywhere."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from support.policies import ORIGIN, demo_policy
from support.postgres import USER, PostgresServer
from support.service import Bench, Visitor, make_bench
from support.waiting import until

from cookiegate.errors import StorageError
from cookiegate.policy.publishing import publish
from cookiegate.settings import Settings
from cookiegate.storage.contract import StatusSlot, Storage
from cookiegate.storage.opening import open_storage

CHECK = "/gate/check?purpose=analytics"
LIMITS = {"RATE_LIMIT_WRITES": "100000/minute", "RATE_LIMIT_TOKENS": "100000/minute"}


class Pair:
    """A server and a standby that follows it asynchronously, under one URI."""

    def __init__(self) -> None:
        self.primary = PostgresServer()
        self.standby: PostgresServer | None = None

    def begin(self) -> None:
        """Starts both."""
        self.primary.start()
        self.primary.ask("CREATE DATABASE consent")
        self.standby = self.primary.standby()

    @property
    def uri(self) -> str:
        """Names both."""
        assert self.standby is not None
        return f"postgresql://{USER}@127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}/consent"

    def hold_back(self) -> None:
        """What is written from now on never reaches the standby."""
        assert self.standby is not None
        written = self.primary.ask("SELECT pg_current_wal_lsn()")[0][0]
        arrived = f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn"
        until(lambda: self.standby and self.standby.ask(arrived)[0][0])
        self.standby.stop()

    def fail_over(self) -> None:
        """The server is gone, the standby takes its place."""
        assert self.standby is not None
        self.primary.stop(signal.SIGQUIT)
        self.standby.start()
        self.standby.ask("SELECT pg_promote()")

    def remove(self) -> None:
        """Ends both."""
        self.primary.remove()
        if self.standby is not None:
            self.standby.remove()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    try:
        pair.begin()
        yield pair
    finally:
        pair.remove()


def works(action: Callable[[], object]) -> bool:
    try:
        action()
    except StorageError:
        return False
    return True


def granted(bench: Bench) -> tuple[Visitor, str]:
    visitor = bench.visitor()
    return visitor, str(visitor.decide("accept").get_json()["token"])


def check(bench: Bench, token: str) -> tuple[int, str | None]:
    answer = bench.visitor().send("GET", CHECK, headers={"X-Consent-Token": token})
    return answer.status_code, answer.headers.get("X-Consent-Reason")


def test_every_node_feels_what_is_withdrawn_after_a_failover_that_lost_withdrawals(pair: Pair, tmp_path: Path) -> None:
    with ExitStack() as stack:
        one, two = (make_bench(tmp_path, DATABASE_URL=pair.uri, **LIMITS) for _ in range(2))
        for bench in (one, two):
            stack.callback(bench.service.close)
        stays, token = granted(one)
        pair.hold_back()
        for _ in range(3):
            lost, of_lost = granted(one)
            assert lost.decide("withdraw").status_code == 201
        unknown, of_unknown = granted(one)
        publish(one.service.storage, demo_policy(origins=(ORIGIN, "http://other.test")), one.clock)
        for bench in (one, two):
            bench.service.follow()
        assert (two.service.following.sequence, two.service.book.current("demo").version) == (3, 2)
        pair.fail_over()
        for bench in (one, two):
            until(partial(works, bench.service.follow))
            assert check(bench, token) == (204, None)
            assert check(bench, of_lost) == (403, "withdrawn")  # it is lost, and what is known of it still denies
            assert bench.service.book.current("demo").version == 1
        assert unknown.decide("withdraw").status_code == 201  # of a grant that the record does not know
        one.service.tidy()
        two.service.follow()
        for bench in (one, two):
            assert check(bench, of_unknown) == (403, "withdrawn")
        assert stays.decide("withdraw").status_code == 201
        two.service.follow()
        assert check(two, token) == (403, "withdrawn")
        later, token = granted(two)
        one.service.follow()
        assert check(one, token) == (204, None)
        assert later.decide("withdraw").status_code == 201
        one.service.follow()
        assert check(one, token) == (403, "withdrawn")


def give(storage: Storage, count: int) -> list[StatusSlot]:
    return [storage.write(lambda transaction: transaction.allocate_slot()) for _ in range(count)]


@pytest.mark.parametrize("lost", ["block", "list"])
def test_status_slots_of_which_the_standby_does_not_know_are_given_to_nobody_else(
    pair: Pair, tmp_path: Path, lost: str
) -> None:
    with ExitStack() as stack:

        def opened() -> Storage:
            storage = open_storage(Settings(data_dir=tmp_path, database_url=pair.uri))
            stack.callback(storage.close)
            return storage

        one, two = opened(), opened()
        before = give(one, 5) if lost == "block" else []
        pair.hold_back()
        before += give(one, 5) + give(two, 5)
        pair.fail_over()
        for storage in (one, two):
            until(partial(works, storage.read_history))
            storage.tidy()
        after = [slot for storage in (one, two, opened()) for slot in give(storage, 5)]
        assert len(set(after)) == 15
        assert not set(after) & set(before)
