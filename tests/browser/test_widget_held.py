"""What the page holds back runs when it is allowed, in order, and not before."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect
from support.live import LiveService
from support.visits import CORNER, NONCE_CSP, NONCE_TAG, Visit, shop, visit

NOTE = "window.ran = (window.ran || []).concat"


def ran(seen: Visit) -> list[str]:
    """What has run, in order."""
    found: list[str] = seen.page.evaluate("() => window.ran || []")
    return found


def wait_for_runs(seen: Visit, count: int) -> list[str]:
    """Waits until so many scripts have run."""
    seen.page.wait_for_function("(count) => (window.ran || []).length >= count", arg=count)
    return ran(seen)


@pytest.fixture(autouse=True)
def files(service: LiveService) -> None:
    """Scripts that say that they ran."""
    for name in ("one", "two", "three", "four"):
        service.file(f"/{name}.js", f'{NOTE}("{name}")')


HELD = f"""
<script type="text/plain" data-consent="analytics" src="/one.js"></script>
<script type="text/plain" data-consent="analytics">{NOTE}("inline after one")</script>
<script type="text/plain" data-consent="analytics" defer src="/two.js"></script>
<script type="text/plain" data-consent="analytics" data-type="module">{NOTE}("module " + typeof import.meta)</script>
<script type="text/plain" data-consent="analytics advertising" src="/three.js"></script>
<script type="text/plain" data-consent="analytics" src="/four.js"></script>
<script type="text/plain" data-consent="analitycs">{NOTE}("misspelt")</script>
<script type="text/plain" data-consent="security">{NOTE}("always on")</script>
"""


def test_nothing_runs_before_a_choice_but_what_is_always_on(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(HELD))
    expect(seen.banner).to_be_visible()
    assert wait_for_runs(seen, 1) == ["always on"]


def test_nothing_runs_after_a_refusal(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(HELD))
    seen.decide("reject")
    assert ran(seen) == ["always on"]


def test_scripts_run_in_the_order_of_the_document(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(HELD))
    seen.decide("accept")
    assert wait_for_runs(seen, 7) == [
        "always on", "one", "inline after one", "three", "four", "two", "module object",
    ]  # fmt: skip
    assert seen.faults == []


def test_a_held_script_keeps_what_the_page_waits_for(page: Page, service: LiveService) -> None:
    body = """<script>window.loads = []</script>
      <script id="one" type="text/plain" data-consent="analytics" src="/one.js"></script>
      <script>document.querySelector("#one").onload = () => loads.push("one")</script>
      <script type="text/plain" data-consent="analytics" src="/two.js" onload="loads.push('two')"></script>"""
    seen = visit(page, service).open(shop(body))
    seen.decide("accept")
    page.wait_for_function("() => loads.join() === 'one,two'")


def test_a_script_that_needs_two_purposes_waits_for_both(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(HELD))
    seen.decide({"purposes": {"analytics": True}})
    assert "three" not in wait_for_runs(seen, 6)
    seen.decide({"purposes": {"analytics": True, "advertising": True}})
    assert wait_for_runs(seen, 7)[-1] == "three"


def test_a_file_that_cannot_be_loaded_does_not_stop_the_others(page: Page, service: LiveService) -> None:
    service.file("/gone.js", "", content_type="text/html")
    held = HELD.replace("/one.js", "/gone.js")
    seen = visit(page, service).open(shop(held), X_Content_Type_Options="nosniff")
    seen.decide("accept")
    assert "four" in wait_for_runs(seen, 6)


def test_an_async_script_waits_for_nobody(page: Page, service: LiveService) -> None:
    body = f"""<script type="text/plain" data-consent="analytics" src="/slow.js"></script>
      <script type="text/plain" data-consent="analytics" async src="/two.js"></script>
      <script type="text/plain" data-consent="analytics">{NOTE}("inline")</script>"""
    held: list[Route] = []
    page.route("**/slow.js", lambda route: held.append(route) if not held else route.abort())
    seen = visit(page, service).open(shop(body))
    seen.decide("accept")
    assert wait_for_runs(seen, 1) == ["two"]


def test_scripts_that_come_later_are_held_and_released_too(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    add = """(text) => { const script = document.createElement("script");
      script.type = "text/plain"; script.dataset.consent = "analytics"; script.textContent = text;
      const box = document.createElement("div"); box.append(script); document.body.append(box); }"""
    page.evaluate(add, f'{NOTE}("before")')
    assert ran(seen) == []
    seen.decide("accept")
    wait_for_runs(seen, 1)
    page.evaluate(add, f'{NOTE}("after")')
    assert wait_for_runs(seen, 2) == ["before", "after"]


def test_each_script_runs_once(page: Page, service: LiveService) -> None:
    stopping = HELD.replace("data-consent", "data-stops data-consent")  # else the page is loaded anew
    seen = visit(page, service).open(shop(stopping))
    seen.decide("accept")
    wait_for_runs(seen, 7)
    seen.decide("withdraw")
    seen.decide("accept")
    assert len(ran(seen)) == 7


def test_held_scripts_run_on_the_next_page_as_soon_as_the_token_is_there(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    seen.open(shop(HELD))
    assert len(wait_for_runs(seen, 7)) == 7


def test_a_dead_service_keeps_scripts_held_and_the_page_whole(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    service.file("/kept.js", page.request.get(f"{service.url}/w/demo.en.js").body())
    service.cut()
    seen.open(shop(HELD, script='<script async src="/kept.js"></script>'))
    page.evaluate("() => window.cookiegate.ready")
    assert ran(seen) == ["always on"]
    assert seen.token() is None
    assert seen.granted() == []
    expect(seen.banner).to_have_count(0)
    expect(page.locator(CORNER)).to_be_visible()
    service.cut(False)
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert len(wait_for_runs(seen, 7)) == 7
    assert seen.faults == []


def test_a_slow_service_does_not_delay_the_page(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    service.file("/kept.js", page.request.get(f"{service.url}/w/demo.en.js").body())
    service.slow(20)
    seen.open(shop(HELD, script='<script src="/kept.js"></script>'))
    assert page.evaluate("() => document.readyState") == "complete"
    assert ran(seen) == ["always on"]


def test_a_nonce_is_passed_on_and_trusted_types_are_kept(page: Page, service: LiveService) -> None:
    for name, colour in (("good", "rgb(1, 2, 3)"), ("bad", "rgb(4, 5, 6)")):
        service.file(f"/{name}.css", f"main {{ color: {colour} }}", "text/css")
    body = f'<script nonce="r4nd0m" type="text/plain" data-consent="analytics">{NOTE}("with nonce")</script>'
    body += f'<script type="text/plain" data-consent="analytics">{NOTE}("without")</script>'
    body += '<embed data-consent="analytics" data-src="/embed.html">'  # whose address only the page may set
    body += '<link nonce="r4nd0m" rel="stylesheet" data-consent="analytics" data-href="/good.css">'
    body += '<link rel="stylesheet" data-consent="analytics" data-href="/bad.css">'
    body += '<script nonce="r4nd0m" type="text/plain" data-consent="analytics" src="/one.js"></script>'
    policy = f"{NONCE_CSP}; style-src 'nonce-r4nd0m'"
    seen = visit(page, service).open(shop(body, script=NONCE_TAG), Content_Security_Policy=policy)
    page.evaluate("() => void window.cookiegate.decide('accept')")
    assert wait_for_runs(seen, 2) == ["with nonce", "one"]
    page.wait_for_function("() => getComputedStyle(document.querySelector('main')).color === 'rgb(1, 2, 3)'")
    assert page.locator("embed").get_attribute("src") is None


ALWAYS = "Always allow"
FRAME = '<iframe data-consent="advertising" data-src="/embed.html" title="Map" width="480" height="270"></iframe>'


def test_a_held_frame_says_what_it_waits_for_in_its_own_box(page: Page, service: LiveService) -> None:
    service.page("<p>the map</p>", path="/embed.html")
    seen = visit(page, service).open(shop(FRAME))
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("button", name=ALWAYS)).to_be_visible()
    expect(inside.locator(".cg-cover")).to_contain_text("for this purpose: Advertising.")
    expect(inside.locator(".cg-cover")).to_contain_text("127.0.0.1")
    box = page.locator("iframe").bounding_box()
    inside.get_by_role("button", name=ALWAYS).click()
    expect(inside.get_by_text("the map")).to_be_visible()
    assert page.locator("iframe").bounding_box() == box
    assert seen.granted() == ["advertising"]
    assert not any(holds for key, holds in seen.consent()["acquire"].items() if key != "ip")


def test_allowing_a_frame_keeps_what_was_allowed_before(page: Page, service: LiveService) -> None:
    service.page("<p>the map</p>", path="/embed.html")
    seen = visit(page, service).open(shop(FRAME))
    seen.decide({"purposes": {"quality": True}, "acquire": {"screen": True}})
    page.frame_locator("iframe").get_by_role("button", name=ALWAYS).click()
    seen.wait_until("consent.purposes.advertising")
    assert seen.granted() == ["quality", "advertising"]
    assert [key for key, holds in seen.consent()["acquire"].items() if holds] == ["screen"]


def test_a_withdrawal_empties_the_frame_again(page: Page, service: LiveService) -> None:
    service.page("<p>the map</p>", path="/embed.html")
    seen = visit(page, service).open(shop(FRAME))
    seen.decide("accept")
    inside = page.frame_locator("iframe")
    expect(inside.get_by_text("the map")).to_be_visible()
    seen.decide("withdraw")
    expect(inside.get_by_role("button", name=ALWAYS)).to_be_visible()
    expect(inside.get_by_text("the map")).to_have_count(0)


def test_a_withdrawal_empties_the_frame_before_the_service_answers(page: Page, service: LiveService) -> None:
    service.page("<p>the map</p>", path="/embed.html")
    seen = visit(page, service).open(shop(FRAME))
    seen.decide("accept")
    expect(page.frame_locator("iframe").get_by_text("the map")).to_be_visible()
    service.cut()
    page.evaluate("() => void window.cookiegate.decide({ purposes: { quality: true } })")
    expect(page.frame_locator("iframe").get_by_role("button", name=ALWAYS)).to_be_visible()
    assert seen.consent()["pending"] is True


def test_a_frame_never_gets_a_script_address(page: Page, service: LiveService) -> None:
    body = '<iframe data-consent="analytics" data-src="javascript:parent.hit=1"></iframe>'
    seen = visit(page, service).open(shop(body))
    seen.decide("accept")
    assert page.locator("iframe").get_attribute("src") is None
    assert page.evaluate("() => window.hit") is None
