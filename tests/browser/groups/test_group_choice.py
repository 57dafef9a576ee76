"""What is chosen on one site of a group counts on the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect
from support.groups import (
    ANALYTICS,
    BLOG_CONSENT,
    DOMAIN,
    NAMES,
    address_of,
    asked_by,
    choose_at_the_service,
    come_back,
    enter,
    instead,
    sent_to,
    try_again,
    wait_here,
    when_ready,
)
from support.live import LiveService
from support.policies import demo_policy
from support.service import make_bench
from support.visits import BANNER, STATUS, HeldRequest, Visit
from test_surfaces import SHAPE, Stage

from cookiegate.policy.pages import Sharing


def test_a_choice_on_one_site_holds_on_the_other(named_context: BrowserContext, service: LiveService) -> None:
    here = enter(named_context, service).go(address_of("demo"))
    expect(here.banner).to_contain_text("Your choice also counts on these sites: The Aoba blog.")
    here.answer("Accept all").click()
    here.wait_until("consent.purposes.analytics")

    there = enter(named_context, service).go(address_of("blog"))
    assert when_ready(there.page) == ["granted", False]
    assert there.granted() == ["quality", "analytics", "development", "advertising"]
    assert there.token("analytics") not in (None, here.token("analytics"))
    expect(there.page.locator(STATUS)).to_have_text("Your choice also counts on these sites: Aoba Store.")
    assert there.page.locator(BANNER).count() == 0
    kept = {(cookie["name"], cookie["domain"]) for cookie in named_context.cookies()}
    assert kept == {
        *(("cg_choice", f"{host}.{DOMAIN}") for host in ("demo", "blog", "consent")),
        *((f"{name}.{site}", f"consent.{DOMAIN}") for name in ("cg_handle", "cg_choice") for site in NAMES),
        ("cg_token", f"consent.{DOMAIN}"),
    }
    there.go(address_of("blog"))
    there.wait_until("consent.purposes.analytics")
    assert asked_by(service) == 1

    # Less, chosen there, counts here with the next token; and so does nothing at all.
    there.decide(ANALYTICS)
    here.go(address_of("demo"))
    here.wait_until("consent.purposes.analytics")
    assert here.granted() == ["analytics"]
    there.decide("withdraw")
    here.go(address_of("demo"))
    here.wait_until("consent.state === 'refused'")
    assert here.token() is None
    assert not [cookie for cookie in named_context.cookies() if cookie["name"].startswith(("cg_handle", "cg_token"))]
    assert here.faults == there.faults == []


def test_a_page_without_an_interface_knows_it_when_it_is_ready(
    named_context: BrowserContext, service: LiveService
) -> None:
    own = enter(named_context, service).go(address_of("blog", "headless"))
    assert when_ready(own.page) == ["undecided", True]
    enter(named_context, service).go(address_of("demo")).decide("reject")
    own.go(address_of("blog", "headless"))
    assert when_ready(own.page) == ["refused", False]
    assert own.faults == []


def test_nobody_waits_long_and_an_own_no_is_not_overwritten(
    named_context: BrowserContext, service: LiveService
) -> None:
    enter(named_context, service).go(address_of("demo")).decide("accept")
    held = HeldRequest(named_context, BLOG_CONSENT)
    there = enter(named_context, service).go(address_of("blog"))
    expect(there.banner).to_be_visible()
    held.wait(there.page)
    assert asked_by(service) == 0, "the one that is held was the only one"
    there.answer("Reject all").click()
    there.wait_until("consent.state === 'refused' && !consent.pending")
    held.let_go(there.page)
    there.go(address_of("blog"))
    assert when_ready(there.page) == ["refused", False]

    # The service was told otherwise; this page says no, and nobody is asked.
    today = datetime.now(UTC).strftime("%Y%m%d")
    named_context.clear_cookies()
    named_context.add_cookies([{"name": "cg_choice", "value": f"refused.1.{today}", "url": address_of("blog")}])
    enter(named_context, service).go(address_of("demo")).decide("accept")
    there.go(address_of("blog"))
    assert when_ready(there.page) == ["refused", False]
    assert there.token() is None
    assert asked_by(service) == 0
    assert there.faults == []


@pytest.mark.parametrize("layer", ["banner", "dialog"])
def test_what_it_says_is_kept_as_it_is_shown(browser: Browser, tmp_path: Path, layer: str) -> None:
    group = Sharing(group={"blog": {"ja": "青葉のブログ", "en": "The <b>Aoba</b> blog"}})
    bench = make_bench(tmp_path, policies=(demo_policy(share=group),))
    stage = Stage(browser, bench, "demo", "en")
    drawn, kept = stage.show(layer)
    assert kept.evaluate(SHAPE) == drawn.evaluate(SHAPE)
    expect(drawn).to_contain_text("Your choice also counts on these sites: The <b>Aoba</b> blog.")
    stage.context.close()
    bench.service.close()


def _follows_a_yes(context: BrowserContext, seen: Visit) -> None:
    """An undecided page takes over what is chosen at the service."""
    assert when_ready(seen.page) == ["undecided", True]
    choose_at_the_service(context, "Accept all")
    come_back(seen)
    seen.wait_until("consent.purposes.analytics")
    expect(seen.banner).to_have_count(0)


def test_an_open_page_follows_what_was_chosen_at_the_service(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = enter(named_context, service).go(address_of("blog"))
    _follows_a_yes(named_context, there)
    expect(there.page.locator(STATUS)).to_have_text("Your choice also counts on these sites: Aoba Store.")
    assert there.token("analytics") is not None

    choose_at_the_service(named_context, "Withdraw everything")
    come_back(there)
    there.wait_until("consent.state === 'refused'")
    assert there.token() is None
    assert there.sent == there.faults == []


@pytest.mark.parametrize("day", ["20200101", "yesterday"])
def test_an_older_refusal_here_does_not_hide_a_newer_one(
    named_context: BrowserContext, service: LiveService, day: str
) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y%m%d")
    refused = f"refused.1.{yesterday if day == 'yesterday' else day}"
    named_context.add_cookies([{"name": "cg_choice", "value": refused, "url": address_of("blog")}])
    there = enter(named_context, service).go(address_of("blog"))
    wait_here(named_context, there, "accept")
    choose_at_the_service(named_context, "Reject all")
    try_again(named_context, there)
    assert there.consent()["state"] == "refused"
    assert sent_to(service) == 0
    assert there.faults == []


def test_a_page_whose_refusal_has_expired_follows(named_context: BrowserContext, service: LiveService) -> None:
    named_context.add_cookies([{"name": "cg_choice", "value": "refused.1.20200101", "url": address_of("blog")}])
    there = enter(named_context, service).go(address_of("blog"))
    _follows_a_yes(named_context, there)
    assert there.sent == there.faults == []


def test_a_tab_that_is_seen_often_asks_seldom(named_context: BrowserContext, service: LiveService) -> None:
    there = enter(named_context, service)
    there.page.clock.install()
    there.go(address_of("blog")).decide("accept")
    there.wait_until("consent.purposes.analytics")
    came: list[str] = []

    def refuse(route: Route) -> None:
        came.append(route.request.url)
        route.fulfill(**instead(429, "{}", **{"Retry-After": "60"}))

    named_context.route(BLOG_CONSENT, refuse)
    with there.page.expect_request_finished(lambda request: request.url.endswith("/blog/consent")):
        there.page.evaluate("() => { for (let i = 0; i < 50; i++) dispatchEvent(new Event('visibilitychange')) }")
    assert len(came) == 1
    there.page.clock.run_for(50_000)
    come_back(there)
    assert len(came) == 1
    with there.page.expect_request_finished(lambda request: request.url.endswith("/blog/consent")):
        there.page.clock.run_for(15_000)  # less than the page's patience with an answer
    assert len(came) == 2
    assert there.faults == []
