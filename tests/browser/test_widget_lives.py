"""Pages that come back from the back/forward cache, and pages that live in shadow trees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browsers import ARGUMENTS, CHROMIUM
from support.live import LiveService
from support.visits import BANNER, DIALOG, shop, visit

HELD = '<script type="text/plain" data-consent="analytics">window.ran = (window.ran || 0) + 1</script>'
KEPT = "() => { window.kept = true; addEventListener('pageshow', (event) => (window.back = event.persisted)) }"


@pytest.fixture(scope="module")
def remembering(browser: Browser) -> Iterator[Browser]:
    """A browser as visitors have it: Playwright's own switches the back/forward cache off."""
    made = browser.browser_type.launch(
        executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield made
    made.close()


def test_page_from_the_back_forward_cache_follows_what_was_decided_meanwhile(
    remembering: Browser, service: LiveService
) -> None:
    context = remembering.new_context(locale="en-GB")
    page = context.new_page()
    seen = visit(page, service).open(shop())
    seen.decide("reject")
    refused = seen.kept()["cg_choice"]
    seen.decide("accept")
    assert seen.token("analytics")
    page.evaluate(KEPT)
    # As the preferences page does it without a script: a cookie, and no tab is told.
    page.goto(service.page("<!doctype html><title>Preferences</title>"))
    page.evaluate("(value) => { document.cookie = `cg_choice=${value}; path=/; max-age=999` }", refused)
    page.evaluate("() => history.back()")
    page.wait_for_function("() => window.back")
    assert page.evaluate("() => window.kept")
    seen.wait_until("consent.state === 'refused'")
    assert seen.token("analytics") is None

    # A page that was left undecided lets go of what was allowed on the next one, and asks no more.
    context.clear_cookies()
    seen.open(shop(HELD))
    expect(page.locator(BANNER)).to_be_visible()
    seen.open(shop("<p>Next</p>"))
    seen.decide("accept")
    page.evaluate("() => history.back()")
    page.wait_for_function("() => window.ran === 1")
    expect(page.locator(BANNER)).to_have_count(0)
    context.close()


def test_controls_in_shadow_trees_open_and_refuse_and_what_is_held_in_an_unmarked_one_stays_held(
    page: Page, service: LiveService
) -> None:
    app = """<div id="app"></div><script type="module" src="/lives/app.js"></script>"""
    service.file(
        "/lives/app.js",
        """
        const root = document.querySelector("#app").attachShadow({ mode: "open" });
        root.innerHTML = `<button data-cookiegate-open>Settings</button><button data-cookiegate-reject>Refuse</button>
          <iframe data-consent="advertising" data-src="/lives/frame.html" title="Tour"></iframe>`;
        window.shadow = root;
        """,
    )
    seen = visit(page, service).open(shop(app))
    page.wait_for_function("() => window.shadow")
    seen.decide("accept")
    press = "(name) => [...shadow.querySelectorAll('button')].find((one) => one.textContent === name).click()"
    page.evaluate(press, "Settings")
    expect(page.locator(DIALOG)).to_be_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("() => shadow.querySelector('iframe').hasAttribute('src')") is False
    page.evaluate(press, "Refuse")
    seen.wait_until("consent.state === 'refused'")
    assert seen.faults == []
