"""Pages that get in the way, on purpose or not: the script neither breaks nor throws into them."""

from __future__ import annotations

import hashlib
import re
import urllib.request

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from support.live import LiveService
from support.visits import script_of, shop, visit

CLOBBERS = [
    '<form name="cookie"></form><form name="body"></form>',
    '<img name="currentScript"><img name="createElement"><img name="querySelectorAll">',
    '<form id="f"><input name="matches"><input name="querySelector"><input name="insertBefore">'
    '<script type="text/plain" data-consent="analytics">window.ran = 1</script></form>',
    '<a id="cookiegate"></a><a id="cookiegate" name="ready"></a>',
    '<iframe name="fetch" srcdoc=""></iframe><img id="localStorage"><img id="navigator">',
    '<img name="adoptedStyleSheets"><img name="addEventListener"><img name="dispatchEvent"><img name="defaultView">',
    '<img name="readyState"><img name="visibilityState"><img name="baseURI"><img name="documentElement">',
]


@pytest.mark.parametrize("markup", CLOBBERS)
def test_named_elements_cannot_stand_in_for_the_browser(page: Page, service: LiveService, markup: str) -> None:
    tag = f'{markup}<script src="/w/demo.en.js"></script>'
    seen = visit(page, service).open(shop(tag, script=""))
    expect(seen.banner).to_be_visible()
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    page.keyboard.press("Escape")
    seen.answer("Accept all").click()
    seen.wait_until("consent.purposes.analytics && !consent.pending")
    assert seen.token() is not None
    assert seen.faults == []


def test_a_page_that_writes_to_object_prototype_grants_itself_nothing(page: Page, service: LiveService) -> None:
    pollution = """<script>
      Object.prototype.analytics = true; Object.prototype.always_on = true; Object.prototype.state = "granted";
      Array.prototype.extra = () => {};
    </script>"""
    seen = visit(page, service).open(shop(script=pollution + '<script async src="/w/demo.en.js"></script>'))
    expect(seen.banner).to_be_visible()
    assert page.evaluate("() => window.cookiegate.consent.purposes.nothing") is None
    assert page.evaluate("() => window.cookiegate.consent.purposes.analytics") is False
    assert seen.token("analytics") is None
    seen.decide("accept")
    assert seen.token("analytics") is not None


def test_the_interface_cannot_be_changed_by_the_page(page: Page, service: LiveService) -> None:
    visit(page, service).open(shop())
    page.evaluate("() => { try { window.cookiegate = null; window.cookiegate.token = null } catch {} }")
    assert page.evaluate("() => typeof window.cookiegate.token") == "function"
    assert page.evaluate("() => Object.isFrozen(window.cookiegate.consent.purposes)") is True


def test_a_second_script_tag_does_nothing(page: Page, service: LiveService) -> None:
    tag = '<script src="/w/demo.en.js"></script>'
    seen = visit(page, service).open(shop(script=tag + tag))
    expect(seen.banner).to_have_count(1)
    first = page.evaluate_handle("() => window.cookiegate")
    page.add_script_tag(url="/w/demo.ja.js")
    assert page.evaluate("(first) => first === window.cookiegate", first) is True
    assert seen.faults == []


def test_texts_and_links_of_a_policy_are_never_markup(page: Page, service: LiveService) -> None:
    attack = "<img src=x onerror=window.hit=1>"
    script = script_of(service).decode()
    digest = re.search(r'"second":"([0-9a-f]{64})"', script)
    assert digest is not None
    with urllib.request.urlopen(f"{service.url}/w/demo@{digest[1]}.js") as answer:
        second = answer.read().decode()
    for text in ("Accept all", "What do you allow?", "Analytics", "Kept for", "Privacy settings"):
        script, second = (body.replace(f'"{text}"', f'"{attack}"') for body in (script, second))
    script = script.replace("https://www.example.jp/en/privacy", "javascript:window.hit=1")
    script = script.replace('"#1f6f54"', '"red;} * { background: url(/hit) } .x {"')
    attacking = hashlib.sha256(second.encode()).hexdigest()
    service.file(f"/w/demo@{attacking}.js", second)
    service.file("/attack.js", script.replace(digest[1], attacking))
    seen = visit(page, service).open(shop(script='<script src="/attack.js"></script>'))
    expect(seen.banner).to_contain_text(attack)
    assert seen.banner.get_by_role("link").first.get_attribute("href") == f"{service.url}/notice/demo?lang=en"
    seen.answer("Choose").click()
    expect(seen.dialog).to_contain_text(attack)
    assert page.evaluate("() => window.hit") is None
    assert page.evaluate("() => getComputedStyle(document.body).backgroundImage") == "none"


def test_a_page_without_fetch_or_storage_stays_whole(page: Page, context: BrowserContext, service: LiveService) -> None:
    context.add_init_script(
        "delete window.fetch; delete window.BroadcastChannel; delete window.localStorage;"
        "delete Navigator.prototype.locks"
    )
    seen = visit(page, service).open(shop())
    seen.answer("Accept all").click()
    expect(seen.banner).to_have_count(0)
    assert seen.granted() == []
    assert seen.faults == []


def test_a_sandboxed_frame_shows_the_page_and_keeps_nothing(page: Page, service: LiveService) -> None:
    inner = service.page(shop())
    seen = visit(page, service)
    page.goto(service.page(f'<iframe sandbox="allow-scripts" src="{inner}" width="900" height="600"></iframe>'))
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Accept all").click()
    expect(frame.locator(".cg-status")).to_contain_text("refuses cookies")
    assert seen.faults == []


def test_unknown_input_to_decide_changes_nothing(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    for wish in (None, 7, {}, {"purposes": None}, "everything"):
        assert seen.decide(wish)["state"] == "undecided"
    assert seen.sent == []
    assert seen.kept() == {}
    assert all(fault.startswith("cookiegate:") for fault in seen.faults)  # told in the console, not thrown
