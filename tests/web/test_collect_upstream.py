"""`/collect/<tracker>` as a reverse proxy: what the collector behind it gets, and what comes back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.collecting import ADDRESS, EVENT, collecting, send, visitor_of
from support.collectors import Collector
from support.policies import ORIGIN
from support.service import Bench, make_bench

CARRIERS = (
    "X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP",
    "X-Cluster-Client-IP", "Fastly-Client-IP", "Fly-Client-IP", "X-Original-Forwarded-For", "X-Appengine-User-IP",
    "X-ProxyUser-Ip", "WL-Proxy-Client-IP", "Via", "X-Envoy-External-Address",
)  # fmt: skip


def test_the_answer_of_the_collector_comes_back_as_it_is(forwarding: Bench, collector: Collector) -> None:
    collector.status, collector.body = 418, b"short and stout"
    collector.headers = [("Content-Type", "text/tea"), ("X-Own", "yes"), ("Keep-Alive", "timeout=5"), ("Connection", "x-hop"), ("X-Hop", "1")]  # fmt: skip # noqa: E501
    answer = send(visitor_of(forwarding, "browsing"))
    assert (answer.status_code, answer.data) == (418, b"short and stout")
    assert (answer.headers["Content-Type"], answer.headers["X-Own"]) == ("text/tea", "yes")
    assert not {"Keep-Alive", "X-Hop", "Connection"} & set(answer.headers.keys())
    (taken,) = collector.taken
    assert (taken.method, taken.path) == ("POST", "/base/api/event")
    assert json.loads(taken.body)["u"] == EVENT["u"]
    assert taken.header("Host") == collector.url.removeprefix("http://")
    assert taken.header("X-Consent-Acquire") == "browsing"
    assert taken.header("Origin") == ORIGIN
    assert taken.header("Content-Length") == str(len(taken.body))


def test_every_status_comes_back(forwarding: Bench, collector: Collector) -> None:
    visitor = visitor_of(forwarding, "browsing")
    for status in (200, 204, 404, 500):
        collector.status = status
        answer = send(visitor)
        assert (answer.status_code, answer.data) == (status, b"" if status == 204 else b"taken")


def test_no_cache_keeps_an_answer_and_no_validator_marks_a_visitor(forwarding: Bench, collector: Collector) -> None:
    names = ("Cache-Control", "ETag", "Expires", "Last-Modified", "Age", "Pragma")
    collector.headers = [(name, "marked") for name in names] + [("X-Own", "kept")]
    answer = send(visitor_of(forwarding, "browsing"))
    assert answer.headers.getlist("Cache-Control") == ["no-store"]
    assert "marked" not in str(answer.headers)
    assert answer.headers["X-Own"] == "kept"


@pytest.mark.parametrize("granted", [True, False])
def test_an_address_goes_on_only_as_granted(forwarding: Bench, collector: Collector, granted: bool) -> None:
    visitor = visitor_of(forwarding, *(("ip",) if granted else ()))
    expected = ADDRESS if granted else "198.51.100.0"
    for carrier in (None, *CARRIERS):
        value = {"Forwarded": f"for={ADDRESS};by=198.51.100.24"}.get(carrier or "", f"{ADDRESS}, 198.51.100.24")
        assert send(visitor, headers={carrier: value} if carrier else {}).status_code == 202
        taken = collector.taken.pop()
        assert taken.header("X-Forwarded-For") == expected
        assert taken.header("X-Real-IP") == expected
        assert taken.header("Forwarded") == f"for={expected}"
        assert set(re.findall(r"198\.51\.100\.\d+", taken.text)) == {expected}


def test_an_address_that_is_to_be_dropped_leaves_no_header(forwarding: Bench, collector: Collector) -> None:
    forwarding.publish(collecting("plausible", ip_when_refused="drop"))
    send(visitor_of(forwarding, "language"), headers=dict.fromkeys(CARRIERS, ADDRESS))
    (taken,) = collector.taken
    assert "198.51" not in taken.text
    assert not {name for name, _ in taken.headers if "ip" in name.lower() or "forward" in name.lower()}


def test_credentials_tokens_and_unknown_headers_stay_here(forwarding: Bench, collector: Collector) -> None:
    visitor = visitor_of(forwarding, "language", "identifier")
    token = str(visitor.cookie("cg_token"))
    names = ("Authorization", "Proxy-Authorization", "AnonymousId", "X-Umami-Cache", "X-Own", "X-Consent-Subject")
    visitor.client.set_cookie("session", "marked")
    send(visitor, f"/collect/plausible/api/event?ct={token}", headers=dict.fromkeys(names, f"marked {token}"))
    (taken,) = collector.taken
    assert "marked" not in taken.text
    assert token not in taken.text
    assert "cg_" not in taken.text
    assert taken.path == "/base/api/event"
    assert taken.header("Cookie") is None


def test_a_header_that_names_the_visitor_goes_on_with_its_grant_alone(tmp_path: Path, collector: Collector) -> None:
    policy = collecting("rudderstack")
    bench = make_bench(tmp_path, policies=(policy,), COLLECT_URL=collector.url)
    headers = {"AnonymousId": "bWFya2Vk", "Authorization": "Basic a2V5Og==", "Content-Type": "application/json"}
    event = {"type": "track", "event": "e", "anonymousId": "a"}
    for categories in ((), ("identifier",)):
        send(visitor_of(bench, *categories), "/collect/rudderstack/v1/track", event=event, headers=headers)
    assert [taken.header("AnonymousId") for taken in collector.taken] == [None, "bWFya2Vk"]
    assert [taken.header("Authorization") for taken in collector.taken] == ["Basic a2V5Og=="] * 2
    bench.service.close()


def test_what_is_dropped_never_reaches_the_collector(forwarding: Bench, collector: Collector) -> None:
    visitor = visitor_of(forwarding, "browsing")
    for answer in (
        send(forwarding.visitor()),
        send(visitor, headers={"X-Consent-Token": "garbled"}),
        send(visitor, "/collect/plausible/api/other"),
        send(visitor, "/collect/plausible/api/event", method="PUT"),
        send(visitor, data="{"),
        send(visitor, data="{}", headers={"Content-Encoding": "br"}),
    ):
        assert (answer.status_code, answer.data) == (202, b"ok")
        assert answer.headers["X-Consent-Reason"]
    assert collector.taken == []


def test_a_preflight_is_answered_here(forwarding: Bench, collector: Collector) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-consent-token"}
    answer = forwarding.visitor().send("OPTIONS", "/collect/plausible/api/event", headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    stranger = forwarding.visitor(origin="http://elsewhere.test").send("OPTIONS", "/collect/plausible/api/event")
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert collector.taken == []


def test_who_may_read_the_answer_is_said_once(forwarding: Bench, collector: Collector) -> None:
    other = "http://elsewhere.test"
    cases: list[tuple[tuple[str, ...], str, str | None, list[str]]] = [
        (("browsing",), ORIGIN, "*", ["*"]),  # it was told the origin, and answered
        (("browsing",), ORIGIN, None, [ORIGIN]),
        ((), ORIGIN, "*", [ORIGIN]),  # it was not told
        ((), ORIGIN, None, [ORIGIN]),
        ((), other, "*", ["*"]),
        ((), other, None, []),
    ]
    for categories, origin, own, expected in cases:
        collector.headers = [("Access-Control-Allow-Origin", own), ("Access-Control-Max-Age", "5")] if own else []
        visitor = visitor_of(forwarding, *categories)
        visitor.origin = origin
        answer = send(visitor)
        assert answer.status_code == 202
        assert answer.headers.getlist("Access-Control-Allow-Origin") == expected


def test_a_collector_sets_only_granted_cookies(forwarding: Bench, collector: Collector) -> None:
    collector.headers = [
        ("Set-Cookie", "sp=1; Path=/; Max-Age=9"), ("Set-Cookie", "cg_token=x"), ("Set-Cookie", "other=1"),
    ]  # fmt: skip
    body = {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": [{"e": "pv"}]}
    for categories, expected in (((), []), (("identifier",), ["sp=1; Path=/; Max-Age=9"])):
        path = "/collect/snowplow/com.snowplowanalytics.snowplow/tp2"
        answer = send(visitor_of(forwarding, *categories), path, event=body)
        assert answer.headers.getlist("Set-Cookie") == expected


def test_connections_are_used_again(forwarding: Bench, collector: Collector) -> None:
    visitor = visitor_of(forwarding, "browsing")
    for _ in range(5):
        assert send(visitor).status_code == 202
    assert len({taken.connection for taken in collector.taken}) == 1


def test_a_mixed_batch_becomes_a_request_for_each_grant_and_the_first_failure_is_told(
    forwarding: Bench, collector: Collector
) -> None:
    tokens = [str(visitor_of(forwarding, category).cookie("cg_token")) for category in ("language", "screen")]
    events = [{"event": "a", "language": "ja", "screen": "1x1", "consent_token": token} for token in tokens]
    send(forwarding.visitor(), "/collect/plain/events", event=events)
    kept = [set(json.loads(taken.body)[0]) - {"consent"} for taken in collector.taken]
    assert kept == [{"event", "language"}, {"event", "screen"}]
    assert len({taken.header("X-Consent-Subject") for taken in collector.taken}) == 2
    collector.status = 500
    assert send(forwarding.visitor(), "/collect/plain/events", event=events).status_code == 500
    assert len(collector.taken) == 3


def test_each_tracker_may_have_a_collector_of_its_own(tmp_path: Path, collector: Collector) -> None:
    with Collector() as other:
        bench = make_bench(tmp_path, COLLECT_UPSTREAMS=f"plausible={collector.url}, plain={other.url}/in")
        visitor = visitor_of(bench, "browsing", "language")
        send(visitor)
        send(visitor, "/collect/plain/events", event={"event": "a"})
        path = "/collect/snowplow/com.snowplowanalytics.snowplow/tp2"
        schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
        send(visitor, path, event={"schema": schema, "data": [{"e": "pv"}]})
        assert [taken.path for taken in collector.taken] == ["/api/event"]
        assert [taken.path for taken in other.taken] == ["/in/events"]
        assert (tmp_path / "collected" / "demo" / "snowplow.jsonl").exists()
        bench.service.close()
