"""Browser signals at the service: what they switch off, what wins over them, and what the record says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor

from cookiegate.ledger.consents_check import check_consents
from cookiegate.ledger.findings import Findings
from cookiegate.policy.pages import Signals

GPC = {"Sec-GPC": "1"}
DNT = {"DNT": "1"}
DAY_S = 86_400


def record(bench: Bench) -> dict[str, Any]:
    """The newest decision's record."""
    newest: dict[str, Any] = json.loads(bench.service.storage.decisions("demo")[-1].record)
    return newest


def allowed(answer: Any) -> set[str]:
    """The purposes that an answer's consent allows."""
    consent = answer.get_json()["consent"] if "consent" in answer.get_json() else answer.get_json()
    return {key for key, given in consent["purposes"].items() if given} - {"security"}


def signalling(bench: Bench, **headers: str) -> Visitor:
    return bench.visitor(headers=headers or {"Sec-GPC": "1"})


def test_data_for_third_parties_and_advertising_are_affected_and_what_the_policy_names() -> None:
    demo = demo_policy()
    assert [purpose.key for purpose in demo.affected_purposes] == ["advertising"]
    wider = replace(demo, signals=Signals(("analytics",)))
    assert [purpose.key for purpose in wider.affected_purposes] == ["analytics", "advertising"]
    shared = {**demo.recipients, "hosting": replace(demo.recipients["hosting"], kind="joint_user")}
    assert len(replace(demo, recipients=shared).affected_purposes) == len(demo.optional_purposes)


def test_accept_all_under_a_signal_allows_what_it_leaves(bench: Bench) -> None:
    visitor = signalling(bench)
    answer = visitor.decide("accept")
    assert allowed(answer) == {"quality", "analytics", "development"}
    assert "advertising" not in jwt.decode(answer.get_json()["token"], options={"verify_signature": False})["scope"]
    seen = {"seen": "gpc", "held": ["advertising"]}
    assert record(bench)["signal"] == answer.get_json()["decision"]["signal"] == seen
    assert str(visitor.cookie("cg_choice")).count(".") == 5


def test_a_yes_by_name_wins_over_the_signal_that_was_there_and_is_recorded_as_such(bench: Bench) -> None:
    visitor = signalling(bench)
    answer = visitor.decide("choose", purposes={"advertising": True}, acquire={"browsing": True})
    assert allowed(answer) == {"advertising"}
    assert record(bench)["signal"] == {"seen": "gpc", "held": [], "despite": ["advertising"]}
    assert str(visitor.cookie("cg_choice")).endswith(".gpc")
    token = visitor.send("POST", "/v1/sites/demo/token")
    assert token.status_code == 200
    consent = visitor.send("GET", "/v1/sites/demo/consent").get_json()
    assert (consent["signal"], consent["despite"], allowed(visitor.send("GET", "/v1/sites/demo/consent"))) == (
        "gpc", "gpc", {"advertising"},
    )  # fmt: skip
    assert bench.count == 1


def test_a_signal_that_appears_later_ends_what_it_affects_at_once(bench: Bench, visitor: Visitor) -> None:
    first = visitor.decide("accept").get_json()
    bench.clock.advance(3 * DAY_S)
    fresh = visitor.send("POST", "/v1/sites/demo/token").get_json()["token"]
    visitor.headers = GPC
    assert allowed(visitor.send("GET", "/v1/sites/demo/consent")) == {"quality", "analytics", "development"}
    answer = visitor.send("POST", "/v1/sites/demo/token")
    assert answer.status_code == 200
    claims = jwt.decode(answer.get_json()["token"], options={"verify_signature": False})
    assert claims["scope"] == "security quality analytics development"
    assert claims["ep"] == answer.get_json()["epoch"] == 2
    old = visitor.send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": fresh})
    assert old.headers["X-Consent-Reason"] == "withdrawn"
    made = record(bench)
    assert (made["action"], made["notice"], made["policy_version"]) == ("signal", first["decision"]["notice"], 1)
    assert made["signal"] == {"seen": "gpc", "held": ["advertising"], "since": first["decision"]["decided_at"]}
    assert visitor.send("POST", "/v1/sites/demo/token").get_json()["epoch"] == 2
    assert bench.count == 2
    # What is left holds no longer than what was given.
    assert visitor.send("GET", "/v1/sites/demo/consent").get_json()["decided_at"] == first["decision"]["decided_at"]
    found = Findings()
    check_consents(bench.service.storage, found)
    assert not found


def test_a_signal_that_ends_grants_nothing(bench: Bench) -> None:
    visitor = signalling(bench)
    visitor.decide("accept")
    visitor.headers = {}
    assert "advertising" not in allowed(visitor.send("GET", "/v1/sites/demo/consent"))
    assert "advertising" not in visitor.send("POST", "/v1/sites/demo/token").get_json()


def test_a_signal_against_everything_leaves_nothing_behind(bench: Bench, visitor: Visitor) -> None:
    bench.publish(demo_policy(signals=Signals(("quality", "analytics", "development"))))
    visitor.decide("accept")
    bench.clock.advance(1)
    answer = visitor.send("POST", "/v1/sites/demo/token", headers=GPC)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "consent_missing")
    assert visitor.cookie("cg_handle.demo") is None
    assert visitor.cookie("cg_token") is None
    assert str(visitor.cookie("cg_choice")).startswith("refused.")
    assert not any(record(bench)["purposes"][purpose.key] for purpose in demo_policy().optional_purposes)


def test_nobody_is_asked_whose_browser_has_answered_everything(bench: Bench) -> None:
    bench.publish(demo_policy(signals=Signals(("quality", "analytics", "development"))))
    quiet, asked = signalling(bench), bench.visitor()
    consent = quiet.send("GET", "/v1/sites/demo/consent").get_json()
    assert (consent["state"], consent["ask"], consent["ask_reason"]) == ("undecided", False, None)
    assert asked.send("GET", "/v1/sites/demo/consent").get_json()["ask"] is True
    assert bench.count == 0
    assert quiet.cookie("cg_choice") is None


def test_the_page_may_tell_what_a_proxy_took_away(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    assert visitor.decide("signal").get_json()["code"] == "input_invalid"
    answer = visitor.decide("signal", signal="gpc")
    assert allowed(answer) == {"quality", "analytics", "development"}
    assert answer.get_json()["consent"]["epoch"] == 2
    stranger = bench.visitor()
    assert stranger.decide("signal", signal="gpc").get_json()["code"] == "consent_missing"
    assert bench.count == 2


@pytest.mark.parametrize("header", ["1", " 1", "0, 1", "1,1"])
def test_any_value_of_exactly_one_counts(bench: Bench, header: str) -> None:
    assert "advertising" not in allowed(signalling(bench, **{"Sec-GPC": header}).decide("accept"))


@pytest.mark.parametrize("header", ["0", "true", "1;q=1", "11", "", "yes"])
def test_other_values_count_for_nothing(bench: Bench, header: str) -> None:
    assert "advertising" in allowed(signalling(bench, **{"Sec-GPC": header}).decide("accept"))


def test_do_not_track_counts_where_the_policy_says_so(bench: Bench) -> None:
    assert "advertising" in allowed(bench.visitor(headers=DNT).decide("accept"))
    bench.publish(demo_policy(signals=Signals(dnt="honour")))
    visitor = bench.visitor(headers=DNT)
    bench.clock.advance(1)
    assert "advertising" not in allowed(visitor.decide("accept"))
    assert record(bench)["signal"] == {"seen": "dnt", "held": ["advertising"]}
    # A yes in spite of DNT does not stand against the stronger signal; the other way round it does.
    visitor.decide("choose", purposes={"advertising": True})
    visitor.headers = GPC
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 404
    visitor.decide("choose", purposes={"advertising": True})
    visitor.headers = DNT
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 200


def test_a_signal_does_not_renew_a_consent_that_a_newer_policy_asks_for_again(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    demo = demo_policy()
    wider = tuple(replace(one, retention_days=one.retention_days + 1) for one in demo.purposes)
    bench.publish(demo_policy(purposes=wider))
    visitor.headers = GPC
    assert visitor.send("POST", "/v1/sites/demo/token").get_json()["ask_reason"] == "policy_changed"
    visitor.decide("signal")
    consent = visitor.send("GET", "/v1/sites/demo/consent").get_json()
    assert (consent["ask_reason"], consent["policy_version"]) == ("policy_changed", 1)


def test_a_signal_revives_no_consent_whose_time_is_over(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    bench.clock.advance(181 * 86_400)
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 404
    answer = visitor.decide("signal", signal="gpc")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "consent_missing")


def test_the_preferences_page_says_that_the_signal_is_honoured_or_overridden(bench: Bench) -> None:
    visitor = signalling(bench)
    page = visitor.send("GET", "/preferences/demo?lang=en").text
    assert "Global Privacy Control" in page
    assert "It is honoured" in page
    visitor.decide("choose", purposes={"advertising": True}, acquire={})
    page = visitor.send("GET", "/preferences/demo?lang=en").text
    assert "You gave permission although your browser sends" in page
    assert "Global Privacy Control" not in bench.visitor().send("GET", "/preferences/demo?lang=en").text
