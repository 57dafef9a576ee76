"""What stands in for held frames, pictures and videos: in their boxes, without a shift, for this once or for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from support.live import LiveService
from support.visits import STRICT_CSP, Visit, shop, visit

ONCE, ALWAYS = "Show this time", "Always allow"
PIXELS = '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="180"><rect width="320" height="180"/></svg>'
HELD = 'data-consent="advertising"'
#: Every kind of box that covers have to fit. ``over`` = its cover is a sibling, ``inside`` = in its own document.
BOXES = f"""
<style>
  p + *, * + p {{ margin-top: 8px }}
  .ratio {{ position: relative; width: 50%; padding-top: 28.125% }}
  .ratio > * {{ position: absolute; inset: 0; width: 100%; height: 100%; border: 0 }}
  .row {{ display: flex; gap: 12px; justify-content: center; align-items: center }}
  .grid {{ display: grid; grid-template-columns: 1fr 1fr; place-items: end }}
  .wide {{ width: 60%; aspect-ratio: 16 / 9; display: block; margin: 10px auto; z-index: 3; position: relative }}
  img {{ display: block }}
</style>
<p>Text before <iframe id="plain" class="inside" {HELD} data-src="/embed.html" title="Map" width="480" height="270">
</iframe> and after.</p>
<iframe id="lazy" class="inside" loading="lazy" {HELD} data-src="/embed.html" title="Map" width="300" height="200">
</iframe>
<p>In a line <iframe id="sandboxed" class="over" sandbox {HELD} data-src="/embed.html" title="Map" width="320"
  height="200"></iframe> of text.</p>
<div class="ratio"><iframe id="ratio" class="over" sandbox {HELD} data-src="/embed.html" title="Film"></iframe></div>
<video id="film" class="over wide" controls {HELD}><source data-src="/film.webm" type="video/webm"></video>
<div class="row"><span>left</span><video id="flex" class="over" {HELD} data-src="/film.webm" width="320" height="180">
</video><span>right</span></div>
<div class="grid"><img id="grid" class="over" {HELD} data-src="/picture.svg" alt="A bowl" width="320" height="200">
</div>
<div dir="rtl"><video id="right" class="over" {HELD} data-src="/film.webm" width="300" height="200"></video></div>
<picture id="choice" class="over" {HELD}><source data-srcset="/picture.svg 1x"><img data-src="/other.svg" alt="A bowl"
  width="320" height="200"></picture>
<div class="card"><h2>Card</h2><embed id="embed" class="over" {HELD} data-src="/picture.svg" type="image/svg+xml"
  width="300" height="200"></div>
<p>Small: <iframe id="low" class="inside" {HELD} data-src="/embed.html" title="Ad" width="468" height="70"></iframe>
<video id="tiny" class="over" {HELD} data-src="/film.webm" width="60" height="40"></video>
<img id="pixel" {HELD} data-src="/pixel.svg" alt="" width="1" height="1"></p>
<p id="last">Text after all of them.</p>
"""
WATCH = """window.shift = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift += entry.value })
  .observe({ type: "layout-shift", buffered: true });"""
#: How far each cover is from the box it stands for, and where everything is.
PLACES = """() => {
  const box = (element) => { const { left, top, width, height } = element.getBoundingClientRect();
    return [left + scrollX, top + scrollY, width, height] };
  const covers = Object.fromEntries([...document.querySelectorAll(".over")].map((held) => {
    const target = held.querySelector("img") ?? held, cover = held.nextElementSibling;
    if (!cover?.matches(".cg-over")) return [held.id, null];
    const [one, other] = [box(target), box(cover)];
    return [held.id, Math.max(...one.map((part, at) => Math.abs(part - other[at])))];
  }));
  const boxes = [...document.querySelectorAll("main *:not(.cg-root, .cg-root *)")].map(box);
  return { covers, boxes: boxes.filter(([, , width]) => width) };
}"""
NAMES = ["sandboxed", "ratio", "film", "flex", "grid", "right", "choice", "embed", "tiny"]


@pytest.fixture(autouse=True)
def files(service: LiveService) -> None:
    """What the boxes hold."""
    service.page("<p>the map</p>", path="/embed.html")
    for name in ("picture", "other", "pixel"):
        service.file(f"/{name}.svg", PIXELS, "image/svg+xml")
    service.file("/film.webm", b"", "video/webm")


@pytest.fixture
def requests(page: Page) -> list[str]:
    """The paths of what is held, as it is asked for."""
    seen: list[str] = []
    names = ("/embed.html", "/picture.svg", "/other.svg", "/pixel.svg", "/film.webm")
    page.on("request", lambda request: [seen.append(name) for name in names if request.url.endswith(name)])
    return seen


def placed(page: Page) -> dict[str, Any]:
    """Waits until every cover lies where its box is; returns where everything is."""
    fits = "Object.values(covers).every((off) => off !== null && off < 1)"
    page.wait_for_function(f"() => {{ const {{ covers }} = ({PLACES})(); return {fits} }}")
    found: dict[str, Any] = page.evaluate(PLACES)
    return found


def cover_of(page: Page, name: str) -> Locator:
    """The cover over a box."""
    return page.locator(f"#{name} + .cg-over")


def test_covers_lie_exactly_on_their_boxes_and_nothing_ever_moves(
    page: Page, service: LiveService, requests: list[str]
) -> None:
    page.add_init_script(WATCH)
    plain = shop(BOXES, script="")
    page.goto(service.page(plain))
    bare = page.evaluate(PLACES)["boxes"]
    seen = visit(page, service).open(
        shop(BOXES), Content_Security_Policy=f"{STRICT_CSP}; style-src 'unsafe-inline'; object-src 'self'"
    )
    expect(page.frame_locator("#plain").get_by_role("button", name=ALWAYS)).to_be_visible()
    expect(page.frame_locator("#lazy").get_by_role("button", name=ALWAYS)).to_be_visible()
    found = placed(page)
    assert sorted(found["covers"]) == sorted(NAMES)
    assert found["boxes"] == bare
    assert requests == []
    page.set_viewport_size({"width": 700, "height": 800})
    placed(page)
    page.evaluate("() => document.querySelector('main').prepend(Object.assign(document.createElement('div'), "
                  "{ style: 'height: 120px' }))")  # fmt: skip
    placed(page)
    assert seen.faults == []


def test_everything_is_shown_by_one_always_and_held_again_after_a_withdrawal(
    page: Page, service: LiveService, requests: list[str]
) -> None:
    page.add_init_script(WATCH)
    seen = visit(page, service).open(shop(BOXES))
    before = placed(page)["boxes"]
    cover_of(page, "flex").get_by_role("button", name=ALWAYS).click()
    seen.wait_until("consent.purposes.advertising")
    expect(page.frame_locator("#plain").get_by_text("the map")).to_be_visible()
    expect(page.locator(".cg-over")).to_have_count(0)
    assert seen.granted() == ["advertising"]
    page.wait_for_function(
        "() => document.querySelector('#grid').complete && document.querySelector('#choice img').complete"
    )
    assert page.evaluate("() => document.querySelector('#choice img').currentSrc").endswith("/picture.svg")
    assert page.evaluate("() => document.querySelector('#film').networkState !== 0")
    assert page.evaluate(PLACES)["boxes"] == before
    assert set(requests) >= {"/embed.html", "/picture.svg", "/pixel.svg", "/film.webm"}
    assert page.evaluate("() => window.shift") == 0
    seen.decide("withdraw")
    placed(page)
    held = "[...document.querySelectorAll('main [src], main [srcset]')].map((element) => element.id)"
    assert page.evaluate(f"() => {held}") == []
    assert page.evaluate(PLACES)["boxes"] == before
    expect(page.frame_locator("#plain").get_by_role("button", name=ALWAYS)).to_be_visible()


def test_allow_once_shows_one_box_and_decides_nothing(page: Page, service: LiveService, requests: list[str]) -> None:
    body = BOXES + f'<script type="text/plain" {HELD}>window.ran = true</script>'
    seen = visit(page, service).open(shop(body))
    placed(page)
    page.frame_locator("#plain").get_by_role("button", name=ONCE).click()
    expect(page.frame_locator("#plain").get_by_text("the map")).to_be_visible()
    cover_of(page, "grid").get_by_role("button", name=ONCE).click()
    expect(cover_of(page, "grid")).to_have_count(0)
    assert sorted(requests) == ["/embed.html", "/picture.svg"]
    assert (seen.sent, seen.kept(), seen.consent()["state"], seen.token()) == ([], {}, "undecided", None)
    assert page.evaluate("() => window.ran") is None
    expect(seen.banner).to_be_visible()
    # A box that comes or a grant that is added does not end it; a new choice as a whole does.
    cover_of(page, "right").get_by_role("button", name=ALWAYS).focus()
    seen.decide("reject")
    expect(cover_of(page, "grid")).to_be_visible()
    expect(page.frame_locator("#plain").get_by_role("button", name=ONCE)).to_be_visible()
    page.reload()
    seen.go(page.url)
    expect(page.frame_locator("#plain").get_by_role("button", name=ONCE)).to_be_visible()


def test_covers_work_by_keyboard_and_name_what_and_whom(page: Page, service: LiveService) -> None:
    frame = 'sandbox="" data-src="http://maps.example/embed" title="Map" width="480" height="270"'
    film = f'<video id="film" class="over" controls {HELD} data-src="/film.webm" width="480" height="270"></video>'
    seen = visit(page, service).open(shop(f'<iframe class="over" {HELD} {frame}></iframe>{film}'))
    placed(page)
    group = page.get_by_role("group", name="This content needs your permission").first
    assert group.aria_snapshot().splitlines() == [
        '- group "This content needs your permission":',
        "  - paragraph: This content needs your permission",
        '  - paragraph: "To see it, allow information to be used for this purpose: Advertising."',
        f'  - button "{ONCE}"',
        f'  - button "{ALWAYS}"',
        "  - paragraph:",
        "    - text: maps.example",
        '    - button "Privacy settings"',
    ]
    page.locator("#film + .cg-over").get_by_role("button", name=ONCE).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#film")).to_be_focused()
    group.get_by_role("button", name="Privacy settings").focus()
    page.keyboard.press("Enter")
    expect(seen.dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(group.get_by_role("button", name="Privacy settings")).to_be_focused()


def test_axe_finds_nothing_wrong_with_covers_in_any_scheme(page: Page, service: LiveService, npm_dir: Path) -> None:
    sizes = ((480, 270), (468, 120), (300, 90), (40, 40))
    boxes = "".join(
        f'<iframe {kind} {HELD} data-src="/embed.html" title="Map" width="{width}" height="{height}"></iframe>'
        for width, height in sizes
        for kind in ("", 'class="over" sandbox')
    )
    seen = visit(page, service).open(shop(boxes))
    checker = (npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    placed(page)
    expect(page.frame_locator("iframe").nth(0).locator(".cg-cover")).to_be_visible()
    for frame in page.frames:
        if frame.locator(".cg-cover").count():
            frame.evaluate(checker)
    found = "async () => (await axe.run()).violations.map((fault) => [fault.id, fault.nodes.map((node) => node.html)])"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(found) == []
    page.emulate_media(color_scheme="dark", forced_colors="active")
    assert page.evaluate(found) == []
    assert seen.faults == []


def test_small_boxes_keep_one_button_and_pixels_none(page: Page, service: LiveService) -> None:
    sizes = {
        "full": (480, 270),
        "low": (468, 130),
        "bar": (468, 70),
        "box": (120, 100),
        "icon": (24, 24),
        "none": (20, 20),
    }
    boxes = "".join(
        f'<video id="{name}" class="over" {HELD} data-src="/film.webm" width="{width}" height="{height}"></video>'
        for name, (width, height) in sizes.items()
    )
    visit(page, service).open(shop(boxes))
    expect(page.locator(".cg-over")).to_have_count(5)
    visible = """(cover) => ({
      texts: [...cover.querySelectorAll("p:not(.cg-small)")].filter((text) => text.offsetWidth > 2).length,
      small: cover.querySelector(".cg-small").offsetWidth > 0,
      buttons: [...cover.querySelectorAll(".cg-pair button")].filter((button) => button.offsetWidth)
        .map((button) => [button.textContent, Math.min(button.offsetWidth, button.offsetHeight) >= 24]),
      fits: cover.scrollHeight <= cover.clientHeight && cover.scrollWidth <= cover.clientWidth })"""
    looks = {name: cover_of(page, name).evaluate(visible) for name in sizes if name != "none"}
    both, one = [[ONCE, True], [ALWAYS, True]], [[ONCE, True]]
    assert looks == {
        "full": {"texts": 2, "small": True, "buttons": both, "fits": True},
        "low": {"texts": 0, "small": True, "buttons": both, "fits": True},
        "bar": {"texts": 0, "small": False, "buttons": one, "fits": True},
        "box": {"texts": 0, "small": False, "buttons": one, "fits": True},
        "icon": {"texts": 0, "small": False, "buttons": one, "fits": True},
    }
    expect(cover_of(page, "none")).to_have_count(0)
    icon = cover_of(page, "icon").get_by_role("button", name=ONCE)
    assert "Advertising" in (icon.get_attribute("title") or "")
    icon.click()
    expect(cover_of(page, "icon")).to_have_count(0)


def test_covers_stand_on_hostile_pages(page: Page, service: LiveService) -> None:
    hostile = f"""<style>* {{ all: unset }} #room > * {{ position: static; margin: 40px; transform: none }}
      video, iframe {{ display: block; width: 480px; height: 270px }}</style>
      <script>Object.prototype.draw = 1; Array.prototype.extra = () => {{}}; String.prototype.url = "x"</script>
      <form name="ResizeObserver"></form><img name="adoptedStyleSheets">
      <form id="room"><input name="children"><input name="getAttribute"><video id="film" class="over" {HELD}
        data-src="/film.webm"></video></form>
      <form data-consent="advertising"><input name="children"><input name="getAttribute"></form>
      <div data-consent="accept">a name that others use, too</div>
      <div data-consent="advertising">nothing waits here</div>
      <iframe id="after" sandbox class="over" {HELD} data-src="/embed.html" title="Map"></iframe>"""
    seen = visit(page, service).open(shop(hostile))
    placed(page)
    expect(page.locator(".cg-over")).to_have_count(2)
    page.evaluate("() => document.querySelector('#film + .cg-over button + button').click()")
    seen.wait_until("consent.purposes.advertising")
    expect(page.locator(".cg-over")).to_have_count(0)
    assert [fault for fault in seen.faults if not fault.startswith("cookiegate:")] == []


def test_what_was_shown_goes_though_the_page_emptied_what_waits(
    page: Page, service: LiveService, requests: list[str]
) -> None:
    frames = "".join(
        f'<iframe id="{name}" {HELD} data-src="/embed.html" title="Map" width="300" height="200"></iframe>'
        for name in ("removed", "emptied")
    )
    pictures = f"""<img id="set" class="over" {HELD} data-srcset="/picture.svg 1x" alt="" width="320" height="180">
      <picture id="inner" class="over" {HELD}><img data-src="/other.svg" alt="" width="320" height="180"></picture>
      <video id="film" class="over" {HELD} data-src="/film.webm" width="320" height="180"></video>"""
    seen = visit(page, service).open(shop(frames + pictures))
    placed(page)
    # What no longer waits for anything says so no longer.
    page.evaluate("() => document.querySelector('#film').removeAttribute('data-src')")
    expect(cover_of(page, "film")).to_have_count(0)

    seen.decide("accept")
    for name in ("removed", "emptied"):
        expect(page.frame_locator(f"#{name}").get_by_text("the map")).to_be_visible()
    page.evaluate(
        """() => { const find = (selector) => document.querySelector(selector);
          find("#removed").removeAttribute("data-src"); find("#emptied").dataset.src = "";
          find("#set").removeAttribute("data-srcset"); find("#inner img").removeAttribute("data-src") }"""
    )
    for name in ("removed", "emptied"):
        expect(page.frame_locator(f"#{name}").get_by_text("the map")).to_have_count(0)
    assert page.locator("#set").get_attribute("srcset") == "/picture.svg 1x"

    seen.decide("withdraw")
    expect(page.locator("main [src], main [srcset]")).to_have_count(0)
    expect(page.locator(".cg-over")).to_have_count(0)
    assert page.evaluate("() => document.querySelector('#inner img').currentSrc") == ""
    assert "/film.webm" not in requests

    # A new address waits as the first one did.
    page.evaluate("() => { document.querySelector('#emptied').dataset.src = '/embed.html' }")
    page.frame_locator("#emptied").get_by_role("button", name=ONCE).click()
    expect(page.frame_locator("#emptied").get_by_text("the map")).to_be_visible()
    assert seen.faults == []


def test_what_comes_later_goes_away_or_changes_is_followed(
    page: Page, service: LiveService, requests: list[str]
) -> None:
    seen: Visit = visit(page, service).open(shop('<div id="app"></div>'))
    page.evaluate(
        """() => { const film = document.createElement("video"); film.className = "over"; film.id = "late";
          film.setAttribute("data-consent", "advertising"); film.setAttribute("data-src", "/film.webm");
          film.width = 400; film.height = 300; document.querySelector("#app").append(film) }"""
    )
    placed(page)
    page.evaluate("() => document.querySelector('main').prepend(document.querySelector('#late'))")
    placed(page)
    expect(page.locator(".cg-over")).to_have_count(1)
    page.evaluate("() => document.querySelector('#late').remove()")
    expect(page.locator(".cg-over")).to_have_count(0)
    page.evaluate(
        """() => { const frame = document.createElement("iframe"); frame.id = "map";
          frame.dataset.consent = "advertising"; frame.dataset.src = "/embed.html";
          document.querySelector("#app").append(frame) }"""
    )
    seen.decide("accept")
    expect(page.frame_locator("#map").get_by_text("the map")).to_be_visible()
    service.page("<p>another map</p>", path="/another.html")
    page.evaluate("() => { document.querySelector('#map').dataset.src = '/another.html' }")
    expect(page.frame_locator("#map").get_by_text("another map")).to_be_visible()
    assert requests == ["/embed.html"]
    sheet = service.file("/late.css", "main { color: rgb(1, 2, 3) }", "text/css")
    page.evaluate(
        """(sheet) => { const link = document.createElement("link"); link.rel = "stylesheet"; link.nonce = "x";
          link.dataset.consent = "advertising"; link.dataset.href = sheet; document.head.append(link) }""",
        sheet,
    )
    colour = "getComputedStyle(document.querySelector('main')).color === 'rgb(1, 2, 3)'"
    page.wait_for_function(f"() => {colour}")
    seen.decide("withdraw")
    page.wait_for_function(f"() => !({colour})")
