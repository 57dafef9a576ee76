"""A refusal costs nothing and leaves nothing: not in the browser, not in the record, not in the log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support.browsers import ARGUMENTS, CHROMIUM
from support.live import LiveService
from support.record import Record
from support.trackers import TrackedVisit, track
from support.visits import BANNER, STATUS, Visit, shop, visit

STORED = """
  async () => ({
    local: { ...localStorage },
    session: { ...sessionStorage },
    databases: (await indexedDB.databases()).map((database) => database.name),
    caches: "caches" in window ? await caches.keys() : [],
    workers: (await navigator.serviceWorker?.getRegistrations() ?? []).length,
  })
"""
NOTHING = {"local": {}, "session": {}, "databases": [], "caches": [], "workers": 0}


@pytest.fixture
def record(service: LiveService) -> Record:
    """What this test adds to the record."""
    return Record(service)


def cookies_of(context: BrowserContext) -> dict[str, str]:
    """Every cookie of the browser, of whatever site."""
    return {cookie["name"]: cookie["value"] for cookie in context.cookies()}


def check_refused(context: BrowserContext) -> None:
    """One cookie: refused, version, date. The date is the server's or the page's own today, in UTC."""
    cookies = cookies_of(context)
    assert list(cookies) == ["cg_choice"]
    assert re.fullmatch(r"refused\.1\.\d{8}", cookies["cg_choice"])
    day = datetime.strptime(cookies["cg_choice"][-8:], "%Y%m%d").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - day).days) <= 1


def reject_in(seen: Visit) -> None:
    """Clicks the banner's no and waits for the acknowledgement."""
    seen.answer("Reject all").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")


def test_a_refusal_leaves_one_cookie_that_identifies_nobody(
    page: Page, context: BrowserContext, service: LiveService, npm_dir: Path
) -> None:
    tracked = track(page, service, npm_dir, "snowplow", "cookie", held=True)
    reject_in(tracked.seen)
    page.reload()
    page.wait_for_function("() => window.cookiegate && window.cookiegate.ready")
    check_refused(context)
    assert page.evaluate(STORED) == NOTHING
    assert tracked.logged() == []


def test_the_record_of_a_refusal_names_nobody(page: Page, service: LiveService, record: Record) -> None:
    reject_in(visit(page, service).open(shop()))
    [decision] = record.rows("decisions")
    kept = json.loads(decision["record"])
    assert decision["sub"] is None
    assert decision["status_index"] is None
    assert kept["sub"] is None
    assert kept["action"] == "reject"
    assert not any(kept["purposes"][key] for key in kept["purposes"] if key != "security")
    assert set(kept["device"]) == {"browser", "browser_major", "os", "kind"}
    assert record.rows("consents") == []
    assert record.rows("revocations") == []


def test_two_refusals_cannot_be_told_apart(browser: Browser, service: LiveService, record: Record) -> None:
    kept = []
    for _ in range(2):
        context = browser.new_context(locale="en-GB")
        reject_in(visit(context.new_page(), service).open(shop()))
        kept.append(cookies_of(context))
        context.close()
    assert kept[0] == kept[1]
    first, second = [json.loads(row["record"]) for row in record.rows("decisions")]
    assert {name for name in first if first[name] != second[name]} <= {"id", "decided_at"}


def test_choosing_nothing_is_a_refusal(
    page: Page, context: BrowserContext, service: LiveService, record: Record
) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").click()
    seen.dialog.get_by_role("button", name="Save my choice").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    check_refused(context)
    assert [row["sub"] for row in record.rows("decisions")] == [None]
    assert record.rows("consents") == []


def test_a_withdrawal_takes_handle_and_token_out_of_the_browser(
    page: Page, context: BrowserContext, service: LiveService, record: Record
) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    assert set(cookies_of(context)) == {"cg_choice", "cg_handle.demo", "cg_token"}
    http_only = {cookie["name"]: (cookie["httpOnly"], cookie["sameSite"]) for cookie in context.cookies()}
    assert http_only == {"cg_choice": (False, "Lax"), "cg_handle.demo": (True, "Lax"), "cg_token": (True, "Lax")}
    assert page.evaluate(STORED) == NOTHING
    seen.decide("withdraw")
    check_refused(context)
    assert page.evaluate(STORED) == NOTHING
    [consent] = record.rows("consents")
    assert (consent["purposes"], consent["acquire"], consent["epoch"]) == ("", "", 2)
    page.reload()
    seen.wait_until("consent.state === 'refused'")
    expect(page.locator(BANNER)).to_have_count(0)
    check_refused(context)


def test_a_yes_after_a_withdrawal_makes_a_new_person(page: Page, service: LiveService, record: Record) -> None:
    """Nothing in the browser ties the new consent to the withdrawn one, so neither does the record."""
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    handle = seen.kept()["cg_handle.demo"]
    seen.decide("withdraw")
    seen.decide("accept")
    assert seen.kept()["cg_handle.demo"] != handle
    subs = [row["sub"] for row in record.rows("decisions")]
    assert subs[0] == subs[1]
    assert subs[2] not in (None, subs[0])


@pytest.fixture
def cookieless(browser: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """Chromium with “Don't allow sites to save data on your device”."""
    preferences = tmp_path / "profile" / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    blocked: dict[str, Any] = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    preferences.write_text(json.dumps(blocked), encoding="utf-8")
    context = browser.browser_type.launch_persistent_context(
        tmp_path / "profile", executable_path=CHROMIUM, args=ARGUMENTS, locale="en-GB"
    )
    yield context
    context.close()


def start_without_cookies(context: BrowserContext, service: LiveService, npm_dir: Path, *, held: bool) -> TrackedVisit:
    """A page with a tracker in the browser that refuses cookies, which it is seen to do."""
    tracked = track(context.pages[0], service, npm_dir, "plausible", "cookie", held=held)
    page = tracked.page
    # Chromium's `navigator.cookieEnabled` stays true: only trying tells.
    assert page.evaluate("() => { document.cookie = 'tried=1'; return document.cookie }") == ""
    blocked = "() => { try { localStorage; return false } catch (error) { return error.name === 'SecurityError' } }"
    assert page.evaluate(blocked) is True
    return tracked


def test_s09_where_the_browser_refuses_cookies_the_banner_can_be_closed(
    cookieless: BrowserContext, service: LiveService, record: Record, npm_dir: Path
) -> None:
    tracked = start_without_cookies(cookieless, service, npm_dir, held=True)
    seen = tracked.seen
    seen.banner.get_by_role("button", name="Close").click()
    expect(seen.banner).to_have_count(0)
    seen.page.locator("#buy").click()
    expect(seen.page.locator("#buy")).to_have_text("Bought")
    assert cookies_of(cookieless) == {}
    assert record.rows("decisions") == []
    assert tracked.logged() == []
    assert seen.faults == []


@pytest.mark.parametrize("answer", ["Accept all", "Reject all"])
def test_s09_where_the_browser_refuses_cookies_nothing_is_stored_or_logged_and_the_page_works(
    cookieless: BrowserContext, service: LiveService, record: Record, npm_dir: Path, answer: str
) -> None:
    tracked = start_without_cookies(cookieless, service, npm_dir, held=True)
    seen = tracked.seen
    page = seen.page
    seen.answer(answer).click()
    expect(page.locator(STATUS)).to_contain_text("refuses cookies")
    if seen.banner.count():  # a yes that cannot be kept leaves the question open, for as long as the visitor likes
        seen.banner.get_by_role("button", name="Close").click()
    expect(seen.banner).to_have_count(0)
    assert seen.granted() == []
    assert seen.token() is None
    assert seen.sent == []
    assert page.evaluate("() => typeof window.fire") == "undefined"
    page.locator("#buy").click()
    expect(page.locator("#buy")).to_have_text("Bought")
    assert cookies_of(cookieless) == {}
    assert record.rows("decisions") == []
    assert tracked.logged() == []
    assert seen.faults == []


def test_s09_where_the_browser_refuses_cookies_a_tracker_that_runs_anyway_is_not_logged(
    cookieless: BrowserContext, service: LiveService, npm_dir: Path
) -> None:
    tracked = start_without_cookies(cookieless, service, npm_dir, held=False)
    seen = tracked.seen
    seen.answer("Accept all").click()
    expect(seen.page.locator(STATUS)).to_contain_text("refuses cookies")
    with seen.page.expect_response("**/collect/**") as answered:
        seen.page.evaluate("() => window.fire('bought')")
    assert answered.value.headers["x-consent-reason"] == "token_missing"
    assert tracked.logged() == []


def test_s09_where_the_browser_refuses_cookies_the_preferences_page_says_how_it_is(
    cookieless: BrowserContext, service: LiveService
) -> None:
    page = cookieless.pages[0]
    page.goto(f"{service.url}/preferences/demo?lang=en")
    page.get_by_role("button", name="Accept all").click()
    expect(page.get_by_role("heading", name="Your privacy choices")).to_be_visible()
    expect(page.locator(".state")).to_have_text("Not chosen yet")
    assert cookies_of(cookieless) == {}
