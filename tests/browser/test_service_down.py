"""The consent service is dead or slow: the page does not notice, and nothing is logged that was not allowed."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from support.live import LiveService
from support.record import Record
from support.trackers import TrackedVisit, track
from support.visits import BANNER, STATUS, answer_decisions, script_of

TRACKERS = ["snowplow", "plausible"]
SLOW_S = 6.0  # longer than Snowplow waits, so that its request has ended when the banner comes
PROMPT_MS = 2000


def load_took_ms(page: Page) -> float:
    """From the click that led here to the end of ``load``."""
    page.wait_for_function("() => performance.getEntriesByType('navigation')[0].loadEventEnd > 0", polling=20)
    took: float = page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd")
    return took


def check_page_works(page: Page) -> None:
    """The shop's own script runs."""
    page.locator("#buy").click()
    expect(page.locator("#buy")).to_have_text("Bought")


def fire_into_the_void(tracked: TrackedVisit) -> None:
    """Lets the tracker send an event that nobody may answer."""
    tracked.page.evaluate("() => window.fire('lost')")


def come_back(tracked: TrackedVisit) -> None:
    """The network is there again, and the page is told by the browser."""
    tracked.seen.service.cut(False)
    tracked.page.evaluate("() => dispatchEvent(new Event('online'))")


def decisions_taken(service: LiveService) -> int:
    """How many requests for a decision the service has answered, repeated ones too."""
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("cookiegate_decisions_total")))


def wait_for_its_page_view(tracked: TrackedVisit) -> None:
    """The held tracker was started and its first event is answered: until then Snowplow would send it again."""
    tracked.page.wait_for_function("() => window.answered >= 1", polling=50)


def is_started(page: Page) -> bool:
    """Whether the held tracker runs."""
    return bool(page.evaluate("() => typeof window.fire === 'function'"))


@pytest.fixture
def record(service: LiveService) -> Record:
    """What this test adds to the record."""
    return Record(service)


@pytest.mark.parametrize("tracker", TRACKERS)
@pytest.mark.parametrize("how", ["stopped", "unreachable"])
def test_dead_from_the_start(
    page: Page, service: LiveService, record: Record, npm_dir: Path, tracker: str, how: str
) -> None:
    if how == "stopped":
        service.stop()
    else:
        service.cut()
    tracked = track(page, service, npm_dir, tracker, "cookie", go=False)
    page.goto(tracked.address)
    assert load_took_ms(page) < PROMPT_MS
    check_page_works(page)
    expect(page.locator(BANNER)).to_have_count(0)
    fire_into_the_void(tracked)
    assert tracked.seen.faults == []
    if how == "stopped":
        service.start()
    service.cut(False)
    page.goto(tracked.address)
    expect(page.locator(BANNER)).to_be_visible()
    tracked.fire_after_trouble("page")
    assert tracked.logged() == []
    assert record.actions() == []


@pytest.mark.parametrize("tracker", TRACKERS)
def test_slow_from_the_start(page: Page, service: LiveService, npm_dir: Path, tracker: str) -> None:
    service.slow(SLOW_S)
    tracked = track(page, service, npm_dir, tracker, "cookie", go=False)
    page.goto(tracked.address, wait_until="domcontentloaded")
    timing = page.evaluate("() => performance.getEntriesByType('navigation')[0].toJSON()")
    assert timing["domContentLoadedEventEnd"] < PROMPT_MS
    check_page_works(page)
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length", polling=20)
    assert page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime") < PROMPT_MS
    fire_into_the_void(tracked)
    assert page.evaluate("() => typeof window.cookiegate") == "undefined"  # all that was before any answer
    expect(page.locator(BANNER)).to_be_visible(timeout=9000)
    service.slow(0)
    tracked.fire_after_trouble("page")
    assert tracked.logged() == []
    # Snowplow itself complains that nobody answered it.
    assert [fault for fault in tracked.seen.faults if "timed out" not in fault] == []


def test_load_is_not_delayed_where_the_page_adds_the_script_after_it(page: Page, service: LiveService) -> None:
    """Any ``<script async>`` delays ``load``, never the page; a page that hangs on ``load`` adds the tag after it."""
    service.slow(SLOW_S)
    late = """<script>addEventListener("load", () => {
      document.head.append(Object.assign(document.createElement("script"), { src: "/w/demo.en.js" }));
    })</script>"""
    address = service.page(f"<!doctype html><html lang=en><title>Shop</title>{late}<body><h1>Goods</h1></body></html>")
    page.goto(address)
    assert load_took_ms(page) < PROMPT_MS
    expect(page.locator(BANNER)).to_have_count(0)
    expect(page.locator(BANNER)).to_be_visible(timeout=9000)


def test_a_banner_can_be_closed_while_the_service_is_dead(page: Page, service: LiveService, npm_dir: Path) -> None:
    tracked = track(page, service, npm_dir, "plausible", "cookie", held=True)
    service.cut()
    expect(tracked.seen.banner).to_be_visible()
    tracked.seen.banner.get_by_role("button", name="Close").click()
    expect(tracked.seen.banner).to_have_count(0)
    check_page_works(page)
    assert tracked.seen.kept() == {}
    assert not is_started(page)
    assert tracked.seen.faults == []


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_page_is_prompt_and_silent_when_the_service_dies_after_an_accept(
    page: Page, service: LiveService, npm_dir: Path, tracker: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, "cookie", held=True)
    tracked.accept()
    wait_for_its_page_view(tracked)
    service.cut()
    page.goto(tracked.address)
    assert load_took_ms(page) < PROMPT_MS
    check_page_works(page)
    assert not is_started(page)  # without the script nothing releases it
    assert tracked.labels() == ["page"]
    service.cut(False)
    page.goto(tracked.address)
    tracked.until(lambda: tracked.labels() == ["page", "page"])


@pytest.mark.parametrize("tracker", TRACKERS)
def test_no_token_is_handed_out_after_its_end_until_the_service_is_back(
    page: Page, service: LiveService, npm_dir: Path, tracker: str
) -> None:
    page.clock.install()
    carrier = "context" if tracker == "snowplow" else "property"
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.seen.decide("accept")
    first = tracked.seen.token()
    service.cut()
    page.clock.run_for(11 * 60_000)
    assert tracked.seen.token("analytics") == first
    page.clock.run_for(5 * 60_000)
    assert tracked.seen.token("analytics") is None
    service.cut(False)
    page.clock.run_for(2 * 60_000)
    tracked.until(lambda: tracked.seen.token("analytics") is not None)
    tracked.fire("page")
    assert tracked.labels() == ["page"]
    assert tracked.seen.faults == []


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_held_tracker_waits_for_a_slow_service_on_the_next_page(
    page: Page, service: LiveService, npm_dir: Path, tracker: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, "cookie", held=True)
    tracked.accept()
    wait_for_its_page_view(tracked)
    copy = service.file("/kept/en.js", script_of(service))  # as a browser that has the script in its cache
    held = service.host.pages[tracked.address.removeprefix(service.url)]
    held_copy = held[1].replace(b"/w/demo.en.js", copy.removeprefix(service.url).encode())
    address = service.page(held_copy.decode())
    service.slow(2)
    page.goto(address)
    assert load_took_ms(page) < PROMPT_MS
    check_page_works(page)
    assert not is_started(page)
    expect(page.locator(BANNER)).to_have_count(0)
    wait_for_its_page_view(tracked)
    assert tracked.labels() == ["page", "page"]


def test_a_reject_is_kept_at_once_and_recorded_once_the_service_is_back(
    page: Page, service: LiveService, record: Record, npm_dir: Path
) -> None:
    tracked = track(page, service, npm_dir, "snowplow", "cookie", held=True)
    service.stop()
    tracked.seen.answer("Reject all").click()
    expect(tracked.seen.banner).to_have_count(0)
    assert tracked.seen.consent()["state"] == "refused"
    assert tracked.seen.kept()["cg_choice"].startswith("refused.1.")
    expect(page.locator(STATUS)).to_contain_text("has not been saved yet")
    page.reload()
    assert load_took_ms(page) < PROMPT_MS
    service.start()
    page.goto(tracked.address)
    tracked.seen.wait_until("consent.state === 'refused' && !consent.pending")
    expect(tracked.seen.banner).to_have_count(0)
    assert record.actions() == ["reject"]
    assert len(tracked.seen.sent) >= 2
    assert len({key for key, _ in tracked.seen.sent}) == 1
    assert list(tracked.seen.kept()) == ["cg_choice"]
    assert not is_started(page)
    assert tracked.logged() == []


@pytest.mark.parametrize("tracker", TRACKERS)
def test_an_accept_grants_nothing_until_the_service_has_it_across_pages(
    page: Page, service: LiveService, record: Record, npm_dir: Path, tracker: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, "cookie", held=True)
    service.stop()
    tracked.seen.answer("Accept all").click()
    expect(page.locator(STATUS)).to_contain_text("has not been saved yet")
    assert tracked.seen.granted() == []
    assert tracked.seen.token() is None
    assert not is_started(page)
    page.reload()
    check_page_works(page)
    assert not is_started(page)
    service.start()
    page.goto(tracked.address)
    tracked.seen.wait_until("consent.purposes.analytics && !consent.pending")
    expect(tracked.seen.banner).to_have_count(0)
    wait_for_its_page_view(tracked)
    assert tracked.labels() == ["page"]
    assert record.actions() == ["accept"]
    assert len({key for key, _ in tracked.seen.sent}) == 1


def test_a_decision_is_repeated_until_the_service_is_back_without_a_new_page(
    page: Page, service: LiveService, record: Record, npm_dir: Path
) -> None:
    tracked = track(page, service, npm_dir, "plausible", "cookie", held=True)
    service.cut()
    tracked.seen.answer("Accept all").click()
    expect(page.locator(STATUS)).to_contain_text("has not been saved yet")
    come_back(tracked)
    wait_for_its_page_view(tracked)
    assert tracked.labels() == ["page"]
    assert record.actions() == ["accept"]
    assert len({key for key, _ in tracked.seen.sent}) == 1


@pytest.mark.parametrize("answer", ["Accept all", "Reject all"])
def test_a_decision_whose_answer_was_lost_is_recorded_once(
    page: Page, context: BrowserContext, service: LiveService, record: Record, npm_dir: Path, answer: str
) -> None:
    lost: list[int] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)
            route.abort()

    answer_decisions(context, lose_the_first)
    tracked = track(page, service, npm_dir, "snowplow", "cookie", held=True)
    tracked.seen.answer(answer).click()
    expect(page.locator(STATUS)).to_contain_text("has not been saved yet")
    assert lost == [201]
    assert tracked.logged() == []
    come_back(tracked)
    tracked.seen.wait_until("!consent.pending")
    assert record.actions() == [answer.partition(" ")[0].lower()]
    is_yes = answer == "Accept all"
    tracked.until(lambda: tracked.labels() == (["page"] if is_yes else []))
    assert set(tracked.seen.kept()) >= ({"cg_choice", "cg_handle.demo", "cg_token"} if is_yes else {"cg_choice"})


def test_leaving_the_page_during_a_slow_decision_makes_one_decision(
    page: Page, service: LiveService, record: Record, npm_dir: Path
) -> None:
    tracked = track(page, service, npm_dir, "snowplow", "cookie", held=True)
    before = decisions_taken(service)
    service.slow(1.5)
    with page.expect_request("**/decisions"):
        tracked.seen.answer("Accept all").click()
    assert tracked.seen.granted() == []
    assert not is_started(page)
    service.slow(0)
    page.reload()
    tracked.seen.wait_until("consent.purposes.analytics && !consent.pending")
    tracked.until(lambda: decisions_taken(service) == before + 2)  # the first one outlived its page
    wait_for_its_page_view(tracked)
    assert tracked.labels() == ["page"]
    assert record.actions() == ["accept"]
    assert tracked.seen.consent()["purposes"]["analytics"] is True


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_slow_decision_blocks_nothing_and_grants_nothing_early(
    page: Page, service: LiveService, npm_dir: Path, tracker: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, "cookie", held=True)
    service.slow(2)
    tracked.seen.answer("Accept all").click()
    expect(tracked.seen.banner).to_have_count(0, timeout=1000)
    check_page_works(page)
    assert tracked.seen.consent()["pending"] is True
    assert not is_started(page)
    assert tracked.logged() == []
    tracked.seen.wait_until("consent.purposes.analytics && !consent.pending")
    service.slow(0)
    tracked.until(lambda: tracked.labels() == ["page"])


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_withdrawal_while_the_service_is_dead_stops_the_held_tracker_on_the_next_page(
    page: Page, service: LiveService, record: Record, npm_dir: Path, tracker: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, "cookie", held=True)
    tracked.accept()
    wait_for_its_page_view(tracked)
    old = tracked.seen.token()
    service.cut()
    tracked.seen.decide("withdraw")
    assert tracked.seen.consent()["state"] == "refused"
    service.cut(False)
    with page.expect_response("**/decisions"):
        page.goto(tracked.address)
    tracked.seen.wait_until("consent.state === 'refused' && !consent.pending")
    assert not is_started(page)
    assert old is not None
    assert record.actions() == ["accept", "withdraw"]
    assert tracked.labels() == ["page"]
    assert set(tracked.seen.kept()) & {"cg_handle.demo", "cg_token"} == set()
