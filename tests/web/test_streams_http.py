"""Subscribers that ask for the streams themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.service import Bench, make_bench
from werkzeug.test import Client, TestResponse

from cookiegate.rights.delivery.streams import Streams, append_stream
from cookiegate.rights.delivery.subscriber_rows import read_events
from cookiegate.rights.delivery.subscribers import ROTATION_MS, Subscribers

SUB = "s" * 22


@dataclass
class Warehouse:
    """A system of the operator's."""

    bench: Bench
    secret: str

    def ask(self, path: str, **query: Any) -> TestResponse:
        return self.send("GET", path, query_string=query)

    def done(self, stream: str, through: object) -> TestResponse:
        return self.send("POST", f"/v1/streams/{stream}/acks", json={"through": through})

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}", **options.pop("headers", {})}
        return Client(self.bench.front).open(path, method=method, headers=headers, **options)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = make_bench(tmp_path)
    yield bench
    bench.service.close()


def subscribe(bench: Bench, *events: str, name: str = "warehouse", site: str | None = None) -> Warehouse:
    secret = Subscribers(bench.service.storage, bench.clock).add(name, read_events(events), site=site)
    return Warehouse(bench, secret)


def tell(bench: Bench, kind: Any = "erase", site: str = "demo", sub: str = SUB) -> int:
    now_ms = bench.clock.now_ms()
    return bench.service.storage.write(
        lambda transaction: append_stream(
            transaction, kind=kind, site=site, sub=sub, epoch=3, at_ms=now_ms, request_id="R-1"
        )
    )


def test_an_erasure_is_read_done_and_acknowledged(bench: Bench) -> None:
    warehouse = subscribe(bench, "consent.erase")
    sequence = tell(bench)
    page = warehouse.ask("/v1/streams/erase").get_json()
    (event,) = page["events"]
    assert event == {
        "id": event["id"], "stream": "erase", "sequence": sequence, "site": "demo", "sub": SUB, "epoch": 3,
        "at": "2026-11-18T11:06:40.000Z", "request": "R-1",
    }  # fmt: skip
    assert (page["next"], page["acknowledged"]) == (sequence, 0)
    answer = warehouse.done("erase", sequence)
    assert answer.get_json() == {"stream": "erase", "acknowledged": sequence}
    assert warehouse.ask("/v1/streams/erase").get_json()["events"] == []


def test_a_withdrawal_is_in_the_stream_when_it_is_acknowledged(bench: Bench) -> None:
    warehouse = subscribe(bench, "consent.withdrawn")
    visitor = bench.visitor()
    token = visitor.decide("accept").get_json()["token"]
    headers = {"X-Consent-Token": token}
    sub = visitor.send("GET", "/gate/check?purpose=analytics", headers=headers).headers["X-Consent-Subject"]
    visitor.decide("withdraw")
    (event,) = warehouse.ask("/v1/streams/withdrawn").get_json()["events"]
    assert (event["sub"], event["epoch"], event["site"], event["request"]) == (sub, 2, "demo", None)


def test_pages_follow_one_another(bench: Bench) -> None:
    warehouse = subscribe(bench, "consent.erase")
    sequences = [tell(bench, sub=f"{number:022d}") for number in range(7)]
    seen: list[int] = []
    after = 0
    for _ in range(4):
        page = warehouse.ask("/v1/streams/erase", after=after, limit=2).get_json()
        seen += [event["sequence"] for event in page["events"]]
        after = page["next"]
    assert seen == sequences
    assert warehouse.ask("/v1/streams/erase", after=after).get_json() == {
        "stream": "erase", "events": [], "next": after, "acknowledged": 0,
    }  # fmt: skip


def test_a_subscriber_of_one_site_sees_only_that(bench: Bench) -> None:
    warehouse = subscribe(bench, "consent.*", site="shop")
    tell(bench, site="demo")
    mine = tell(bench, site="shop")
    assert [event["sequence"] for event in warehouse.ask("/v1/streams/erase").get_json()["events"]] == [mine]


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer whsec_AAAA", "Bearer é", "whsec_AAAA", "Bearer \x7f"]
)
def test_without_a_secret_that_we_gave_there_is_nothing(bench: Bench, header: str | None) -> None:
    subscribe(bench, "consent.erase")
    tell(bench)
    for method, path in (("GET", "/v1/streams/erase"), ("POST", "/v1/streams/erase/acks"), ("GET", "/v1/streams/x")):
        headers = {} if header is None else {"Authorization": header}
        answer = Client(bench.front).open(path, method=method, headers=headers, json={"through": 1})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "subscriber_unknown")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="streams"'
        assert SUB not in answer.text


def test_other_streams_than_its_own_are_denied(bench: Bench) -> None:
    warehouse = subscribe(bench, "consent.erase")
    tell(bench, "suspend")
    answer = warehouse.ask("/v1/streams/suspend")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "stream_denied")
    assert warehouse.done("suspend", 1).status_code == 403
    assert warehouse.ask("/v1/streams/everything").status_code == 404


@pytest.mark.parametrize("query", [{"after": "-1"}, {"after": "x"}, {"limit": "0"}, {"limit": "1001"}, {"limit": "１"}])
def test_a_query_that_does_not_fit_is_named(bench: Bench, query: dict[str, str]) -> None:
    answer = subscribe(bench, "consent.erase").ask("/v1/streams/erase", **query)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (422, list(query))


@pytest.mark.parametrize("through", [-1, "1", True, None, 1.5, 2**60, [1]])
def test_an_acknowledgement_that_does_not_fit_is_refused(bench: Bench, through: object) -> None:
    warehouse = subscribe(bench, "consent.erase")
    tell(bench)
    answer = warehouse.done("erase", through)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (422, ["through"])


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"through":1,"more":2}', "application/json", 422),
        (b'{"through":1}', "text/plain", 415),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_a_body_that_is_none_is_refused(bench: Bench, body: bytes, content_type: str, status: int) -> None:
    warehouse = subscribe(bench, "consent.erase")
    tell(bench)
    headers = {"Content-Type": content_type}
    assert warehouse.send("POST", "/v1/streams/erase/acks", data=body, headers=headers).status_code == status


def test_nobody_acknowledges_what_was_not_given_out(bench: Bench) -> None:
    warehouse = subscribe(bench, "consent.erase")
    sequence = tell(bench)
    assert warehouse.done("erase", sequence + 1).status_code == 422
    assert not Streams(bench.service.storage).is_acknowledged(sequence)


def test_after_a_rotation_the_old_secret_is_good_for_a_day(bench: Bench) -> None:
    warehouse = subscribe(bench, "consent.erase")
    fresh = Warehouse(bench, Subscribers(bench.service.storage, bench.clock).rotate("warehouse"))
    assert [who.ask("/v1/streams/erase").status_code for who in (warehouse, fresh)] == [200, 200]
    bench.clock.advance(ROTATION_MS / 1000 + 1)
    assert [who.ask("/v1/streams/erase").status_code for who in (warehouse, fresh)] == [401, 200]


def test_streams_are_for_servers_and_never_cached(bench: Bench) -> None:
    warehouse = subscribe(bench, "consent.erase")
    answer = warehouse.send("GET", "/v1/streams/erase", headers={"Origin": "http://shop.test"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_waits_is_in_the_metrics(bench: Bench) -> None:
    subscribe(bench, "consent.erase")
    tell(bench)
    bench.clock.advance(90)
    text = Client(bench.front).get("/metrics").text
    assert 'cookiegate_stream_waiting{stream="erase",subscriber="warehouse"} 1.0' in text
    assert 'cookiegate_stream_oldest_seconds{stream="erase",subscriber="collected"} 90.0' in text
    assert 'cookiegate_outbox_rows{channel="mail",state="pending"} 0.0' in text
    assert SUB not in text
