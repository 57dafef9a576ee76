"""Banner, dialog and pages in every language and theme: what they cover, what axe finds, what a screen reader reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from support.live import LiveService
from support.policies import MANY_LANGUAGES
from support.showcase import Showcase
from support.visits import CORNER, STATUS, Visit, shop, visit

from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.notice import build_notice
from cookiegate.policy.reading import load_policy
from cookiegate.web.notes import strictest
from cookiegate.web.widgets import make_files

#: Every note that a banner can have is there: the visitor's place is not known, and the browser sends a signal.
SIGNAL = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
SMALL = (320, 480)
LARGE = (1280, 800)
#: A window of 1280 × 1024, magnified four times.
MAGNIFIED = (320, 256)
COVERED_AT_MOST = 1 / 3

MEASURE = """async () => {
  const looks = (element) => {
    const { width, height } = element.getBoundingClientRect(), style = getComputedStyle(element);
    const { color, backgroundColor, fontSize, fontWeight } = style;
    return [width.toFixed(1), height.toFixed(1), color, backgroundColor, fontSize, fontWeight].join();
  };
  const inside = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1
    && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
  return [...document.querySelectorAll("iframe")].map(({ contentWindow: view, title }) => {
    const page = view.document.documentElement, bar = view.document.querySelector(".cg-bar");
    const box = bar.getBoundingClientRect(), text = bar.querySelector(".cg-text");
    const answers = [...bar.querySelectorAll(".cg-answers button")];
    return { title, share: box.width * box.height / view.innerWidth / view.innerHeight,
      answers: answers.length, looks: new Set(answers.map(looks)).size,
      high: Math.min(...answers.map((answer) => answer.offsetHeight)),
      whole: answers.every((answer) => inside(answer.getBoundingClientRect(), box)
        && answer.scrollWidth <= answer.clientWidth && answer.scrollHeight <= answer.clientHeight),
      inside: inside(text.getBoundingClientRect(), box) && box.bottom <= view.innerHeight,
      wide: [page, bar, text].some((part) => part.scrollWidth > part.clientWidth),
      read: text.clientHeight };
  });
}"""
AXE_RUN = """async () => (await axe.run({ rules: { "target-size": { enabled: true } } })).violations.map(
  (fault) => [fault.id, fault.impact, fault.nodes.map((node) => node.html)])"""
#: What the browser gives to a screen reader, in its order: role, name, and whether it is on.
LEAVES = ("StaticText", "InlineTextBox")
SILENT = ("generic", "none", "paragraph", "LabelText", "ListMarker", "list", "DescriptionList", "definition")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    """The service with every language, and with a theme of a site's own."""
    with Showcase(tmp_path_factory.mktemp("showcase")) as live:
        yield live


@pytest.fixture
def axe(npm_dir: Path) -> str:
    """The accessibility checker."""
    return (npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def script(site: str, lang: str) -> str:
    """The script tag of one of the showcase's sites."""
    return f'<script async src="/w/{site}.{lang}.js"></script>'


def test_in_every_language_the_banner_leaves_two_thirds_of_a_small_screen(
    browser: Browser, service: LiveService
) -> None:
    policy = load_policy(MANY_LANGUAGES)
    published = PublishedPolicy(policy, version=1, sha256="0" * 64, holds_since=1, published_at_ms=0)
    for lang in policy.locales:
        files = make_files(published, build_notice(policy, 1, lang).body, strictest(policy), "0" * 64, 900)
        service.file(f"/all.{lang}.js", files["cookiegate"].body)
    frames = [(lang, SMALL) for lang in policy.locales] + [(lang, LARGE) for lang in ("el", "ja", "ar")]
    body = "".join(
        f'<iframe title="{lang} {size[0]}" style="width: {size[0]}px; height: {size[1]}px; border: 0"'
        f' src="{service.page(shop(lang=lang, script=f"<script async src=/all.{lang}.js></script>"))}"></iframe>'
        for lang, size in frames
    )
    context = browser.new_context(viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
    context.add_init_script(SIGNAL)
    page = context.new_page()
    page.goto(service.page(f"<!doctype html><title>All</title>{body}"))
    page.wait_for_function(
        "() => [...document.querySelectorAll('iframe')].every((one) => one.contentDocument.querySelector('.cg-bar'))"
    )
    found = page.evaluate(MEASURE)
    assert len(found) == len(frames)
    for banner in found:
        lang = banner["title"]
        is_small = lang.endswith(f" {SMALL[0]}")
        assert (lang, banner["share"] <= COVERED_AT_MOST or not is_small, banner["wide"]) == (lang, True, False)
        assert (lang, banner["answers"], banner["looks"], banner["whole"]) == (lang, 3, 1, True)
        assert (lang, banner["high"] >= 44, banner["inside"], banner["read"] >= 60) == (lang, True, True, True)
    context.close()


def faults_by_axe(seen: Visit, axe: str) -> list[Any]:
    """What axe-core finds in the page and its frames: every rule, every impact, and targets below 24 pixels."""
    for frame in seen.page.frames:
        frame.evaluate(axe)
    found: list[Any] = seen.page.evaluate(AXE_RUN)
    return found


HELD = """<h2>Film</h2>
<iframe title="Film" data-consent="media" data-src="/film.html" width="300" height="270"></iframe>
<img alt="Map" data-consent="media" data-src="/map.png" width="300" height="160" style="display: block">"""


@pytest.mark.parametrize(
    ("site", "lang", "size", "told"),
    [
        ("plain", "en", MAGNIFIED, {"color_scheme": "light"}),
        ("plain", "ja", SMALL, {"color_scheme": "dark"}),
        ("plain", "ar", SMALL, {"forced_colors": "active"}),
        ("custom", "en", LARGE, {"color_scheme": "light"}),
        ("custom", "ja", MAGNIFIED, {"color_scheme": "dark"}),
    ],
)
def test_axe_finds_nothing_in_any_theme(
    browser: Browser, world: Showcase, axe: str, site: str, lang: str, size: tuple[int, int], told: dict[str, Any]
) -> None:
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", **told)
    context.add_init_script(SIGNAL)
    seen = visit(context.new_page(), world).open(shop(HELD, lang=lang, script=script(site, lang)))
    expect(seen.page.locator(".cg-over")).to_be_visible()
    expect(seen.page.frame_locator("iframe").locator(".cg-cover")).to_be_visible()
    assert faults_by_axe(seen, axe) == []
    seen.banner.get_by_role("button").nth(2).click()
    expect(seen.dialog).to_be_visible()
    seen.dialog.get_by_role("switch").first.check()
    assert seen.page.evaluate("() => document.getAnimations().length") == 0
    assert faults_by_axe(seen, axe) == []
    scroll = "() => [...document.querySelectorAll('html, .cg-scroll')].some((one) => one.scrollWidth > one.clientWidth)"
    assert not seen.page.evaluate(scroll)
    seen.dialog.locator("footer").get_by_role("button").last.click()
    expect(seen.page.locator(STATUS)).not_to_be_empty()
    expect(seen.page.locator(CORNER)).to_be_visible()
    assert faults_by_axe(seen, axe) == []
    for page in ("preferences", "notice"):
        seen.page.goto(f"{world.url}/{page}/{site}?lang={lang}")
        assert faults_by_axe(seen, axe) == []
        assert not seen.page.evaluate(scroll)
    context.close()


def read_aloud(context: BrowserContext, seen: Visit, role: str) -> list[str]:
    """What a screen reader meets from the first node of a role on: one line for each, without what has no meaning."""
    session = context.new_cdp_session(seen.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    known = {node["nodeId"]: node for node in nodes}

    def lines(node: dict[str, Any]) -> Iterator[str]:
        kind = node.get("role", {}).get("value", "none")
        name = node.get("name", {}).get("value", "").strip()
        if kind == "StaticText":
            yield name
        elif not node["ignored"] and kind not in (*LEAVES, *SILENT):
            states = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
            about = node.get("description", {}).get("value", "")
            yield f"{kind}: {name}" + (f" ({states['checked']}; {about})" if kind == "switch" else "")
        if kind not in ("button", "link", "heading", "switch", "term"):  # those are read as one
            for child in node.get("childIds", []):
                yield from lines(known[child])

    start = next(node for node in nodes if node.get("role", {}).get("value") == role)
    return [line for line in lines(start) if line]


BANNER_READ = [
    "region: May we use information about your visit?",
    "May we use information about your visit?",
    "Only if you allow it, …",
    "link: Privacy policy",
    "This site lets your browser send information about your visit to others.",
    "link: What is sent, to whom and why",
    "link: Do not sell or share my information",
    "button: Accept all",
    "button: Reject all",
    "button: Choose",
    "button: Close",
]
STATISTICS_READ = [
    "listitem: ",
    "switch: Statistics (false; Used to count visits and to learn which pages are useful.)",
    "Used to count visits and to learn which pages are useful.",
    "term: Information used",
    "Device and browser, Language, and Browsing",
    "term: Kept for",
    "1 year",
    "term: Who receives it",
    "Aoba Cloud, Inc.",
    "· Service provider working for us · Japan",
    "term: If you say no",
    "Your visit is not counted.",
    "listitem: ",
]
DIALOG_BEGINS = [
    "dialog: What do you allow?",
    "heading: What do you allow?",
    "button: Close",
    "group: What do you allow?",
]
DIALOG_ENDS = [
    "link: Privacy policy",
    "·",
    "link: Details and settings",
    "·",
    "link: What is recorded about me",
    "button: Accept all",
    "button: Reject all",
    "button: Save my choice",
]


def test_a_screen_reader_meets_banner_and_dialog_in_order(browser: Browser, world: Showcase) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    seen = visit(context.new_page(), world).open(shop(script=script("plain", "en")))
    banner = read_aloud(context, seen, "region")
    assert banner[2].startswith("Only if you allow it, ")
    assert [*banner[:2], BANNER_READ[2], *banner[3:]] == BANNER_READ
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    dialog = read_aloud(context, seen, "dialog")
    assert dialog[: len(DIALOG_BEGINS)] == DIALOG_BEGINS
    assert dialog[-len(DIALOG_ENDS) :] == DIALOG_ENDS
    start = dialog.index(STATISTICS_READ[1]) - 1
    assert dialog[start : start + len(STATISTICS_READ)] == STATISTICS_READ
    assert [line for line in dialog if line.startswith("heading")] == [
        "heading: What do you allow?",
        "heading: Purposes",
        "heading: Information collected",
    ]
    context.close()


def test_a_page_may_set_what_the_theme_leaves_out(browser: Browser, world: Showcase) -> None:
    style = "<style>:root { --cg-accent: rgb(1, 2, 3); --cg-dark-background: rgb(4, 5, 6); --cg-font: fantasy }</style>"
    for site, accent in (("plain", "rgb(1, 2, 3)"), ("custom", "rgb(255, 209, 102)")):
        context = browser.new_context(color_scheme="dark")
        seen = visit(context.new_page(), world).open(shop(head=style, script=script(site, "en")))
        expect(seen.answer("Reject all")).to_have_css("background-color", accent)
        expect(seen.answer("Reject all")).to_have_css("font-family", "fantasy")
        expect(seen.banner).to_have_css("background-color", "rgb(4, 5, 6)")
        context.close()
