"""What the service keeps as shown is what the widget draws: element by element, and pixel by pixel."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support.live import LiveService
from support.policies import EXAMPLES, MANY_LANGUAGES, demo_policy
from support.service import Bench, make_bench
from support.visits import STATUS, script_of, shop, visit

from cookiegate.policy.reading import load_policy
from cookiegate.web.bundle import FETCHED
from cookiegate.web.surfaces import read_surface

POLICIES = sorted(set(EXAMPLES.glob("*.yaml")) - {MANY_LANGUAGES})
ADDRESS = "http://shop.test"
SHELL = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>{head}</head><body>{body}</body>'
#: Tags, attributes and texts, without the line breaks that a template has between its tags.
SHAPE = """(element) => {
  const shape = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    const attributes = Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value]).sort());
    if (node.localName === "a") attributes.href = node.href;
    const kept = [...node.childNodes].filter((child) => !/^\\s*\\n\\s*$/.test(child.data ?? "-"));
    return { tag: node.localName, space: node.namespaceURI, attributes, children: kept.map(shape) };
  };
  const copy = element.cloneNode(true);
  copy.normalize();
  return shape(copy);
}"""
#: The share of pixels that differ visibly, of two PNGs of one size.
DIFFERENCE = """async ([one, other]) => {
  const pixels = async (data) => {
    const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    canvas.drawImage(picture, 0, 0);
    return canvas.getImageData(0, 0, picture.width, picture.height);
  };
  const [first, second] = [await pixels(one), await pixels(other)];
  if (first.width !== second.width || first.height !== second.height) return 1;
  let different = 0;
  for (let at = 0; at < first.data.length; at += 4)
    if ([0, 1, 2].some((part) => Math.abs(first.data[at + part] - second.data[at + part]) > 8)) different++;
  return different / (first.width * first.height);
}"""
LAYERS = {
    "banner": "section.cg-bar",
    "banner_asked_again": "section.cg-bar",
    "dialog": "dialog.cg-dialog",
    "cover": "div.cg-cover",
}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One service with every example policy."""
    bench = make_bench(tmp_path_factory.mktemp("sites"), policies=tuple(load_policy(path) for path in POLICIES))
    yield bench
    bench.service.close()


class Stage:
    """Two pages of one address and one size: on the one the widget draws, on the other lies what was kept."""

    def __init__(self, browser: Browser, bench: Bench, site: str, locale: str, width: int = 1280) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce")
        self.drawn, self.kept = self.context.new_page(), self.context.new_page()
        self._script = bench.service.widgets.current(site, locale).body
        fetched = (bench.service.widgets.current(site, locale, name) for name in FETCHED)
        self._fetched = {f"/w/{site}@{file.digest}.js": file.body.decode() for file in fetched}
        document = read_surface(bench.service.storage, bench.service.surfaces.current(site, locale, "widget").digest)
        assert document is not None
        self.html: dict[str, str] = document["html"]
        self._style = (bench.service.storage.artifact(document["style"]) or b"").decode()

    def show(self, layer: str, *, cookie: str = "", frame: str = "") -> tuple[Any, Any]:
        """Brings a layer onto both pages; returns its locators there."""
        pages = {
            "/drawn": SHELL.format(head='<script src="/w.js"></script>', body=frame),
            "/w.js": self._script.decode(),
            **self._fetched,
            "/kept": SHELL.format(head=f"<style>{self._style}</style>", body=self.html[layer]),
        }

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(ADDRESS)
            kind = "text/javascript" if path.endswith(".js") else "text/html"
            route.fulfill(body=pages.get(path, ""), content_type=f"{kind}; charset=utf-8")

        self.context.route("**/*", answer)
        if cookie:
            self.context.add_cookies([{"name": "cg_choice", "value": cookie, "url": ADDRESS}])
        self.drawn.goto(f"{ADDRESS}/drawn")
        self.kept.goto(f"{ADDRESS}/kept")
        if layer == "dialog":
            self.drawn.evaluate("() => window.cookiegate.open()")
            # As the widget opens it: modal, with what the browser then adds.
            self.kept.locator("dialog").evaluate("(dialog) => { dialog.close(); dialog.showModal() }")
        drawn = self.drawn.frame_locator("iframe") if layer == "cover" else self.drawn
        return drawn.locator(LAYERS[layer]), self.kept.locator(LAYERS[layer])

    def difference(self, one: Any, other: Any) -> float:
        """The share of pixels in which two elements differ."""
        pictures = [b64encode(element.screenshot()).decode() for element in (one, other)]
        return float(self.kept.evaluate(DIFFERENCE, pictures))


@pytest.fixture
def stage(browser: Browser, sites: Bench) -> Iterator[Any]:
    """Makes stages and strikes them."""
    made: list[Stage] = []

    def make(site: str, locale: str, **options: int) -> Stage:
        made.append(Stage(browser, sites, site, locale, **options))
        return made[-1]

    yield make
    for each in made:
        each.context.close()


def every_site() -> list[Any]:
    """Every example policy in each of its languages."""
    found = [load_policy(path) for path in POLICIES]
    return [pytest.param(policy.site, locale) for policy in found for locale in policy.locales]


@pytest.mark.parametrize(("site", "locale"), every_site())
@pytest.mark.parametrize("layer", ["banner", "dialog"])
def test_s03_what_was_shown_is_kept_element_by_element(stage: Any, site: str, locale: str, layer: str) -> None:
    drawn, kept = stage(site, locale).show(layer)
    assert kept.evaluate(SHAPE) == drawn.evaluate(SHAPE)


@pytest.mark.parametrize(("site", "locale"), every_site())
@pytest.mark.parametrize("layer", ["banner", "dialog"])
def test_s03_what_was_shown_is_kept_pixel_by_pixel(stage: Any, site: str, locale: str, layer: str) -> None:
    made = stage(site, locale)
    assert made.difference(*made.show(layer)) < 0.001


@pytest.mark.parametrize("layer", ["banner", "dialog"])
def test_a_telephone_shows_the_same(stage: Any, layer: str) -> None:
    made = stage("demo", "ja", width=390)
    assert made.difference(*made.show(layer)) < 0.001


def test_the_line_for_who_is_asked_again_is_kept(browser: Browser, tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    wider = bench.service.book.current("demo").policy
    first = demo_policy(purposes=tuple(replace(item, acquire=item.acquire[:1]) for item in wider.purposes))
    bench.publish(first)  # something less is used for every purpose …
    bench.publish(demo_policy())  # … and then everything again, which nobody has agreed to
    assert bench.service.book.current("demo").holds_since == 3
    made = Stage(browser, bench, "demo", "en")
    drawn, kept = made.show("banner_asked_again", cookie=f"refused.2.{date.today():%Y%m%d}")
    assert "changed" in drawn.inner_text()
    assert kept.evaluate(SHAPE) == drawn.evaluate(SHAPE)
    made.context.close()
    bench.service.close()


def test_the_cover_of_a_held_frame_is_kept_but_for_what_the_page_names(stage: Any) -> None:
    made: Stage = stage("demo", "en")
    made.html["cover"] = made.html["cover"].replace("{purpose}", "Analytics").replace("{host}", "film.example")
    frame = '<iframe data-consent="analytics" data-src="https://film.example/1"></iframe>'
    drawn, kept = made.show("cover", frame=frame)
    assert kept.evaluate(SHAPE) == drawn.evaluate(SHAPE)


def test_a_difference_between_what_is_drawn_and_what_is_kept_is_noticed(stage: Any) -> None:
    made: Stage = stage("demo", "en")
    made.html["dialog"] = made.html["dialog"].replace('role="switch"', "", 1)
    drawn, kept = made.show("dialog")
    assert kept.evaluate(SHAPE) != drawn.evaluate(SHAPE)
    assert made.difference(drawn, drawn) == 0


def test_a_decision_on_what_was_drawn_names_it_and_a_page_s_own_does_not(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Accept all").click()
    seen.wait_until("consent.state === 'granted' && !consent.pending")
    page.evaluate("() => window.cookiegate.open()")
    seen.dialog.get_by_role("button", name="Reject all").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    seen.decide("accept")
    shown = [body.get("ui") for _, body in seen.sent]
    assert len(shown) == 3
    assert shown[0] == shown[1]
    assert re.fullmatch("[0-9a-f]{64}", shown[0])
    assert shown[2] is None


@pytest.mark.parametrize(("answer", "names_it_again"), [("Accept all", False), ("Reject all", True)])
def test_a_page_that_outlived_its_notice_names_only_what_it_drew(
    page: Page, service: LiveService, answer: str, names_it_again: bool
) -> None:
    script = script_of(service)
    now = re.search(rb'"notice":"([0-9a-f]{64})"', script)
    assert now is not None
    old = service.file(f"/outlived-{names_it_again}.js", script.replace(now[1], b"0" * 64))
    seen = visit(page, service).open(shop(script=f'<script src="{old}"></script>'))
    seen.answer(answer).click()
    if not names_it_again:  # asked anew, under a notice that came after the script
        expect(page.locator(STATUS)).to_contain_text("Please choose again")
        seen.answer(answer).click()
    seen.wait_until("consent.state !== 'undecided' && !consent.pending")
    shown = [body.get("ui") for _, body in seen.sent]
    assert shown == [shown[0], shown[0] if names_it_again else None]
    assert shown[0] is not None
