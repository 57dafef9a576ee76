"""Plain events: what a grant leaves of them, and every reason for which nothing is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.consent import SUB, ConsentService

from cookiegate.gate import Gate, Reason, TrackerRequest

EVENT: dict[str, Any] = {
    "event": "page_view",
    "time": 1795000000123,
    "value": 12.5,
    "tags": ["a", "b"],
    "url": "https://shop.test/cart",
    "user_agent": "Mozilla/5.0",
    "language": "ja",
    "screen": "1920x1080",
    "client_id": "c0ffee",
    "ip": "203.0.113.77",
    "timezone": "Asia/Tokyo",
}


def _event(token: object, **changes: Any) -> dict[str, Any]:
    return {**EVENT, "consent_token": token, **changes}


def test_full_grant_keeps_every_mapped_field_and_takes_the_token_out(service: ConsentService) -> None:
    kept = service.gate().event(_event(service.token()))
    assert kept is not None
    stamp = kept.pop("consent")
    assert kept == EVENT
    assert stamp == {
        "sub": SUB,
        "pv": 3,
        "ep": 1,
        "scope": "security analytics",
        "acquire": "ip device language screen browsing identifier other",
    }


@pytest.mark.parametrize(
    ("category", "field"),
    [
        ("browsing", "url"), ("device", "user_agent"), ("language", "language"), ("screen", "screen"),
        ("identifier", "client_id"), ("ip", "ip"), ("other", "timezone"),
    ],
)  # fmt: skip
def test_s07_each_category_lets_exactly_its_fields_pass(service: ConsentService, category: str, field: str) -> None:
    gate = service.gate()
    kept = gate.event(_event(service.token(acquire=[category])))
    assert kept is not None
    assert set(kept) == {"event", "time", "value", "tags", "consent", field}
    assert sum(gate.counts.stripped.values()) == 6


def test_event_that_is_filtered_is_not_changed(service: ConsentService) -> None:
    event = _event(service.token(acquire=[]))
    before = json.dumps(event)
    service.gate().event(event)
    assert json.dumps(event) == before


def test_policy_narrows_what_the_token_grants(service: ConsentService) -> None:
    kept = service.gate(categories=["device"]).event(_event(service.token()))
    assert kept is not None
    assert set(kept) == {"event", "time", "value", "tags", "user_agent", "consent"}


def test_policys_fields_take_the_place_of_the_table(service: ConsentService) -> None:
    gate = service.gate(fields={"kind": "event", "props.plan": "event", "props.city": "browsing", "ua": "device"})
    token = service.token(acquire=["device"])
    kept = gate.event(
        {"consent_token": token, "kind": "x", "ua": "M", "url": "u", "props": {"plan": 1, "city": 2, "z": 3}}
    )
    assert kept is not None
    assert {name: kept[name] for name in kept if name != "consent"} == {"kind": "x", "ua": "M", "props": {"plan": 1}}
    assert dict(gate.counts.stripped) == {"url": 1, "props.city": 1, "props.z": 1}


@pytest.mark.parametrize("value", [{"url": "x"}, [{"url": "x"}], [["x"]], float("nan"), float("inf"), object(), b"x"])
def test_mapped_name_with_anything_but_scalars_is_left_out(service: ConsentService, value: Any) -> None:
    gate = service.gate()
    kept = gate.event(_event(service.token(), value=value))
    assert kept is not None
    assert "value" not in kept
    assert gate.counts.stripped["value"] == 1


def test_events_own_stamp_is_not_believed(service: ConsentService) -> None:
    gate = service.gate()
    kept = gate.event(_event(service.token(), consent={"sub": "forged"}))
    assert kept is not None
    assert kept["consent"]["sub"] == SUB
    assert gate.counts.stripped["consent"] == 1


@pytest.mark.parametrize(
    "fields",
    [{"consent_token": "event"}, {"consent": "event"}, {"consent.sub": "event"}, {"a": "everything"}, {"a..b": "event"},
     {"a": "event", "a.b": "event"}, {"a.b": "event", "a": "event"}, {"": "event"}],
)  # fmt: skip
def test_map_that_could_leak_or_confuse_is_refused(service: ConsentService, fields: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        service.gate(fields=fields)


def test_unknown_tracker_or_category_is_refused(service: ConsentService) -> None:
    with pytest.raises(ValueError, match=r"there are ga4, goatcounter, .*, umami"):
        service.gate("matomo-ish")
    with pytest.raises(ValueError, match="unknown categories"):
        service.gate(categories=["ip", "everything"])


def test_page_address_that_repeats_the_token_loses_it(service: ConsentService) -> None:
    token = service.token()
    url = f"https://shop.test/?ct={token}&a=1"
    for kept in (
        service.gate().event(_event(token, url=url)),
        json.loads(service.gate().line(json.dumps(_event(token, url=url)).encode())),
    ):
        assert kept is not None
        assert kept["url"] == "https://shop.test/?ct=&a=1"


def test_text_made_to_put_the_token_together_again_is_emptied(service: ConsentService) -> None:
    token = service.token()
    kept = service.gate().event(_event(token, url=token[:9] + token + token[9:]))
    assert kept is not None
    assert kept["url"] == ""


def _reason(gate: Gate, event: Any) -> Reason:
    assert gate.event(event) is None
    (reason,) = gate.counts.dropped
    assert gate.counts.accepted == 0
    return reason


def test_event_without_a_token_is_token_missing(service: ConsentService) -> None:
    for event in (EVENT, _event(None), _event("")):
        assert _reason(service.gate(), event) is Reason.TOKEN_MISSING


@pytest.mark.parametrize("token", ["x", 5, True, ["x"], {"a": 1}, "\ud800"])
def test_what_is_no_token_is_token_malformed(service: ConsentService, token: Any) -> None:
    assert _reason(service.gate(), _event(token)) is Reason.TOKEN_MALFORMED


def test_s08_the_declared_purpose_decides(service: ConsentService) -> None:
    token = service.token(scope=["security", "analytics"])
    assert service.gate(purpose="analytics").event(_event(token)) is not None
    assert service.gate(purpose="security").event(_event(token)) is not None
    for other in ("advertising", "analytic", "Analytics", "security analytics"):
        assert _reason(service.gate(purpose=other), _event(token)) is Reason.PURPOSE_NOT_GRANTED


def test_gate_without_a_purpose_lets_nothing_pass(service: ConsentService) -> None:
    gate = service.gate(purpose="")
    assert _reason(gate, _event(service.token())) is Reason.PURPOSE_MISSING
    assert gate.check(service.token()).reason is Reason.PURPOSE_MISSING


def test_s04_a_purpose_that_the_policy_does_not_know_lets_nothing_pass(service: ConsentService) -> None:
    from support.policies import demo_policy

    gate = Gate.for_policy(service.verifier(), demo_policy(), tracker="plain", purpose="analitics")
    assert gate.check(service.token()).reason is Reason.PURPOSE_UNKNOWN
    assert _reason(gate, _event(service.token())) is Reason.PURPOSE_UNKNOWN


def test_policy_gives_purpose_categories_and_address_rule(service: ConsentService) -> None:
    from support.policies import demo_policy

    gate = Gate.for_policy(service.verifier(), demo_policy(), tracker="snowplow")
    assert gate.purpose == "analytics"
    assert gate.check(service.token()).ok


def test_check_tells_what_is_allowed_here(service: ConsentService) -> None:
    gate = service.gate(categories=["device", "ip"])
    verdict = gate.check(service.token(acquire=["ip", "browsing"]))
    assert verdict.claims is not None
    assert gate.allowed(verdict.claims) == ("ip",)
    assert gate.check(service.token(scope=["security"])).reason is Reason.PURPOSE_NOT_GRANTED


@pytest.mark.parametrize("event", [None, 5, "x", [], [EVENT], True])
def test_event_that_is_no_object_is_event_malformed(service: ConsentService, event: Any) -> None:
    assert _reason(service.gate(), event) is Reason.EVENT_MALFORMED


def test_refused_address_is_dropped_or_cut_as_the_policy_says(service: ConsentService) -> None:
    token = service.token(acquire=["device"])
    assert "ip" not in (service.gate().event(_event(token)) or {})
    cutting = service.gate(ip_when_refused="truncate")
    for address, cut in {"203.0.113.77": "203.0.113.0", "[2001:db8:1:2::3]:443": "2001:db8:1::"}.items():
        assert (cutting.event(_event(token, ip=address)) or {})["ip"] == cut
    assert "ip" not in (cutting.event(_event(token, ip="unknown")) or {})
    assert cutting.counts.stripped["ip"] == 3


def test_request_with_a_list_is_decided_event_by_event(service: ConsentService) -> None:
    mine, yours = service.token(sub="a" * 22), service.token(sub="b" * 22, acquire=["device"])
    body = [_event(mine), _event(yours), _event("bad"), {"event": "tokenless"}, 5]
    filtered = service.gate().filter(TrackerRequest("POST", "/events", body=json.dumps(body)))
    assert [accepted.claims.sub[0] for accepted in filtered.accepted] == ["a", "b"]
    assert dict(filtered.counts.dropped) == {
        Reason.EVENT_MALFORMED: 1,
        Reason.TOKEN_MALFORMED: 1,
        Reason.TOKEN_MISSING: 1,
    }
    lines = b"".join(accepted.to_line() for accepted in filtered.accepted).splitlines()
    assert [json.loads(line)["consent"]["sub"][0] for line in lines] == ["a", "b"]
    assert [json.loads(accepted.body or b"")[0]["event"] for accepted in filtered.accepted] == ["page_view"] * 2


def test_stripped_names_are_bounded_and_safe_to_print(service: ConsentService) -> None:
    gate = service.gate()
    for number in range(1500):
        gate.event(_event(service.token(), **{f"n{number}\x1b[31m" + "x" * 200: 1}))
    assert len(gate.counts.stripped) <= 513
    assert all(name.isprintable() and len(name) < 300 for name in gate.counts.stripped)
    assert sum(gate.counts.stripped.values()) == 1500
