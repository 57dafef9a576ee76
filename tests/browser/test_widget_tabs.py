"""Two tabs of one visitor agree, and a page from the back/forward cache catches up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from support.live import LiveService
from support.visits import Visit, shop, visit


@pytest.fixture
def tabs(context: BrowserContext, service: LiveService) -> tuple[Visit, Visit]:
    """Two tabs on the same page."""
    address = service.page(shop())
    first, second = visit(context.new_page(), service), visit(context.new_page(), service)
    return first.go(address), second.go(address)


@pytest.fixture
def tabs_without_channel(browser: Browser, service: LiveService) -> Iterator[tuple[Visit, Visit]]:
    """The same in a browser without ``BroadcastChannel``."""
    context = browser.new_context(locale="en-GB")
    context.add_init_script("delete window.BroadcastChannel")
    address = service.page(shop())
    first, second = visit(context.new_page(), service), visit(context.new_page(), service)
    yield first.go(address), second.go(address)
    context.close()


def test_a_grant_in_one_tab_closes_the_banner_in_the_other_and_holds_there(tabs: tuple[Visit, Visit]) -> None:
    first, second = tabs
    expect(second.banner).to_be_visible()
    first.answer("Accept all").click()
    second.wait_until("consent.purposes.analytics && !consent.pending")
    expect(second.banner).to_have_count(0)
    assert second.token("analytics") is not None
    assert second.sent == []


def test_a_withdrawal_in_one_tab_ends_the_tokens_of_the_other(tabs: tuple[Visit, Visit], service: LiveService) -> None:
    first, second = tabs
    first.decide("accept")
    second.wait_until("consent.purposes.analytics && !consent.pending")
    service.cut()  # even before the service knows
    first.page.evaluate("() => void window.cookiegate.decide('withdraw')")
    second.wait_until("consent.state === 'refused'", timeout=1000)
    assert second.token() is None


def test_a_refusal_in_one_tab_closes_the_banner_in_the_other(tabs: tuple[Visit, Visit]) -> None:
    first, second = tabs
    first.answer("Reject all").click()
    second.wait_until("consent.state === 'refused' && !consent.pending")
    expect(second.banner).to_have_count(0)


def test_the_tab_that_stays_sends_what_the_closed_one_could_not(
    tabs: tuple[Visit, Visit], service: LiveService
) -> None:
    first, second = tabs
    service.cut()
    first.page.evaluate("() => void window.cookiegate.decide('reject')")
    second.wait_until("consent.pending")
    first.page.close()
    service.cut(False)
    second.page.evaluate("() => dispatchEvent(new Event('online'))")
    second.wait_until("!consent.pending")
    assert second.consent()["state"] == "refused"
    assert {key for key, _ in second.sent} <= {key for key, _ in first.sent} or not first.sent


def test_storage_events_stand_in_for_a_missing_channel(tabs_without_channel: tuple[Visit, Visit]) -> None:
    first, second = tabs_without_channel
    first.decide("accept")
    second.wait_until("consent.purposes.analytics")
    first.decide("withdraw")
    second.wait_until("consent.state === 'refused'")


def test_what_else_a_page_stores_is_not_listened_to(tabs_without_channel: tuple[Visit, Visit]) -> None:
    first, second = tabs_without_channel
    first.decide("accept")
    second.wait_until("consent.purposes.analytics")
    second.page.evaluate("() => addEventListener('storage', ({ key }) => { window.last = key })")
    day = first.kept()["cg_choice"].split(".")[2]
    store = """([key, day]) => { document.cookie = `cg_choice=refused.1.${day};path=/`;
      localStorage.setItem(key, day) }"""
    first.page.evaluate(store, ["cart", day])
    second.page.wait_for_function("() => window.last === 'cart'")
    assert second.consent()["state"] == "granted"
    first.page.evaluate(store, ["cg_pending.demo", day])
    second.wait_until("consent.state === 'refused'")


def test_a_choice_that_only_the_cookie_tells_is_seen_when_the_tab_is_seen_again(tabs: tuple[Visit, Visit]) -> None:
    first, _ = tabs
    first.decide("accept")
    day = first.kept()["cg_choice"].split(".")[2]
    first.page.evaluate("(day) => { document.cookie = `cg_choice=refused.1.${day};path=/` }", day)
    first.page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert first.consent()["state"] == "refused"
    assert first.token() is None


def test_a_choice_made_elsewhere_is_taken_over_when_the_epoch_is_stale(
    context: BrowserContext, service: LiveService
) -> None:
    seen = visit(context.new_page(), service).open(shop())
    seen.decide({"purposes": {"analytics": True}})
    # The same visitor on the preferences page: nothing tells the tab.
    context.request.post(
        f"{service.url}/v1/sites/demo/decisions",
        data={"notice": seen.sent[0][1]["notice"], "action": "choose", "purposes": {"quality": True}, "epoch": 1},
        headers={"Idempotency-Key": "0123456789abcdef", "Origin": service.url},
    )
    seen.page.evaluate("(value) => { document.cookie = value }", f"cg_choice={_stale(seen)};path=/")
    seen.decide("accept")
    seen.wait_until("!consent.pending")
    assert seen.granted() == ["quality"]
    assert seen.consent()["epoch"] == 2


def _stale(seen: Visit) -> str:
    return seen.kept()["cg_choice"].replace(".2.quality", ".1.analytics")
