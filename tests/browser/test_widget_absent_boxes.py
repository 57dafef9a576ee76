"""Held boxes that pages nest, take out, copy and bring back: none is ever shown without its own purpose."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from support.live import LiveService
from support.visits import shop, visit

FRAME = (
    '<iframe id="map" data-consent="advertising" data-src="/embed.html" title="Map" width="480" height="270"></iframe>'
)
#: The same wrapper in the document and in a marked tree; ``root`` finds it.
PLACES = {
    "document": (f'<main><p id="wrap">{FRAME}</p></main>', "document"),
    "tree": (
        f'<app-x data-consent><template shadowrootmode="open"><p id="wrap">{FRAME}</p></template></app-x>',
        "document.querySelector('app-x').shadowRoot",
    ),
}
NESTING = {
    "box": f'<div data-consent="analytics">{FRAME}</div>',
    "host": f'<app-x data-consent="analytics"><template shadowrootmode="open"><slot></slot></template>{FRAME}</app-x>',
    "bare host": f'<app-x data-consent><template shadowrootmode="open"><slot></slot></template>{FRAME}</app-x>',
}
SRC = "() => wrap.querySelector('#map').getAttribute('src')"


@pytest.fixture(autouse=True)
def embedded(service: LiveService) -> None:
    """What the frame would show."""
    service.page("<p>the map</p>", path="/embed.html")


@pytest.mark.parametrize("nesting", NESTING)
def test_a_box_in_a_box_waits_for_its_own_purpose(page: Page, service: LiveService, nesting: str) -> None:
    seen = visit(page, service).open(shop(NESTING[nesting]))
    frame = page.locator("#map")
    allow = frame.content_frame.get_by_role("button", name="Always allow")
    expect(allow).to_be_visible()
    seen.decide({"purposes": {"analytics": True}})
    expect(allow).to_be_visible()
    assert frame.get_attribute("src") is None
    seen.decide("accept")
    expect(frame.content_frame.get_by_text("the map")).to_be_visible()
    # What held the outer one is over; the inner one's own purpose still holds.
    seen.decide({"purposes": {"advertising": True}})
    expect(frame.content_frame.get_by_text("the map")).to_be_visible()
    seen.decide("withdraw")
    expect(allow).to_be_visible()
    assert frame.get_attribute("src") is None
    assert seen.faults == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("is_copy", [False, True], ids=["itself", "a copy"])
def test_what_was_out_of_the_page_at_the_withdrawal_does_not_come_back(
    page: Page, service: LiveService, place: str, is_copy: bool
) -> None:
    body, root = PLACES[place]
    seen = visit(page, service).open(shop(body))
    seen.decide("accept")
    expect(page.locator("#map").content_frame.get_by_text("the map")).to_be_visible()
    taken = "const at = wrap; window.wrap = at.cloneNode(true); at.remove()" if is_copy else "wrap.remove()"
    page.evaluate(f"() => {{ window.wrap = {root}.querySelector('#wrap'); window.home = wrap.parentNode; {taken}; }}")
    seen.decide("withdraw")
    if not is_copy:  # emptied where it is, so that nothing is asked for when it is back
        assert page.evaluate(SRC) is None
    page.evaluate("() => home.append(wrap)")
    expect(page.locator("#map").content_frame.get_by_role("button", name="Always allow")).to_be_visible()
    assert page.evaluate(SRC) is None
    # And it is there again where it is allowed again.
    seen.decide("accept")
    expect(page.locator("#map").content_frame.get_by_text("the map")).to_be_visible()
    assert seen.faults == []


def test_what_was_moved_where_nobody_looks_is_emptied(page: Page, service: LiveService) -> None:
    unmarked = '<app-y><template shadowrootmode="open"><div></div></template></app-y>'
    seen = visit(page, service).open(shop(PLACES["tree"][0] + unmarked))
    seen.decide("accept")
    expect(page.locator("#map").content_frame.get_by_text("the map")).to_be_visible()
    page.evaluate(f"""() => {{
      window.wrap = {PLACES["tree"][1]}.querySelector("#wrap");
      document.querySelector("app-y").shadowRoot.firstElementChild.append(wrap);
    }}""")
    seen.decide("withdraw")
    assert page.evaluate(SRC) is None
    assert seen.faults == []


def test_a_page_that_replaces_what_makes_arrays_still_has_covers(page: Page, service: LiveService) -> None:
    # As Prototype.js does: its ``Array.from`` takes no function.
    page.add_init_script("Array.from = (list) => [].slice.call(list)")
    seen = visit(page, service).open(shop(FRAME))
    page.locator("#map").content_frame.get_by_role("button", name="Always allow").click()
    expect(page.locator("#map").content_frame.get_by_text("the map")).to_be_visible()
    assert seen.faults == []


def test_one_box_that_cannot_be_measured_leaves_the_others_their_covers(page: Page, service: LiveService) -> None:
    form = '<form data-consent="advertising"><input name="getBoundingClientRect"><img data-src="/a.svg" alt=""></form>'
    video = '<video data-consent="advertising" data-src="/film.webm" width="480" height="270"></video>'
    visit(page, service).open(shop(form + video))
    expect(page.locator(".cg-cover").last.get_by_role("button", name="Always allow")).to_be_visible()
