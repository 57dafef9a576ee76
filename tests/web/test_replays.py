"""Requests that come again, late, or for another site: they must not bring an old state back."""

from __future__ import annotations

import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench

CHECK = "/gate/check?purpose=analytics&site=demo"


@pytest.mark.parametrize("then", ["withdraw", "reject"])
def test_a_repeated_yes_does_not_undo_a_later_no(visitor: Visitor, then: str) -> None:
    notice = visitor.notice()["notice"]
    first = visitor.decide("accept", key="k" * 20, notice=notice)
    visitor.decide(then)
    again = visitor.decide("accept", key="k" * 20, notice=notice)
    assert again.data == first.data
    assert "Set-Cookie" not in again.headers
    assert visitor.cookie("cg_choice") == "refused.1.20261118"


@pytest.mark.parametrize("then", ["withdraw", "reject"])
def test_a_repeated_second_yes_does_not_undo_a_later_no(visitor: Visitor, then: str) -> None:
    visitor.decide("accept")
    choice = {"purposes": {"analytics": True}, "acquire": {"device": True}}
    visitor.decide("choose", key="k" * 20, **choice)
    visitor.decide(then)
    assert "Set-Cookie" not in visitor.decide("choose", key="k" * 20, **choice).headers
    assert visitor.cookie("cg_choice") == "refused.1.20261118"
    assert visitor.cookie("cg_token") is None


def test_a_repeated_yes_does_not_widen_a_later_choice(visitor: Visitor) -> None:
    visitor.decide("accept", key="k" * 20)
    visitor.decide("choose", purposes={"analytics": True}, acquire={"device": True})
    kept = visitor.cookie("cg_choice"), visitor.cookie("cg_token")
    visitor.decide("accept", key="k" * 20)
    assert (visitor.cookie("cg_choice"), visitor.cookie("cg_token")) == kept


def test_a_repeated_no_does_not_undo_a_later_yes(visitor: Visitor) -> None:
    visitor.decide("reject", key="k" * 20)
    visitor.decide("accept")
    visitor.decide("reject", key="k" * 20)
    assert visitor.cookie("cg_handle.demo") is not None
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 200


def test_a_withdrawal_whose_answer_was_lost_clears_the_browser_when_repeated(visitor: Visitor) -> None:
    visitor.decide("accept")
    handle = visitor.cookie("cg_handle.demo")
    visitor.decide("withdraw", key="w" * 20)
    visitor.client.set_cookie("cg_handle.demo", str(handle))  # the first answer never arrived
    visitor.decide("withdraw", key="w" * 20)
    assert visitor.cookie("cg_handle.demo") is None


def test_sites_on_one_host_keep_their_own_handles(bench: Bench, visitor: Visitor) -> None:
    bench.publish(demo_policy(site="blog"))
    token = visitor.decide("accept").get_json()["token"]
    blog = Visitor(visitor.client, site="blog")
    assert blog.decide("accept").status_code == 201
    withdrawn = visitor.decide("withdraw").get_json()
    assert withdrawn["consent"]["epoch"] == 2
    stranger = bench.visitor(headers={"X-Consent-Token": token})
    assert stranger.send("GET", CHECK).headers["X-Consent-Reason"] == "withdrawn"
    assert visitor.cookie("cg_handle.blog") is not None
    assert blog.send("POST", "/v1/sites/blog/token").status_code == 200


@pytest.mark.parametrize("day", ["99991231", "20261231", "00000101", "20260230"])
def test_a_choice_cookie_of_no_real_day_is_no_choice(visitor: Visitor, day: str) -> None:
    visitor.client.set_cookie("cg_choice", f"refused.1.{day}")
    assert visitor.send("GET", "/v1/sites/demo/consent").get_json()["state"] == "undecided"
    assert visitor.send("GET", "/preferences/demo").status_code == 200


@pytest.mark.parametrize("address", ["//[x?ct=1", "?" + "&".join(["a=1"] * 300), "\x00?ct=%", "http://[::1"])
def test_a_hostile_address_of_the_asked_request_is_only_refused(visitor: Visitor, address: str) -> None:
    answer = visitor.send("GET", CHECK, headers={"X-Original-URI": address})
    assert answer.status_code == 401


def test_an_address_with_too_many_parameters_is_not_rescued_by_a_cookie(visitor: Visitor) -> None:
    visitor.decide("accept")
    address = "/x?" + "a=1&" * 250 + "ct=bad"
    assert visitor.send("GET", CHECK, headers={"X-Original-URI": address}).status_code == 401


@pytest.mark.parametrize("header", ["Origin", "Referer"])
def test_a_hostile_origin_tells_no_site(bench: Bench, header: str) -> None:
    bench.publish(demo_policy(site="blog", origins=("http://blog.test",)))
    stranger = bench.visitor(origin=None, headers={header: "http://[x"})
    assert stranger.send("GET", "/gate/check?purpose=analytics").status_code == 422


def test_a_withdrawal_that_another_try_recorded_ends_the_token_before_it_is_acknowledged(
    visitor: Visitor, bench: Bench
) -> None:
    token = visitor.decide("accept").get_json()["token"]
    handle = str(visitor.cookie("cg_handle.demo"))
    other = make_bench(bench.folder)  # took it, and its answer was lost
    twin = other.visitor()
    twin.client.set_cookie("cg_handle.demo", handle)
    assert twin.decide("withdraw", key="the-key-of-both-tries").status_code == 201
    assert visitor.decide("withdraw", key="the-key-of-both-tries").status_code == 201
    check = bench.visitor().send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": token})
    assert check.status_code in (401, 403)
    other.service.close()
