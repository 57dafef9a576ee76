"""Snowplow's real wire format: batches, pixels, contexts, self-describing events."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from support.consent import SUB, ConsentService

from cookiegate.gate import Filtered, Gate, Reason, TrackerRequest

TP2 = "/com.snowplowanalytics.snowplow/tp2"
ENVELOPE = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
VENDOR = "iglu:com.snowplowanalytics.snowplow"
PAGE_VIEW = {
    "e": "pv", "url": "https://shop.test/", "page": "Shop", "refr": "https://search.test/", "eid": "eid-1",
    "tv": "js-4.10.1",
    "tna": "sp", "aid": "shop", "p": "web", "cookie": "1", "cs": "UTF-8", "lang": "ja", "res": "1920x1080", "cd": "24",
    "tz": "Asia/Tokyo", "dtm": "1795000000123", "vp": "1200x800", "ds": "1200x2000", "vid": "1", "sid": "sid-1",
    "duid": "duid-1", "stm": "1795000000200",
}  # fmt: skip
HEADERS = {
    "Content-Type": "application/json; charset=UTF-8", "User-Agent": "Mozilla/5.0 X", "Accept-Language": "ja",
    "Referer": "https://shop.test/", "Cookie": "sp=nuid-1; session=secret; cg_handle=h",
    "X-Forwarded-For": "203.0.113.9",
    "Sec-CH-UA": '"Chromium";v="156"', "X-Custom-Id": "leak", "Authorization": "Basic x", "Host": "c.test",
}  # fmt: skip


def _contexts(*documents: dict[str, Any]) -> dict[str, Any]:
    return {"schema": f"{VENDOR}/contexts/jsonschema/1-0-0", "data": list(documents)}


def _consent(token: object) -> dict[str, Any]:
    return {"schema": "iglu:jp.cookiegate/consent/jsonschema/1-0-0", "data": {"token": token}}


WEB_PAGE = {"schema": f"{VENDOR}/web_page/jsonschema/1-0-0", "data": {"id": "page-view-id"}}


def _b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _post(gate: Gate, *events: Any, token: str | None = None, **changes: Any) -> Filtered:
    headers = {**HEADERS, **({"X-Consent-Token": token} if token else {})}
    body = json.dumps({"schema": ENVELOPE, "data": list(events)})
    request: dict[str, Any] = {"method": "POST", "path": TP2, "headers": headers, "body": body}
    return gate.filter(
        TrackerRequest(**(request | {"received_at": "2026-11-21T09:00:00Z", "ip": "203.0.113.9"} | changes))
    )


def _line(filtered: Filtered) -> dict[str, Any]:
    (accepted,) = filtered.accepted
    line: dict[str, Any] = json.loads(accepted.to_line())
    return line


def test_full_grant_keeps_every_field_that_the_tracker_sends(service: ConsentService) -> None:
    line = _line(_post(service.gate("snowplow"), PAGE_VIEW, token=service.token()))
    assert json.loads(line["body"]) == {"schema": ENVELOPE, "data": [PAGE_VIEW]}
    assert line["headers"] == {
        "content-type": "application/json; charset=UTF-8", "user-agent": "Mozilla/5.0 X", "accept-language": "ja",
        "referer": "https://shop.test/", "cookie": "sp=nuid-1", "x-forwarded-for": "203.0.113.9",
        "sec-ch-ua": '"Chromium";v="156"',
    }  # fmt: skip
    assert (line["method"], line["path"], line["ip"]) == ("POST", TP2, "203.0.113.9")
    assert line["received_at"] == "2026-11-21T09:00:00Z"
    assert line["consent"]["sub"] == SUB


def test_empty_grant_keeps_only_the_event_itself(service: ConsentService) -> None:
    filtered = _post(service.gate("snowplow"), PAGE_VIEW, token=service.token(acquire=[]))
    line = _line(filtered)
    assert set(json.loads(line["body"])["data"][0]) == {"e", "eid", "tv", "tna", "aid", "p", "dtm", "stm"}
    assert line["headers"] == {"content-type": "application/json; charset=UTF-8"}
    assert "ip" not in line
    stripped = filtered.counts.stripped
    assert stripped["header user-agent"] == stripped["cookie session"] == stripped["ip"] == stripped["url"] == 1


def test_refused_address_is_cut_in_line_and_headers(service: ConsentService) -> None:
    gate = service.gate("snowplow", ip_when_refused="truncate")
    line = _line(_post(gate, PAGE_VIEW, token=service.token(acquire=[])))
    assert (line["ip"], line["headers"]["x-forwarded-for"]) == ("203.0.113.0", "203.0.113.0")


@pytest.mark.parametrize("encoded", [False, True])
def test_token_rides_in_a_context_and_is_taken_out_of_it(service: ConsentService, encoded: bool) -> None:
    token = service.token(acquire=["identifier"])
    contexts = _contexts(
        _consent(token), WEB_PAGE, {"schema": "iglu:com.acme/secret/jsonschema/1-0-0", "data": {"a": "leak"}}
    )
    event = {"e": "pv", **({"cx": _b64(contexts)} if encoded else {"co": json.dumps(contexts)})}
    filtered = _post(service.gate("snowplow"), event)
    (kept,) = json.loads(_line(filtered)["body"])["data"]
    text = base64.urlsafe_b64decode(kept["cx"] + "==") if encoded else kept["co"]
    assert json.loads(text) == _contexts(WEB_PAGE)
    assert dict(filtered.counts.stripped) | {} == filtered.counts.stripped
    assert filtered.counts.stripped["secret.*"] == 1
    assert token not in json.dumps(_line(filtered))


def test_contexts_are_judged_member_by_member(service: ConsentService) -> None:
    browser = {
        "schema": f"{VENDOR}/browser_context/jsonschema/2-0-0",
        "data": {
            "viewport": "1x1",
            "deviceMemory": 8,
            "browserLanguage": "ja",
            "tabId": "tab",
            "online": True,
            "new": 1,
        },
    }
    event = {"e": "pv", "co": json.dumps(_contexts(browser))}
    line = _line(_post(service.gate("snowplow"), event, token=service.token(acquire=["screen"])))
    (document,) = json.loads(json.loads(line["body"])["data"][0]["co"])["data"]
    assert document["data"] == {"viewport": "1x1"}


def test_every_member_of_the_trackers_own_contexts_is_known(service: ConsentService) -> None:
    own = {
        "browser_context/jsonschema/2-0-0": "viewport documentSize resolution colorDepth devicePixelRatio"
        " cookiesEnabled online browserLanguage documentLanguage webdriver deviceMemory hardwareConcurrency tabId",
        "client_session/jsonschema/1-0-2": "userId sessionId eventIndex sessionIndex previousSessionId storageMechanism"
        " firstEventId firstEventTimestamp",
        "activity_metrics/jsonschema/1-0-0": "mouseDistance scrollDistance keyPresses clicks touches",
        "web_page/jsonschema/1-0-0": "id",
        "application/jsonschema/1-0-0": "version",
    }
    documents = [{"schema": f"{VENDOR}/{name}", "data": dict.fromkeys(text.split(), "v")} for name, text in own.items()]
    filtered = _post(
        service.gate("snowplow"), {"e": "pp", "co": json.dumps(_contexts(*documents))}, token=service.token()
    )
    (kept,) = json.loads(_line(filtered)["body"])["data"]
    assert json.loads(kept["co"])["data"] == documents


def _unstruct(name: str, data: Any) -> dict[str, Any]:
    document = {"schema": f"iglu:{name}", "data": data}
    return {"schema": f"{VENDOR}/unstruct_event/jsonschema/1-0-0", "data": document}


LINK = "com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1"


@pytest.mark.parametrize("encoded", [False, True])
def test_link_click_passes_and_its_address_is_browsing(service: ConsentService, encoded: bool) -> None:
    click = _unstruct(LINK, {"targetUrl": "https://x.test", "elementId": "a", "typed": "leak"})
    event = {"e": "ue", **({"ue_px": _b64(click)} if encoded else {"ue_pr": json.dumps(click)})}

    def data_of(acquire: list[str]) -> Any:
        line = _line(_post(service.gate("snowplow"), event, token=service.token(acquire=acquire)))
        (kept,) = json.loads(line["body"])["data"]
        text = base64.urlsafe_b64decode(kept["ue_px"] + "==") if encoded else kept["ue_pr"]
        return json.loads(text)["data"]["data"]

    assert data_of(["browsing"]) == {"targetUrl": "https://x.test", "elementId": "a"}
    assert data_of([]) == {}


@pytest.mark.parametrize(
    "schema",
    ["com.acme/thing/jsonschema/1-0-0", "com.snowplowanalytics.snowplow/link_click/jsonschema/2-0-0",
     "com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-123456", "x", "../link_click/jsonschema/1-0-0"],
)  # fmt: skip
def test_event_of_an_unknown_schema_is_event_unknown(service: ConsentService, schema: str) -> None:
    event = {"e": "ue", "ue_pr": json.dumps(_unstruct(schema, {"a": 1}))}
    filtered = _post(service.gate("snowplow"), event, PAGE_VIEW, token=service.token())
    assert dict(filtered.counts.dropped) == {Reason.EVENT_UNKNOWN: 1}
    assert filtered.counts.accepted == 1


@pytest.mark.parametrize("kind", ["ad", "", "PV", "ue2"])
def test_unknown_event_type_is_event_unknown(service: ConsentService, kind: str) -> None:
    filtered = _post(service.gate("snowplow"), {**PAGE_VIEW, "e": kind}, token=service.token())
    assert dict(filtered.counts.dropped) == {Reason.EVENT_UNKNOWN: 1}


@pytest.mark.parametrize(
    "event",
    [5, None, [], "x", {}, {"e": 5}, {"e": "ue"}, {"e": "ue", "ue_pr": "{"}, {"e": "ue", "ue_px": "!!"},
     {"e": "ue", "ue_pr": "[]"}, {"e": "ue", "ue_pr": 5}, {"e": "ue", "ue_pr": '{"data":{"schema":5,"data":{}}}'},
     {"e": "ue", "ue_px": "/w=="}, {"e": "ue", "ue_pr": "[" * 50_000}],
)  # fmt: skip
def test_broken_event_is_event_malformed(service: ConsentService, event: Any) -> None:
    filtered = _post(service.gate("snowplow"), event, token=service.token())
    assert dict(filtered.counts.dropped) == {Reason.EVENT_MALFORMED: 1}


@pytest.mark.parametrize("text", ["{", "[]", "5", "[" * 50_000, '{"data":5}', '{"data":[5,{"schema":1}]}'])
def test_broken_contexts_are_left_out(service: ConsentService, text: str) -> None:
    line = _line(_post(service.gate("snowplow"), {"e": "pv", "co": text}, token=service.token()))
    assert json.loads(line["body"])["data"] == [{"e": "pv"}]


def test_batch_of_several_visitors_gives_one_line_each(service: ConsentService) -> None:
    events = [
        {
            "e": "pv",
            "url": f"https://{sub}.test",
            "co": json.dumps(_contexts(_consent(service.token(sub=sub * 22, acquire=acq)))),
        }
        for sub, acq in (("a", ["browsing"]), ("b", ["device"]), ("a", ["browsing"]))
    ]
    filtered = _post(service.gate("snowplow"), *events)
    first, second = (json.loads(accepted.to_line()) for accepted in filtered.accepted)
    assert (first["consent"]["sub"][0], len(json.loads(first["body"])["data"])) == ("a", 2)
    assert "user-agent" not in first["headers"]
    assert second["headers"]["user-agent"] == "Mozilla/5.0 X"
    assert "test" not in second["body"]


def test_bad_token_of_the_event_is_not_rescued_by_the_requests(service: ConsentService) -> None:
    bad = {"e": "pv", "co": json.dumps(_contexts(_consent("bad")))}
    empty = {"e": "pv", "co": json.dumps(_contexts(_consent("")))}
    filtered = _post(service.gate("snowplow"), bad, empty, PAGE_VIEW, token=service.token())
    assert dict(filtered.counts.dropped) == {Reason.TOKEN_MALFORMED: 1, Reason.TOKEN_MISSING: 1}
    assert filtered.counts.accepted == 1


def test_carriers_are_asked_in_order_and_a_bad_one_decides(service: ConsentService) -> None:
    good, bad = service.token(), service.token(site="other")
    gate = service.gate("snowplow")
    for header, query, cookie, ok in [
        (good, bad, bad, True), (bad, good, good, False), ("", good, bad, True), ("", bad, good, False),
        ("", "", good, True), ("", "", bad, False),
    ]:  # fmt: skip
        headers = {"X-Consent-Token": header, "Cookie": f"a=b; cg_token={cookie}; sp=n"}
        filtered = _post(gate, PAGE_VIEW, headers=headers, path=f"{TP2}?ct={query}")
        assert bool(filtered.accepted) is ok
        if ok:
            line = json.dumps(_line(filtered))
            assert good not in line
            assert bad not in line


def test_pixel_carries_its_event_in_the_query(service: ConsentService) -> None:
    token = service.token(acquire=["browsing"])
    query = urlencode({"stm": "1", **PAGE_VIEW, "ct": token, "page": "買い物 & more", "junk": "leak"})
    filtered = service.gate("snowplow").filter(TrackerRequest("GET", f"/i?{query}", ip="203.0.113.9"))
    line = _line(filtered)
    kept = {name: value[0] for name, value in parse_qs(urlsplit(line["path"]).query).items()}
    assert urlsplit(line["path"]).path == "/i"
    assert set(kept) == {"e", "eid", "tv", "tna", "aid", "p", "dtm", "stm", "url", "page", "refr"}
    assert kept["page"] == "買い物 & more"
    assert line["body"] is None
    assert "ct" not in filtered.counts.stripped


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", TP2), ("POST", "/i"), ("POST", "/"), ("POST", "/api/event"), ("HEAD", "/i"), ("OPTIONS", TP2), ("", ""),
     ("POST", TP2 + "/x"), ("POST", "/user-17" + TP2)],
)  # fmt: skip
def test_other_addresses_are_tracker_mismatch(service: ConsentService, method: str, path: str) -> None:
    filtered = _post(service.gate("snowplow"), PAGE_VIEW, token=service.token(), method=method, path=path)
    assert dict(filtered.counts.dropped) == {Reason.TRACKER_MISMATCH: 1}


def test_known_mounts_are_part_of_the_path(service: ConsentService) -> None:
    gate = service.gate("snowplow", mounts=["/t/"])
    for path in (f"/collect/snowplow{TP2}", f"/t{TP2}"):
        assert _line(_post(gate, PAGE_VIEW, token=service.token(), path=path))["path"] == path


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '{"data":[]}', '{"schema":"x","data":[]}', '{"schema":"' + ENVELOPE + '"}', "\ud800",
     '{"schema":"' + ENVELOPE + '","data":{}}', "[" * 100_000, b"\xff\xfe", None],
)  # fmt: skip
def test_broken_body_is_event_malformed(service: ConsentService, body: Any) -> None:
    filtered = _post(service.gate("snowplow"), token=service.token(), body=body)
    assert dict(filtered.counts.dropped) == {Reason.EVENT_MALFORMED: 1}


BODY = json.dumps({"schema": ENVELOPE, "data": [PAGE_VIEW]}).encode()
GZIPPED = gzip.compress(BODY, mtime=0)  # the same bytes in every process: they name the tests below


def _encoded(service: ConsentService, body: bytes, encoding: str) -> Filtered:
    headers = {"X-Consent-Token": service.token(), "Content-Encoding": encoding}
    encoded = base64.b64encode(body).decode()
    return _post(service.gate("snowplow", body_limit_bytes=100_000), headers=headers, body=None, body_base64=encoded)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(BODY, ""), (BODY, "identity"), (GZIPPED, "gzip"), (GZIPPED, "GZIP"),
     (zlib.compress(BODY), "deflate")],
)  # fmt: skip
def test_packed_bodies_are_unpacked(service: ConsentService, body: bytes, encoding: str) -> None:
    assert json.loads(_line(_encoded(service, body, encoding))["body"])["data"] == [PAGE_VIEW]


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (GZIPPED[:-1], "gzip", Reason.EVENT_MALFORMED),
        (GZIPPED[:20], "gzip", Reason.EVENT_MALFORMED),
        (GZIPPED + b"x", "gzip", Reason.EVENT_MALFORMED),
        (BODY, "gzip", Reason.EVENT_MALFORMED),
        (b"", "gzip", Reason.EVENT_MALFORMED),
        (BODY, "br", Reason.ENCODING_UNKNOWN),
        (BODY, "gzip, gzip", Reason.ENCODING_UNKNOWN),
        (gzip.compress(bytes(50_000_000), mtime=0), "gzip", Reason.BODY_TOO_LARGE),
        (zlib.compress(bytes(50_000_000)), "deflate", Reason.BODY_TOO_LARGE),
        (b" " * 100_001, "", Reason.BODY_TOO_LARGE),
    ],
)
def test_packing_that_is_broken_unknown_or_a_bomb_is_counted(
    service: ConsentService, body: bytes, encoding: str, reason: Reason
) -> None:
    assert dict(_encoded(service, body, encoding).counts.dropped) == {reason: 1}


@pytest.mark.parametrize("text", ["!!!", "a", "é", "=" * 9])
def test_broken_base64_is_event_malformed(service: ConsentService, text: str) -> None:
    filtered = _post(service.gate("snowplow"), token=service.token(), body=None, body_base64=text)
    assert dict(filtered.counts.dropped) == {Reason.EVENT_MALFORMED: 1}


@pytest.mark.parametrize("at", ["yesterday", "2026-11-21T09:00:00Z<script>", "", "alice@example.jp"])
def test_time_of_receipt_that_is_none_is_left_out(service: ConsentService, at: str) -> None:
    assert "received_at" not in _line(_post(service.gate("snowplow"), PAGE_VIEW, token=service.token(), received_at=at))


def test_request_line_and_request_give_the_same(service: ConsentService) -> None:
    gate, token = service.gate("snowplow"), service.token()
    line = {
        "method": "POST",
        "path": TP2,
        "headers": {**HEADERS, "X-Consent-Token": [token]},
        "body": BODY.decode(),
        "new": 1,
    }
    assert json.loads(gate.line(json.dumps(line).encode())) == _line(
        _post(gate, PAGE_VIEW, token=token, received_at=None, ip=None)
    )
    assert gate.counts.accepted == 1


def test_answers_content_the_tracker(service: ConsentService) -> None:
    gate = service.gate("snowplow")
    assert gate.table.empty_answer.status == 200
    pixel = gate.route("get", "/i")
    assert pixel is not None
    assert pixel.answer.body.startswith(b"GIF89a")


def test_token_of_another_event_and_of_another_carrier_are_scrubbed_too(service: ConsentService) -> None:
    first, second, third = (service.token(sub=name * 22) for name in "abc")
    events = [
        {"e": "pv", "url": f"https://x.test/?a={second}&b={third}", "co": json.dumps(_contexts(_consent(first)))},
        {"e": "pv", "co": json.dumps(_contexts(_consent(second)))},
    ]
    filtered = _post(service.gate("snowplow"), *events, token=third)
    assert filtered.counts.accepted == 2
    out = b"".join(accepted.to_line() for accepted in filtered.accepted).decode()
    assert not [token for token in (first, second, third) if token in out]


def test_batch_full_of_junk_tokens_takes_no_time(service: ConsentService) -> None:
    junk = [{"e": "pv", "consent_token": f"{number:0100d}"} for number in range(4000)]
    text = {"e": "pv", "page": "x" * 400_000}
    filtered = _post(service.gate("snowplow"), *junk, text, token=service.token())
    assert filtered.counts.accepted == 1
    assert filtered.counts.dropped[Reason.TOKEN_MALFORMED] == 4000
