"""The service's own files of events follow erasures and suspensions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.service import Bench, Visitor, make_bench

from cookiegate.errors import StorageError
from cookiegate.gate import AcceptedRequest
from cookiegate.rights.delivery.outbox import enqueue_mail
from cookiegate.rights.delivery.streams import Streams, append_stream
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.rights.events.subscriber import SETTLE_S
from cookiegate.tokens.knowledge import SILENCE_MAX_S, Knowledge
from cookiegate.web.sinks import FileSink

PLAUSIBLE = {"n": "pageview", "u": "http://shop.test/", "d": "shop.test"}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """What settles here settles by the frozen clock."""
    bench = make_bench(tmp_path)
    monkeypatch.setattr("cookiegate.rights.events.subscriber.seconds_awake_or_not", lambda: bench.clock.now_ms() / 1000)
    yield bench
    bench.service.close()


def accept(bench: Bench) -> tuple[Visitor, str]:
    """Someone who allows everything, and their subject."""
    visitor = bench.visitor()
    visitor.headers["X-Consent-Token"] = visitor.decide("accept").get_json()["token"]
    return visitor, visitor.send("GET", "/gate/check?purpose=analytics").headers["X-Consent-Subject"]


def visit(visitor: Visitor) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = visitor.send("POST", "/collect/plausible/api/event", data=json.dumps(PLAUSIBLE), headers=headers)
    assert answer.status_code == 202


def tell(bench: Bench, kind: Any, sub: str, epoch: int = 2) -> int:
    now_ms = bench.clock.now_ms()
    return bench.service.storage.write(
        lambda transaction: append_stream(transaction, kind=kind, site="demo", sub=sub, epoch=epoch, at_ms=now_ms)
    )


def catch_up(bench: Bench) -> object:
    return next(chore.work for chore in bench.service.chores if chore.name == "own-files")()


def settle(bench: Bench) -> object:
    """Sees what the streams say, and does it when it has settled."""
    assert catch_up(bench) == 0, "what is on its way lands first"
    bench.clock.advance(SETTLE_S)
    return catch_up(bench)


def subjects(bench: Bench, suffix: str = "") -> list[str]:
    paths = sorted((bench.folder / "collected" / "demo").glob(f"plausible.????-??-??{suffix}.jsonl"))
    return [json.loads(line)["consent"]["sub"] for path in paths for line in path.read_text().splitlines()]


def test_s23_an_erased_subject_is_gone_from_the_files_before_it_is_acknowledged(bench: Bench) -> None:
    (one, erased), (other, kept) = accept(bench), accept(bench)
    for visitor in (one, other, one):
        visit(visitor)
    bench.clock.advance(86_400)
    other.headers["X-Consent-Token"] = other.send("POST", "/v1/sites/demo/token").get_json()["token"]
    visit(other)
    sequence = tell(bench, "erase", erased)
    assert catch_up(bench) == 0
    assert not Streams(bench.service.storage).is_acknowledged(sequence)
    bench.clock.advance(SETTLE_S - 0.5)
    assert catch_up(bench) == 0, "what is on its way lands first"
    bench.clock.advance(0.5)
    assert catch_up(bench) == 1
    assert subjects(bench) == [kept, kept]
    assert Streams(bench.service.storage).is_acknowledged(sequence)


def test_a_request_that_was_on_its_way_leaves_no_line_behind(bench: Bench) -> None:
    visitor, sub = accept(bench)
    late: list[tuple[str, AcceptedRequest]] = []
    take = bench.service.sink.take
    bench.service.sink.take = lambda site, accepted: late.append((site, accepted))  # type: ignore[method-assign]
    visit(visitor)
    visitor, other = accept(bench)
    visit(visitor)
    tell(bench, "erase", sub)
    assert settle(bench) == 1
    for site, accepted in late:
        take(site, accepted)
    assert subjects(bench) == [other]


def test_s24_suspended_events_are_set_aside_and_resumed(bench: Bench) -> None:
    (one, sub), (other, kept) = accept(bench), accept(bench)
    visit(one)
    visit(other)
    tell(bench, "suspend", sub)
    settle(bench)
    assert (subjects(bench), subjects(bench, ".suspended")) == ([kept], [sub])
    tell(bench, "resume", sub, epoch=3)
    settle(bench)
    assert sorted(subjects(bench)) == sorted([sub, kept])
    assert subjects(bench, ".suspended") == []


def test_what_was_suspended_resumed_and_erased_while_nobody_worked_is_done_in_order(bench: Bench) -> None:
    (one, sub), (two, other) = accept(bench), accept(bench)
    visit(one)
    visit(two)
    for kind, subject in (("suspend", sub), ("suspend", other), ("resume", sub), ("erase", other)):
        tell(bench, kind, subject)
    assert settle(bench) == 4
    assert (subjects(bench), subjects(bench, ".suspended")) == ([sub], [])


def test_with_a_collector_behind_it_the_service_has_no_files_that_follow(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, COLLECT_URL="http://127.0.0.1:9")
    assert Subscribers(bench.service.storage, bench.clock).all() == []
    assert Streams(bench.service.storage).is_acknowledged(tell(bench, "erase", "s" * 22))
    bench.service.close()


def test_files_from_before_there_was_a_collector_still_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(tmp_path)
    visitor, sub = accept(bench)
    visit(visitor)
    bench.service.close()
    monkeypatch.setattr("cookiegate.rights.events.subscriber.seconds_awake_or_not", lambda: clock.now_ms() / 1000)
    bench = make_bench(tmp_path, COLLECT_URL="http://127.0.0.1:9")
    clock = bench.clock
    tell(bench, "erase", sub)
    settle(bench)
    assert subjects(bench) == []
    bench.service.close()


def test_an_event_that_has_not_settled_is_not_passed_over(bench: Bench) -> None:
    (one, first), (two, second) = accept(bench), accept(bench)
    visit(one)
    visit(two)
    waits = tell(bench, "erase", first)
    assert catch_up(bench) == 0
    bench.clock.advance(SETTLE_S / 2)
    tell(bench, "erase", second)
    assert catch_up(bench) == 0
    bench.clock.advance(SETTLE_S / 2)
    assert catch_up(bench) == 1
    assert Streams(bench.service.storage).is_acknowledged(waits)
    assert subjects(bench) == [second]
    bench.clock.advance(SETTLE_S / 2)
    assert catch_up(bench) == 1
    assert subjects(bench) == []


@pytest.mark.parametrize("ahead_s", [-3_600, 3_600])
def test_an_event_settles_by_one_clock_whatever_the_clock_of_who_wrote_it_says(bench: Bench, ahead_s: int) -> None:
    visitor, sub = accept(bench)
    visit(visitor)
    at_ms = bench.clock.now_ms() + ahead_s * 1000
    bench.service.storage.write(
        lambda transaction: append_stream(transaction, kind="erase", site="demo", sub=sub, epoch=2, at_ms=at_ms)
    )
    assert settle(bench) == 1
    assert subjects(bench) == []


def test_nothing_is_on_its_way_any_more_when_the_files_are_searched() -> None:
    """A node that is cut off writes nothing after ``SILENCE_MAX_S``; the rest is for clocks that run unevenly."""
    assert SETTLE_S >= SILENCE_MAX_S + 1.5


def test_a_node_that_may_have_missed_an_erasure_writes_no_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was checked in time and reaches the file too late: a slow disk, a thread that hung."""
    now_s = [100.0]
    knowledge = Knowledge(lambda: now_s[0])
    knowledge.demand()
    sink = FileSink(bench.folder / "collected", bench.service.epochs, knowledge, bench.clock)
    late: list[AcceptedRequest] = []
    take, bench.service.sink = bench.service.sink.take, sink
    monkeypatch.setattr(sink, "take", lambda site, accepted: late.append(accepted))
    visitor, sub = accept(bench)
    visit(visitor)
    monkeypatch.undo()
    now_s[0] += SILENCE_MAX_S
    with pytest.raises(StorageError):
        sink.take("demo", late[0])
    assert subjects(bench) == []
    knowledge.read_whole(now_s[0])
    sink.take("demo", late[0])
    take("demo", late[0])
    assert subjects(bench) == [sub, sub]


def test_what_others_have_not_acknowledged_does_not_hold_the_files_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookiegate.rights.events.subscriber.TURN_MAX", 3)
    Subscribers(bench.service.storage, bench.clock).add("slow", ("consent.erase",))
    visitor, sub = accept(bench)
    visit(visitor)
    for number in range(5):
        tell(bench, "erase", f"{number:022d}")
    tell(bench, "erase", sub)
    settle(bench)
    while catch_up(bench):
        pass
    assert subjects(bench) == []


def test_mails_that_wait_for_a_server_are_said_once(bench: Bench) -> None:
    storage, now_ms = bench.service.storage, bench.clock.now_ms()
    deliver = next(chore.work for chore in bench.service.chores if chore.name == "deliver")
    content = {"to": "yamada@example.org", "subject": "x", "body": "y", "about": "request:1", "at_ms": now_ms}
    key_id = storage.vault.new_key()
    with capture_logs() as said:
        deliver()
        assert said == []
        storage.write(lambda transaction: enqueue_mail(transaction, storage.vault, key_id=key_id, **content))  # type: ignore[arg-type]
        deliver()
        deliver()
    assert said == [{"event": "mails_wait_for_a_server", "log_level": "warning", "count": 1}]
