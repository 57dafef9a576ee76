"""A choice that waits on a page of a group while something else is chosen elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route, expect
from support.groups import (
    ANALYTICS,
    BLOG_CONSENT,
    BLOG_DECISIONS,
    address_of,
    choose_at_the_service,
    enter,
    instead,
    sent_to,
    try_again,
    wait_here,
    when_ready,
)
from support.live import LiveService
from support.visits import STATUS, HeldRequest


def test_a_yes_that_waits_is_void_once_a_no_was_said_at_the_service(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = enter(named_context, service).go(address_of("blog"))
    wait_here(named_context, there, "accept")
    choose_at_the_service(named_context, "Reject all")
    try_again(named_context, there)
    assert there.consent()["state"] == "refused"
    assert there.token() is None
    assert sent_to(service) == 0
    expect(there.page.locator(STATUS)).to_have_text("Your choice also counts on these sites: Aoba Store.")
    there.go(address_of("blog"))
    assert when_ready(there.page) == ["refused", False]
    assert there.faults == []


def test_what_waits_is_sent_where_nothing_less_was_chosen_meanwhile(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = enter(named_context, service).go(address_of("blog"))
    wait_here(named_context, there, "accept")
    try_again(named_context, there)
    there.wait_until("consent.purposes.analytics")
    there.decide("withdraw")

    # A no that waits is said, whatever was allowed elsewhere.
    named_context.clear_cookies()
    there.go(address_of("blog"))
    assert when_ready(there.page) == ["undecided", True]
    wait_here(named_context, there, "reject")
    choose_at_the_service(named_context, "Accept all")
    try_again(named_context, there)
    assert there.consent()["state"] == "refused"
    there.go(address_of("blog"))
    assert when_ready(there.page) == ["refused", False]
    assert there.token() is None
    assert there.faults == []


def test_a_yes_that_an_earlier_page_never_sent_is_held_against_a_newer_no(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = enter(named_context, service).go(address_of("blog"))
    first = HeldRequest(named_context, BLOG_DECISIONS)
    there.page.evaluate("(choice) => void cookiegate.decide(choice)", ANALYTICS)
    first.wait(there.page)
    there.page.evaluate("() => void cookiegate.decide('accept')")  # waits for the answer to the first
    there.wait_until("consent.pending")
    there.page.close()
    named_context.unroute(BLOG_DECISIONS)
    choose_at_the_service(named_context, "Reject all")
    there = enter(named_context, service).go(address_of("blog"))
    there.wait_until("!consent.pending")
    assert (there.consent()["state"], there.granted(), sent_to(service)) == ("refused", [], 0)
    assert there.faults == []


def test_a_no_does_not_wait_for_the_question_about_an_older_yes(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = enter(named_context, service).go(address_of("blog"))
    there.decide(ANALYTICS)
    there.wait_until("consent.purposes.analytics")
    wait_here(named_context, there, "accept")
    named_context.unroute(BLOG_DECISIONS)
    question = HeldRequest(named_context, BLOG_CONSENT)
    there.page.evaluate("() => dispatchEvent(new Event('online'))")
    question.wait(there.page)
    there.decide("withdraw")
    there.wait_until("!consent.pending")
    assert there.consent()["state"] == "refused"
    assert there.faults == []


def test_a_yes_is_sent_where_a_restored_grant_is_to_be_confirmed(
    named_context: BrowserContext, service: LiveService
) -> None:
    restored = {"ask": True, "ask_reason": "expired", "state": "granted", "policy_version": None, "epoch": 1001}
    named_context.route(BLOG_CONSENT, lambda route: route.fulfill(**instead(200, json.dumps(restored))))
    there = enter(named_context, service).go(address_of("blog"))
    wait_here(named_context, there, "accept")
    sent = sent_to(service)
    try_again(named_context, there)
    assert sent_to(service) == sent + 1
    assert there.faults == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, "no"),
        (429, "{}"),
        (200, "{"),
        (200, "[]"),
        (200, '{"ask": false, "state": "refused"}'),
        (200, '{"ask": false, "state": "refused", "policy_version": 1, "decided_at": 5}'),
        (200, '{"ask": false, "state": "granted", "epoch": "x", "purposes": null, "acquire": null}'),
    ],
)
def test_a_yes_waits_on_until_the_service_says_what_holds(
    named_context: BrowserContext, service: LiveService, status: int, body: str
) -> None:
    there = enter(named_context, service).go(address_of("blog"))
    came: list[Route] = []

    def answer(route: Route) -> None:
        came.append(route)
        route.fulfill(**instead(status, body))

    named_context.route(BLOG_CONSENT, answer)
    wait_here(named_context, there, "accept")
    choose_at_the_service(named_context, "Reject all")
    named_context.unroute(BLOG_DECISIONS)
    before = len(came)
    there.page.evaluate("() => dispatchEvent(new Event('online'))")
    while len(came) == before:  # bounded by the test's own timeout
        there.page.wait_for_timeout(10)
    assert there.consent()["pending"]
    named_context.unroute(BLOG_CONSENT)
    there.wait_until("!consent.pending")
    assert there.consent()["state"] == "refused"
    assert sent_to(service) == 0
    assert there.faults == []


def test_a_yes_that_waits_is_void_where_something_else_was_allowed(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = enter(named_context, service).go(address_of("blog"))
    wait_here(named_context, there, ANALYTICS)
    assert enter(named_context, service).go(address_of("demo")).decide({"purposes": {"quality": True}})
    try_again(named_context, there)
    there.wait_until("consent.purposes.quality")
    assert there.granted() == ["quality"]
    assert sent_to(service) == 0
    assert there.faults == []


@pytest.mark.parametrize("less", ["reject", ANALYTICS])
def test_less_is_sent_by_a_page_that_closes(named_context: BrowserContext, service: LiveService, less: Any) -> None:
    there = enter(named_context, service).go(address_of("blog"))
    there.decide("accept")
    there.wait_until("consent.purposes.analytics")
    wait_here(named_context, there, less)
    named_context.unroute(BLOG_DECISIONS)
    before = sent_to(service)
    there.page.goto("about:blank")
    while sent_to(service) == before:  # bounded by the test's own timeout
        there.page.wait_for_timeout(10)
