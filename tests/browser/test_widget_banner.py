"""The first layer: three answers of equal weight, nothing kept before one, no harm to the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect
from support.live import LiveService
from support.visits import BANNER, CORNER, STRICT_CSP, script_of, shop, visit

ANSWERS = ("Accept all", "Reject all", "Choose")
LOOK = """(button) => {
  const style = getComputedStyle(button), box = button.getBoundingClientRect();
  return [box.width, box.height, style.color, style.backgroundColor, style.borderColor, style.fontSize,
          style.fontWeight, style.opacity, style.outlineStyle].join();
}"""


def test_accept_reject_and_choose_look_the_same(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    page.mouse.move(1, 1)
    looks = {seen.answer(name).evaluate(LOOK) for name in ANSWERS}
    assert len(looks) == 1
    assert page.evaluate("() => document.activeElement === document.body")  # none is chosen beforehand


def test_every_target_is_at_least_44_pixels_high(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    for button in seen.banner.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] >= 44


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_banner_covers_at_most_a_third_of_a_small_screen(browser: Browser, service: LiveService, lang: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 480})
    seen = visit(context.new_page(), service).open(shop(lang=lang))
    box = seen.banner.bounding_box()
    assert box is not None
    assert box["width"] * box["height"] <= 320 * 480 / 3
    assert seen.banner.get_by_role("button").count() == 4
    for button in seen.banner.get_by_role("button").all():
        expect(button).to_be_in_viewport(ratio=1)
    context.close()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_nothing_in_the_page_moves(browser: Browser, service: LiveService, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(
        """window.shift = 0;
        new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift += entry.value })
          .observe({ type: "layout-shift", buffered: true });"""
    )
    seen = visit(context.new_page(), service).open(shop("<p>text</p>" * 60))
    expect(seen.banner).to_be_visible()
    seen.answer("Reject all").click()
    expect(seen.banner).to_have_count(0)
    expect(seen.page.locator(CORNER)).to_be_visible()
    assert seen.page.evaluate("() => window.shift") == 0
    context.close()


def test_nothing_is_kept_or_sent_before_a_choice(page: Page, service: LiveService) -> None:
    seen = visit(page, service)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    seen.open(shop())
    expect(seen.banner).to_be_visible()
    page.evaluate("() => window.cookiegate.ready")
    assert seen.kept() == {}
    assert len([url for url in asked if "favicon" not in url]) == 2  # the page and the script


def test_closing_is_not_a_choice_and_keeps_nothing(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.banner.get_by_role("button", name="Close").click()
    expect(seen.banner).to_have_count(0)
    assert seen.kept() == {}
    assert seen.sent == []
    assert seen.consent()["state"] == "undecided"
    page.reload()
    expect(seen.banner).to_be_visible()


def test_escape_in_the_banner_closes_it(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").focus()
    page.keyboard.press("Escape")
    expect(seen.banner).to_have_count(0)
    assert seen.kept() == {}


def test_the_banner_comes_first_for_the_keyboard_and_is_a_named_region(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    region = page.get_by_role("region", name="May we use information about your visit?")
    expect(region).to_be_visible()
    order = []
    while order[-1:] != ["Goods"]:
        page.keyboard.press("Tab")
        order.append(page.evaluate("() => document.activeElement.ariaLabel || document.activeElement.textContent"))
    links = seen.banner.get_by_role("link").all_inner_texts()
    assert links[0] == "Privacy policy"
    assert order == [*links, *ANSWERS, "Close", "Goods"]
    assert seen.faults == []


def test_a_translation_says_which_language_prevails(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(lang="en"))
    expect(seen.banner).to_contain_text("the Japanese version prevails")
    expect(seen.banner).to_have_attribute("lang", "en")
    seen.open(shop(lang="ja"))
    expect(seen.answer("すべて拒否する")).to_be_visible()
    expect(seen.banner).to_have_attribute("lang", "ja")
    expect(seen.banner).not_to_contain_text("翻訳")


def test_the_policy_can_be_read_while_the_banner_is_open(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    link = seen.banner.get_by_role("link", name="Privacy policy")
    expect(link).to_have_attribute("href", "https://www.example.jp/en/privacy")
    page.locator("#first-link").click()  # the page stays usable
    expect(seen.banner).to_be_visible()


def test_it_works_under_the_strictest_policy_with_trusted_types(page: Page, service: LiveService) -> None:
    seen = visit(page, service)
    page.add_init_script(
        "window.violations = [];"
        "addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective))"
    )
    seen.open(shop(), Content_Security_Policy=STRICT_CSP)
    expect(seen.answer("Accept all")).to_have_css("background-color", "rgb(31, 111, 84)")
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    seen.dialog.get_by_role("switch", name="Analytics").check()
    seen.dialog.get_by_role("button", name="Save my choice").click()
    seen.wait_until("consent.purposes.analytics")
    assert page.evaluate("() => window.violations") == []
    assert seen.faults == []


def test_a_page_that_unsets_every_style_does_not_change_the_banner(page: Page, service: LiveService) -> None:
    hostile = "<style>* { all: unset } .shop button, .shop section, .shop p { display: none; font-size: 80px }</style>"
    seen = visit(page, service).open(shop())
    plain = [seen.answer(name).evaluate(LOOK) for name in ANSWERS]
    seen.open(shop(head=hostile).replace("<body>", '<body class="shop">'))
    assert [seen.answer(name).evaluate(LOOK) for name in ANSWERS] == plain
    expect(seen.banner.locator("p").first).to_be_visible()


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0)",
    ],
)
def test_a_declared_robot_gets_no_banner(browser: Browser, service: LiveService, agent: str) -> None:
    bundle = service.file("/kept-copy.js", script_of(service))  # as a cache may have kept it: the service sends none
    context = browser.new_context(user_agent=agent)
    seen = visit(context.new_page(), service).open(shop(script=f'<script src="{bundle}"></script>'))
    seen.page.evaluate("() => window.cookiegate.ready")
    expect(seen.page.locator(".cg-root")).to_have_count(0)
    context.close()


def test_a_telephone_called_cubot_is_no_robot(browser: Browser, service: LiveService) -> None:
    context = browser.new_context(user_agent="Mozilla/5.0 (Linux; Android 12; CUBOT P60) AppleWebKit/537.36 Chrome/120")
    seen = visit(context.new_page(), service).open(shop())
    expect(seen.banner).to_be_visible()
    context.close()


def test_nothing_moves_for_visitors_who_want_less_motion(browser: Browser, service: LiveService) -> None:
    context = browser.new_context(reduced_motion="reduce")
    seen = visit(context.new_page(), service).open(shop())
    assert seen.banner.evaluate("(banner) => getComputedStyle(banner).animationName") == "none"
    context.close()


def test_forced_colours_keep_the_outline_of_every_answer(browser: Browser, service: LiveService) -> None:
    context = browser.new_context(forced_colors="active")
    seen = visit(context.new_page(), service).open(shop())
    for name in ANSWERS:
        assert seen.answer(name).evaluate("(button) => getComputedStyle(button).borderTopStyle") == "solid"
    context.close()


def test_a_router_that_replaces_the_body_does_not_lose_the_banner(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    expect(seen.banner).to_be_visible()
    page.evaluate("() => { document.body = document.createElement('body') }")
    expect(page.locator(BANNER)).to_have_count(1)
    expect(seen.answer("Reject all")).to_be_visible()
