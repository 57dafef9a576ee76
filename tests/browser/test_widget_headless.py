"""The core without an interface, under a page's own: it accepts, refuses, chooses and withdraws."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from support.live import LiveService
from support.visits import STRICT_CSP, Visit, shop, visit

#: A page's own interface: three buttons and a line that says what holds.
OWN = """<dialog id="ask"><button id="yes">Yes</button><button id="no">No</button>
<button id="some">Only figures</button></dialog><button id="end">Stop it</button><output id="now"></output>"""
CODE = """
const ask = document.querySelector("#ask");
const draw = (consent) => {
  ask.open = consent.ask;
  document.querySelector("#now").value =
    `${consent.state}: ${Object.keys(consent.purposes).filter((key) => consent.purposes[key]).join()}`;
};
const press = (id, choice) => document.querySelector(id).addEventListener("click", () => cookiegate.decide(choice));
press("#yes", "accept");
press("#no", "reject");
press("#some", { purposes: { analytics: true }, acquire: { browsing: true } });
press("#end", "withdraw");
cookiegate.on("change", draw);
cookiegate.ready.then(draw);
"""


@pytest.fixture
def own(page: Page, service: LiveService) -> Visit:
    """A page with its own interface, under the strictest policy."""
    code = service.file("/own/interface.js", CODE)
    tag = '<script src="/w/demo.headless.en.js"></script>'
    seen = visit(page, service)
    seen.open(shop(OWN + f'<script src="{code}"></script>', script=tag), Content_Security_Policy=STRICT_CSP)
    return seen


def test_it_shows_nothing_and_asks_for_nothing_by_itself(own: Visit) -> None:
    expect(own.page.locator("#ask")).to_have_attribute("open", "")
    expect(own.page.locator(".cg-root")).to_have_count(0)
    assert own.page.evaluate("() => document.adoptedStyleSheets.length") == 0
    assert own.kept() == {}
    assert own.page.evaluate("() => Object.keys(window.cookiegate).includes('open')") is False


def test_an_own_interface_accepts_and_withdraws(own: Visit) -> None:
    page = own.page
    page.locator("#yes").click()
    expect(page.locator("#now")).to_have_text("granted: security,quality,analytics,development,advertising")
    expect(page.locator("#ask")).not_to_have_attribute("open", "")
    assert own.token("analytics")
    page.reload()
    expect(page.locator("#now")).to_contain_text("granted: security,quality")
    page.locator("#end").click()
    expect(page.locator("#now")).to_have_text("refused: security")
    assert own.token() is None
    own.wait_until("!consent.pending")
    assert [body["action"] for _, body in own.sent] == ["accept", "withdraw"]
    assert [body.get("ui") for _, body in own.sent] == [None, None]  # what was shown is the page's own
    assert re.match(r"refused\.", own.kept()["cg_choice"])
    assert own.faults == []


def test_an_own_interface_refuses_and_chooses(own: Visit) -> None:
    page = own.page
    page.locator("#no").click()
    expect(page.locator("#now")).to_have_text("refused: security")
    assert own.token() is None
    own.wait_until("!consent.pending")
    own.decide({"purposes": {"analytics": True}, "acquire": {"browsing": True}})
    expect(page.locator("#now")).to_have_text("granted: security,analytics")
    assert own.token("analytics")
    assert own.token("advertising") is None


def test_another_tab_and_a_dead_service_change_nothing_of_that(own: Visit, service: LiveService) -> None:
    other = own.page.context.new_page()
    visit(other, service).go(own.page.url)
    own.page.locator("#yes").click()
    expect(other.locator("#now")).to_contain_text("granted")
    service.cut()
    own.page.locator("#end").click()
    expect(own.page.locator("#now")).to_have_text("refused: security")
    expect(other.locator("#now")).to_have_text("refused: security")
    assert own.consent()["pending"] is True
