"""``evidence.html`` in a browser: complete in itself, readable by everyone, and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from support.service import AGENT, make_bench

from cookiegate.web.evidence.gathering import EvidenceRoom
from cookiegate.web.evidence.writing import check_evidence, write_evidence

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)
AXE_RUN = "async () => (await axe.run('html', { iframes: false })).violations.map((fault) => fault.id)"


class Written:
    """Evidence of one decision, as files of several languages."""

    def __init__(self, folder: Path, agent: str, kind: Any) -> None:
        bench = make_bench(folder / "data", BASE_URL="https://consent.example.jp")
        visitor = bench.visitor(agent=agent)
        ui = bench.service.surfaces.current("demo", "ja", kind).digest
        answer = visitor.decide("accept", notice=visitor.notice("ja")["notice"], ui=ui).get_json()
        evidence = EvidenceRoom(bench.service.settings, bench.service.storage, bench.clock).gather(
            answer["decision"]["id"]
        )
        self.address = {
            lang: write_evidence(evidence, check_evidence(evidence), folder / f"{lang}.html", lang)[0].as_uri()
            for lang in ("en", "ja")
        }
        bench.service.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Written]:
    """Decisions on the banner, on a telephone, and by the form."""
    return {
        "desktop": Written(tmp_path_factory.mktemp("desktop"), AGENT, "widget"),
        "phone": Written(tmp_path_factory.mktemp("phone"), PHONE, "widget"),
        "form": Written(tmp_path_factory.mktemp("form"), AGENT, "preferences"),
    }


@pytest.mark.parametrize("name", ["desktop", "phone", "form"])
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_it_asks_the_network_for_nothing_and_complains_of_nothing(
    page: Page, written: dict[str, Written], name: str, lang: str
) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(written[name].address[lang])
    assert page.locator("h1").is_visible()
    assert asked == [written[name].address[lang]]
    assert said == []


@pytest.mark.parametrize(("name", "width"), [("desktop", 1200), ("phone", 390)])
def test_s03_the_banner_stands_in_it_as_it_was_shown(
    page: Page, written: dict[str, Written], name: str, width: int
) -> None:
    page.goto(written[name].address["en"])
    banner = page.frame_locator("iframe").first.locator("section.cg-bar")
    assert banner.evaluate("(element) => element.getBoundingClientRect().width") == width
    assert banner.get_by_role("button").count() == 4
    accept = banner.get_by_role("button").first
    assert accept.inner_text() == "すべて許可する"
    colours = "(element) => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]"
    assert accept.evaluate(colours) == ["rgb(31, 111, 84)", "rgb(255, 255, 255)"]
    assert page.frame_locator("iframe").nth(1).locator("dialog").is_visible()


def test_it_is_printed_with_what_was_shown(page: Page, written: dict[str, Written]) -> None:
    page.goto(written["desktop"].address["ja"])
    page.emulate_media(media="print")
    for number, layer in enumerate(("section.cg-bar", "dialog.cg-dialog")):
        shown = page.frame_locator("iframe").nth(number).locator(layer)
        assert shown.evaluate("(element) => getComputedStyle(element).display") in ("grid", "flex")
    assert page.locator("#evidence-json").is_hidden()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_axe_finds_nothing_wrong_and_nothing_overflows(
    browser: Browser, written: dict[str, Written], npm_dir: Path, lang: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    for name in ("desktop", "form"):
        page.goto(written[name].address[lang])
        page.evaluate((npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
        assert page.evaluate(AXE_RUN) == []
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    context.close()
