"""Where the use of the data is restricted, a page collects nothing; lifted, it goes on without asking."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from support.live import LiveService
from support.visits import Visit, shop, visit

HELD = """
<script type="text/plain" data-consent="analytics">window.ran = (window.ran || 0) + 1</script>
"""


@pytest.fixture
def seen(page: Page, service: LiveService) -> Visit:
    """A visitor who accepted everything."""
    seen = visit(page, service).open(shop(HELD))
    seen.decide("accept")
    page.wait_for_function("() => window.ran === 1")
    return seen


def press(page: Page, service: LiveService, do: str) -> None:
    """Presses a button of the visitor's own record, as the page offers it."""
    page.goto(f"{service.url}/preferences/demo/record?lang=en")
    page.locator(f"button[value={do}]").click()
    page.wait_for_url("**/record?flash=*")


def test_s24_a_page_runs_and_sends_nothing_while_use_is_restricted(
    seen: Visit, page: Page, service: LiveService
) -> None:
    address = page.url
    press(page, service, "restrict")
    with page.expect_response("**/v1/sites/demo/token") as refused:
        page.goto(address)
    assert refused.value.status == 403
    assert page.evaluate("() => cookiegate.token()") is None
    assert page.evaluate("() => window.ran || 0") == 0
    expect(seen.banner).to_be_hidden()


def test_after_lifting_it_goes_on_without_asking(seen: Visit, page: Page, service: LiveService) -> None:
    address = page.url
    press(page, service, "restrict")
    press(page, service, "lift")
    page.goto(address)
    page.wait_for_function("() => window.ran === 1")
    assert page.evaluate("() => cookiegate.token()")
    expect(seen.banner).to_be_hidden()
