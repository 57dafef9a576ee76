"""Consents behind a cache: the same contract, and no copy that outlives its row."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.caches import open_redis, works_again
from support.redis_servers import RedisServer, wait_until

from contract.storage_contract import StorageContract, a_consent
from cookiegate.clock import FrozenClock
from cookiegate.errors import StorageError
from cookiegate.settings import Settings
from cookiegate.storage.cache.consents import with_hot_consents
from cookiegate.storage.cache.contract import Role, Versioned
from cookiegate.storage.cache.redis import RedisCache
from cookiegate.storage.contract import ConsentRow, Storage, WriteTransaction
from cookiegate.storage.opening import open_storage

SECRET = b"x" * 32
HANDLE = b"h" * 32


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


class Node:
    """One node of a service: its view of the record, what it knows of newer epochs, and how it reads the record."""

    def __init__(self, record: Storage, cache: RedisCache) -> None:
        self.record = record
        self.cache = cache
        self.least: dict[str, int] = {}
        self.knows = True
        self.asked = 0
        self.before_answer: Callable[[], object] = lambda: None
        self.clock = FrozenClock()
        self.storage = with_hot_consents(
            self, cache, SECRET, self.clock, minimum=lambda sub: self.least.get(sub, 0), is_fresh=lambda: self.knows
        )

    def __getattr__(self, name: str) -> object:
        return getattr(self.record, name)

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """Reads the record, and lets something happen before the answer is used."""
        self.asked += 1
        found = self.record.find_consent(site, handle_hash)
        self.before_answer()
        return found

    def find(self) -> ConsentRow | None:
        """The consent of the tests' visitor."""
        return self.storage.find_consent("demo", HANDLE)

    def put(self, row: ConsentRow) -> None:
        """A decision by that visitor on this node."""
        self.storage.write(lambda transaction: transaction.put_consent(row))


@pytest.fixture
def reopen(tmp_path: Path, server: RedisServer) -> Iterator[Callable[[], Node]]:
    with ExitStack() as stack:
        fingerprint = secrets.token_hex(8)

        def open_again() -> Node:
            record = open_storage(Settings(data_dir=tmp_path))
            stack.callback(record.close)
            return Node(record, stack.enter_context(open_redis(server.url, fingerprint))[0])

        yield open_again


@pytest.fixture
def one(reopen: Callable[[], Node]) -> Node:
    node = reopen()
    assert node.record.vault.new_key() == 1
    return node


@pytest.fixture
def two(reopen: Callable[[], Node], one: Node) -> Node:
    return reopen()


class TestHotConsents(StorageContract):
    """The contract through the cache."""

    @pytest.fixture
    def storage(self, one: Node) -> Storage:
        return one.storage


def test_what_was_read_once_is_not_asked_again(one: Node, two: Node) -> None:
    one.put(a_consent())
    assert one.find() == two.find() == one.find() == a_consent()
    assert one.asked + two.asked == 1


def test_a_decision_elsewhere_is_seen_at_once(one: Node, two: Node) -> None:
    one.put(a_consent())
    assert two.find() == a_consent()
    changed = a_consent(epoch=2, purposes="")
    one.put(changed)
    assert (two.find(), two.asked) == (changed, 1)


def test_nobody_is_not_kept(one: Node, two: Node) -> None:
    assert one.find() is None
    two.put(a_consent())
    assert one.find() == a_consent()


def test_a_reader_that_comes_late_does_not_bring_the_old_row_back(one: Node, two: Node) -> None:
    one.put(a_consent())
    changed = a_consent(epoch=2, purposes="")
    two.before_answer = lambda: one.put(changed)  # after two has read the row, before it keeps it
    assert two.find() == a_consent()
    two.before_answer = lambda: None
    assert two.find() == one.find() == changed


def test_a_reader_that_comes_late_does_not_bring_an_erased_person_back(one: Node, two: Node) -> None:
    one.put(a_consent())

    def erase() -> None:
        one.storage.write(lambda transaction: transaction.erase_key(1))

    two.before_answer = erase
    two.find()
    two.before_answer = lambda: None
    assert two.find() is None  # the row is gone; the key still waits to be destroyed
    assert one.find() is None
    one.storage.shred()
    assert two.find() is None


def test_writers_and_readers_side_by_side_end_with_the_newest(one: Node, two: Node) -> None:
    one.put(a_consent())
    stop = threading.Event()
    seen: list[int] = []

    def read(node: Node) -> None:
        while not stop.is_set():
            found = node.find()
            assert found is not None
            seen.append(found.epoch)

    readers = [threading.Thread(target=read, args=(node,)) for node in (one, two) * 2]
    for reader in readers:
        reader.start()
    for epoch in range(2, 60):
        (one, two)[epoch % 2].put(a_consent(epoch=epoch))
    stop.set()
    for reader in readers:
        reader.join()
    assert len(seen) > 0
    for node in (one, two):
        assert node.find() == a_consent(epoch=59)


def test_a_copy_that_lost_its_word_counts_only_until_the_node_knows(one: Node, two: Node, server: RedisServer) -> None:
    one.put(a_consent())
    assert two.find() == a_consent()
    changed = a_consent(epoch=2, purposes="")
    one.record.write(lambda transaction: transaction.put_consent(changed))  # as by a node that Redis did not hear
    assert two.find() == a_consent()
    two.least["s" * 22] = 2
    assert two.find() == changed
    assert one.find() == changed


def test_a_node_that_may_have_missed_something_asks_the_record(one: Node) -> None:
    one.put(a_consent())
    one.find()
    one.knows = False
    one.find()
    one.find()
    assert one.asked == 3


def test_a_commit_of_which_nobody_knows_leaves_a_mark(one: Node, two: Node) -> None:
    one.put(a_consent())
    assert two.find() == a_consent()
    changed = a_consent(epoch=2, purposes="")
    plain = one.record.write

    def breaks(work: Callable[[WriteTransaction], object], **_: object) -> None:
        plain(work)
        raise StorageError("the line broke at the commit")

    one.write = breaks  # type: ignore[attr-defined]
    with pytest.raises(StorageError):
        one.put(changed)
    assert two.find() == changed


def test_work_that_is_undone_and_run_again_leaves_word_of_the_last_run_alone(one: Node, two: Node) -> None:
    one.put(a_consent())
    epochs = iter((7, 2))
    plain = one.record.write

    def twice(work: Callable[[WriteTransaction], object], **_: object) -> object:
        with pytest.raises(ZeroDivisionError):
            plain(lambda transaction: (work(transaction), 1 // 0))
        return plain(work)

    one.write = twice  # type: ignore[attr-defined]
    one.storage.write(lambda transaction: transaction.put_consent(a_consent(epoch=next(epochs))))
    assert two.find() == a_consent(epoch=2)
    two.put(a_consent(epoch=3))
    assert one.find() == a_consent(epoch=3)


def test_redis_sees_nothing_and_cannot_choose(one: Node, server: RedisServer) -> None:
    row = a_consent()
    other = replace(row, handle_hash=b"o" * 32, purposes="")
    for each in (row, other):
        one.put(each)
        assert one.storage.find_consent("demo", each.handle_hash) == each
    keys = [key for key in server.ask("KEYS", "cookiegate:1:*") if server.ask("GET", key)]
    for key in keys:
        held = server.ask("GET", key)
        for secret in (b"analytics", b"s" * 22, HANDLE, b"demo"):
            assert secret not in held + key
    mine, theirs = (one.storage._key("demo", each.handle_hash) for each in (row, other))  # type: ignore[attr-defined]
    stolen = one.cache.find(Role.CONSENTS, theirs)
    assert stolen is not None
    for forged in (stolen.body, stolen.body[:-1], b"x", b"x" * 500):
        one.cache.keep(Role.CONSENTS, mine, Versioned(9, forged), 30)
        assert one.find() == row
        one.cache.forget(Role.CONSENTS, mine)


def kept_in(server: RedisServer) -> dict[bytes, bytes]:
    """What Redis holds of consents now, as it lies there."""
    found = {key: server.ask("GET", key) for key in server.ask("KEYS", "cookiegate:1:*:consents:*")}
    return {key: held for key, held in found.items() if held}


@pytest.mark.parametrize("seconds", [31, 1_300, -10])
def test_a_copy_that_is_put_back_does_not_revive_a_consent(one: Node, server: RedisServer, seconds: int) -> None:
    before = kept_in(server)
    one.put(a_consent())
    one.find()
    saved = {key: held for key, held in kept_in(server).items() if key not in before}
    assert len(saved) == 1
    changed = a_consent(epoch=2, purposes="")
    one.put(changed)
    one.clock.advance(seconds)
    for key, held in saved.items():
        server.ask("SET", key, held)
    assert one.find() == changed


def test_a_copy_under_another_version_than_its_own_does_not_count(one: Node, server: RedisServer) -> None:
    before = kept_in(server)
    one.put(a_consent())
    one.find()
    for key in set(kept_in(server)) - set(before):
        server.ask("SET", key, b"999999\n" + server.ask("GET", key).partition(b"\n")[2])  # gives way to nothing newer
    changed = a_consent(epoch=2, purposes="")
    one.put(changed)
    assert one.find() == changed


def test_copies_of_a_record_that_was_replaced_are_not_found(
    one: Node, two: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.put(a_consent(epoch=2))
    assert two.find() == a_consent(epoch=2)
    one.record.write(lambda transaction: transaction.put_consent(a_consent()))  # as it is after a restore
    assert two.find() == a_consent(epoch=2)
    monkeypatch.setattr(type(two.record), "history", "another")
    assert two.find() == a_consent()


def test_without_redis_the_record_answers(one: Node, server: RedisServer) -> None:
    one.put(a_consent())
    with server.paused():
        assert one.find() == a_consent()
        one.put(a_consent(epoch=2))
        assert one.find() == a_consent(epoch=2)
    works_again(one.cache)
    wait_until(lambda: one.find() == a_consent(epoch=2), "the newest")
