"""Large bodies, filtered in pieces: the same goes on, and the same is counted, as of a body read as a whole."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.consent import ConsentService

from cookiegate.errors import BodyTooLargeError
from cookiegate.gate import Reason, TrackerRequest
from cookiegate.gate.adapters import large
from cookiegate.gate.adapters.lists import ListReader
from cookiegate.gate.adapters.passage import Passage
from cookiegate.tokens.reasons import Denied

SMALL_BYTES = 2_000
_LONG = b"x" * 20_000
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
SHAPES = {
    ("posthog", "/batch/"): ("batch", {"api_key": "k", "sent_at": "t"}, "properties"),
    ("posthog", "/e/"): (None, {}, "properties"),
    ("segment", "/v1/batch"): ("batch", {"writeKey": "w"}, "context"),
    ("plain", "/events"): (None, {}, None),
    ("umami", "/api/batch"): (None, {}, "payload"),
}


def event_of(tracker: str, token: str, holder: str | None, extra: Any) -> dict[str, Any]:
    """An event with a token of its own."""
    own = {"consent_token": token, "language": "ja", "$browser_language": "ja", "locale": "ja", "zz": extra}
    kind = {"posthog": {"event": "$pageview"}, "segment": {"type": "track", "event": "e"}, "umami": {"type": "event"}}
    event: dict[str, Any] = {**kind.get(tracker, {"event": "e"}), **({holder: own} if holder else own), "zz": extra}
    if tracker == "segment":
        event["context"]["consent"] = {"token": token}
    return event


def run(passage: Passage, data: bytes, step: int) -> Any:
    """A body in steps."""
    try:
        for start in range(0, len(data), step):
            passage.feed(data[start : start + step])
        return passage.end()
    except BaseException:
        passage.close()
        raise


def read(body: bytes, step: int) -> tuple[ListReader, list[str]]:
    """A reader at the end of a body, and the items that it found."""
    reader = ListReader("l", many=True, item_limit_bytes=10_000)
    found = [item for start in range(0, len(body), step) for item in reader.feed(body[start : start + step])]
    return reader, [*found, *reader.feed(b"", is_last=True)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_pieces_give_what_the_whole_gives(
    lasting_service: ConsentService, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    monkeypatch.setattr(large, "PIECE_ITEMS", data.draw(st.integers(1, 8)))
    service = lasting_service
    tracker, path = data.draw(st.sampled_from(sorted(SHAPES)))
    list_at, around, holder = SHAPES[tracker, path]
    tokens = [service.token(acquire=["language"]), service.token(acquire=[], sub="t" * 22), "bad", ""]
    chosen = data.draw(st.lists(st.tuples(st.sampled_from(tokens), _JSON), min_size=3, max_size=20))
    events: list[Any] = [event_of(tracker, token, holder, extra) for token, extra in chosen]
    events += data.draw(st.lists(_JSON, max_size=2))
    events.append(event_of(tracker, tokens[0], holder, "x" * SMALL_BYTES))
    members = [*around.items(), ("zz", data.draw(_JSON)), (list_at, events)]
    order = data.draw(st.permutations(members))
    body: Any = events if list_at is None else {str(name): value for name, value in order}
    text = json.dumps(
        body, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1]))
    ).encode()
    text = gzip.compress(text) if data.draw(st.booleans()) else text
    headers = {"X-Consent-Token": data.draw(st.sampled_from(tokens)), "User-Agent": "a", "Cookie": "b=c", "X-Own": "d"}
    head = TrackerRequest("POST", f"{path}?zz=1", headers, ip="203.0.113.7")
    whole = service.gate(tracker).filter(TrackerRequest("POST", head.path, headers, text, ip=head.ip))
    passage = Passage(service.gate(tracker, body_limit_bytes=2 * SMALL_BYTES + 1_500), head)
    passed = run(passage, text, data.draw(st.sampled_from([1, 7, 100, 100_000])))
    assert (passed.counts.accepted, passed.counts.dropped) == (whole.counts.accepted, whole.counts.dropped)
    assert passed.counts.stripped == whole.counts.stripped
    assert len(passed.outgoing) == len(whole.accepted)
    for outgoing, accepted in zip(passed.outgoing, whole.accepted, strict=True):
        written = b"".join(outgoing.blocks())
        assert json.loads(written) == json.loads(accepted.body or b"")
        assert (outgoing.size, outgoing.open().read()) == (len(written), written)
        found = outgoing.accepted
        assert (found.claims, found.path, found.headers, found.ip) == (
            accepted.claims, accepted.path, accepted.headers, accepted.ip,
        )  # fmt: skip
    passed.close()


@settings(max_examples=100, deadline=None)
@given(items=st.lists(_JSON, max_size=6), around=st.dictionaries(st.text(max_size=3), _JSON), step=st.integers(1, 9))
def test_a_list_is_read_item_by_item(items: list[Any], around: dict[str, Any], step: int) -> None:
    around.pop("l", None)
    for body, is_bare in ((items, True), ({**around, "l": items}, False), ({"l": items, **around}, False)):
        data = json.dumps(body).encode()
        reader, found = read(data, step)
        assert [json.loads(item) for item in found] == items
        assert reader.is_bare is is_bare
        assert {name: json.loads(text) for name, text in reader.around.items()} == ({} if is_bare else around)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"[1]]", b"[1]x", b'{"l":[1}', b'{"l":1}', b"{}",
        b"5", b'{"l":[1],"l":[2]}', b'{"l":[1],}', b'{,"l":[1]}', b'{"l" [1]}', b'{"l":[1]', b'"l"', b"[NaN]",
        b"[Infinity]", b"[\xff]", b'["\xed\xa0\x80"]', b"[" * 5_000, b'{"l":[{"a":}]}', b"[tru]", b'["a]',
        b"\xef\xbb\xbf[1]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", [1, 100_000])
def test_what_is_no_list_is_malformed(body: bytes, step: int) -> None:
    with pytest.raises(Denied) as caught:
        read(body, step)
    assert caught.value.reason is Reason.EVENT_MALFORMED


@pytest.mark.parametrize("body", [b'["' + _LONG, b'[{"a":"' + _LONG + b'"}]', b'{"a":"' + _LONG + b'"}'])
@pytest.mark.parametrize("step", [100, 100_000])
def test_an_item_past_the_limit_ends_it(body: bytes, step: int) -> None:
    with pytest.raises(Denied) as caught:
        read(body, step)
    assert caught.value.reason is Reason.BODY_TOO_LARGE


def test_a_consent_that_ends_while_the_body_comes_passes_nothing(service: ConsentService) -> None:
    gate = service.gate("plain", body_limit_bytes=1_000)
    data = json.dumps([{"event": "e", "consent_token": service.token(idx=9)}] * 50).encode()
    passage = Passage(gate, TrackerRequest("POST", "/events"))
    passage.feed(data)
    service.register.revoke(1, 9)
    passed = passage.end()
    passed.close()
    assert passed.outgoing == []
    assert (passed.counts.accepted, passed.counts.dropped) == (0, {Reason.WITHDRAWN: 50})


def test_too_many_visitors_in_one_large_batch_are_refused(service: ConsentService) -> None:
    gate = service.gate("plain", body_limit_bytes=1_000)
    count = large.GRANTS_LIMIT + 1
    tokens = [service.token(sub=f"{number:022}") for number in range(count)]
    data = json.dumps([{"event": "e", "consent_token": token} for token in tokens]).encode()
    passage = Passage(gate, TrackerRequest("POST", "/events"))
    with pytest.raises(BodyTooLargeError):
        run(passage, data, 65_536)


def test_too_many_events_are_refused(service: ConsentService) -> None:
    passage = Passage(service.gate("plain", body_limit_bytes=1_000), TrackerRequest("POST", "/events"))
    with pytest.raises(BodyTooLargeError):
        run(passage, b"[" + b"0," * (large.ITEMS_LIMIT + 1) + b"0]", 65_536)


@pytest.mark.parametrize("own", [True, False])
def test_no_token_of_the_request_stays_in_a_large_body(service: ConsentService, own: bool) -> None:
    header, query, cookie = (service.token(sub=letter * 22) for letter in "hqc")
    address = f"http://shop.test/?a={header}&b={query}&c={cookie}&d={'x' * 500}"
    event = {"event": "e", "page_url": address} | ({"consent_token": header} if own else {})
    headers = {"X-Consent-Token": header, "Cookie": f"a=b; cg_token={cookie}"}
    for count in (1, 50):
        head = TrackerRequest("POST", f"/events?ct={query}", headers)
        gate = service.gate("plain", body_limit_bytes=4_000, fields={"event": "event", "page_url": "event"})
        passed = run(Passage(gate, head), json.dumps([event] * count).encode(), 1_000)
        (outgoing,) = passed.outgoing
        written = b"".join(outgoing.blocks()).decode()
        assert written.count("http://shop.test/?a=&b=&c=&d=") == passed.counts.accepted == count
        passed.close()


@pytest.mark.parametrize(
    ("before", "after", "passes"),
    [
        ('{"\\ud800":1,"batch":[', "]}", False),
        ('{"batch":[', '],"\\udc00":1}', False),
        ('\ufeff{"batch":[', "]}", False),
        (" \n" * 200 + '{"batch":[', "]}", True),
        ('{"api_key":"first","batch":[', '],"api_key":"last"}', True),
        ('{"api_key":"\\ud800","batch":[', '],"api_key":"last"}', False),
        ('{"batch":[],"batch":[', "]}", None),
    ],
)
def test_what_stands_around_a_large_list_is_judged_as_around_a_small_one(
    service: ConsentService, before: str, after: str, passes: bool | None
) -> None:
    event = {"event": "$pageview", "properties": {"consent_token": service.token(), "own": "x" * 500}}
    outcomes = []
    for count in (1, 50):
        gate = service.gate("posthog", body_limit_bytes=4_000)
        data = f"{before}{','.join([json.dumps(event)] * count)}{after}".encode()
        passed = run(Passage(gate, TrackerRequest("POST", "/batch/")), data, 100)
        outcomes.append(
            [{**json.loads(b"".join(outgoing.blocks())), "batch": None} for outgoing in passed.outgoing]
            or passed.counts.dropped
        )
        passed.close()
    small, large_ = outcomes
    if passes is None:  # which of two lists counts is not known before the end: neither does
        assert large_ == {Reason.EVENT_MALFORMED: 1}
    else:
        assert small == large_
        assert small == (
            [{"batch": None} | ({"api_key": "last"} if "last" in after else {})]
            if passes
            else {Reason.EVENT_MALFORMED: 1}
        )


def test_empty_compressed_blocks_take_no_memory(service: ConsentService) -> None:
    gate = service.gate("plain", body_limit_bytes=1_000)
    passage = Passage(gate, TrackerRequest("POST", "/events", {"Content-Encoding": "gzip"}))
    head = gzip.compress(b"")[:10]
    with pytest.raises(BodyTooLargeError):
        run(passage, head + b"\x00\x00\x00\xff\xff" * 1_000, 100)
