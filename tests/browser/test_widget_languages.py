"""Which language the banner speaks: that of the page, then the visitor's, then the site's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support.live import LiveService
from support.policies import MANY_LANGUAGES
from support.visits import CORNER, STRICT_CSP, Visit, shop, visit

from cookiegate.policy.wording import built_in

SCRIPT = '<script async src="/w/demo.js"></script>'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A site whose policy speaks every language."""
    live = LiveService(tmp_path_factory.mktemp("languages"))
    text = MANY_LANGUAGES.read_text(encoding="utf-8").replace("site: many-languages", "site: demo")
    (live.folder / "demo.yaml").write_text(text.replace('"https://www.example.jp"', live.url, 1), encoding="utf-8")
    with live:
        yield live


@pytest.fixture(autouse=True)
def whole_again(world: LiveService) -> Iterator[None]:
    """The service, quick and reachable after each test."""
    yield
    world.slow(0)
    world.cut(False)


def _asked(world: LiveService) -> list[str]:
    """What was fetched besides the script."""
    return [path for _, path, _ in world.host.hits if path.endswith(".json") and path.startswith("/w/")]


def _seen(visited: Visit, locale: str) -> None:
    words = built_in(locale)
    assert words is not None
    expect(visited.banner).to_have_attribute("lang", locale)
    expect(visited.banner.locator(".cg-title").first).to_have_text(words.ui["banner_title"])


def _open(page: Page, world: LiveService, lang: str, script: str = SCRIPT, **headers: str) -> Visit:
    world.host.hits.clear()
    return visit(page, world).open(shop(script=script).replace('lang="en"', lang), **headers)


@pytest.mark.parametrize(
    ("lang", "locale", "fetched"),
    [
        ('lang="ja"', "ja", ["/w/demo.ja.json"]),
        ('lang="zh-Hant-HK"', "zh-TW", ["/w/demo.zh-TW.json"]),
        ('lang="pt-BR"', "pt", ["/w/demo.pt.json"]),
        ('lang="he" dir="rtl"', "he", ["/w/demo.he.json"]),
        ('lang="en-US"', "en", []),
        ('lang="cy"', "en", []),
        ('lang="not a tag"', "en", []),
        ("", "en", []),
    ],
)
def test_the_page_s_language_wins_where_the_policy_offers_it(
    page: Page, world: LiveService, lang: str, locale: str, fetched: list[str]
) -> None:
    visited = _open(page, world, lang, Content_Security_Policy=STRICT_CSP)
    _seen(visited, locale)
    expect(visited.banner).to_have_attribute("dir", "rtl" if locale == "he" else "ltr")
    assert _asked(world) == fetched
    assert visited.faults == []


def test_the_visitor_s_language_counts_where_the_page_names_none(browser: Browser, world: LiveService) -> None:
    context = browser.new_context(locale="fa-IR")
    visited = _open(context.new_page(), world, "")
    _seen(visited, "fa")
    expect(visited.banner).to_have_attribute("dir", "rtl")
    assert _asked(world) == []
    context.close()


def test_an_address_that_names_a_language_is_taken_at_its_word(page: Page, world: LiveService) -> None:
    visited = _open(page, world, 'lang="ja"', '<script async src="/w/demo.fr.js"></script>')
    _seen(visited, "fr")
    assert _asked(world) == []


def test_all_layers_speak_the_page_s_language_and_what_was_seen_is_on_the_record(
    page: Page, world: LiveService
) -> None:
    visited = _open(page, world, 'lang="ar" dir="rtl"')
    words = built_in("ar")
    assert words is not None
    visited.answer(words.ui["choose"]).click()
    expect(visited.dialog).to_have_attribute("lang", "ar")
    expect(visited.dialog).to_have_attribute("dir", "rtl")
    expect(visited.dialog).to_contain_text(words.purposes["media"]["title"])
    expect(visited.dialog).to_contain_text(words.purposes["media"]["loss"])
    expect(visited.dialog).not_to_contain_text("undefined")
    box, switch = visited.dialog.bounding_box(), visited.dialog.get_by_role("switch").first.bounding_box()
    assert box
    assert switch
    assert switch["x"] < box["x"] + box["width"] / 2  # at the line's end, which is on the left
    visited.dialog.get_by_role("button", name=words.ui["accept"]).click()
    visited.wait_until("consent.state === 'granted' && !consent.pending")
    expect(page.locator(".cg-status")).to_have_text(words.ui["saved_granted"])
    expect(page.locator(CORNER)).to_have_attribute("aria-label", words.ui["manage"])
    [(_, decision)] = visited.sent
    with page.expect_response("**/w/demo.ar.json") as found:
        page.reload()
    known = found.value.json()
    assert (decision["notice"], decision["ui"]) == (known["notice"]["notice"], known["ui"])
    assert visited.faults == []


def test_texts_of_a_newer_release_do_not_bring_its_files(page: Page, world: LiveService) -> None:
    def newer(route: Route) -> None:
        body = route.fetch().json()
        body["language"]["code"] = "0" * 12
        route.fulfill(json={**body, "second": "f" * 64, "covers": "f" * 64})

    page.route("**/w/demo.ja.json", newer)
    visited = _open(page, world, 'lang="ja"')
    _seen(visited, "ja")
    words = built_in("ja")
    assert words is not None
    visited.answer(words.ui["choose"]).click()
    expect(visited.dialog).to_have_attribute("lang", "ja")
    assert visited.faults == []


def test_a_language_that_does_not_come_leaves_the_one_that_came(page: Page, world: LiveService) -> None:
    """A service that is slow, gone, or sends garbage: a second later the banner is there."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    for answer in (
        hold,
        lambda route: route.abort(),
        lambda route: route.fulfill(status=200, body="<html>"),
        lambda route: route.fulfill(status=200, json={"notice": {"texts": None}}),
        lambda route: route.fulfill(status=200, json={"notice": {"policy_version": 0, "texts": {"accept": "x"}}}),
    ):
        page.route("**/w/demo.ja.json", answer)
        _seen(_open(page, world, 'lang="ja"'), "en")
        page.unroute("**/w/demo.ja.json")
    assert held


def test_texts_of_other_code_are_shown_and_not_sworn_to(page: Page, world: LiveService, tmp_path: Path) -> None:
    def other(route: Route) -> None:
        body = route.fetch().json()
        body["language"]["code"] = "older"
        route.fulfill(json=body)

    page.route("**/w/demo.ja.json", other)
    visited = _open(page, world, 'lang="ja"')
    _seen(visited, "ja")
    visited.answer("すべて拒否する").click()
    visited.wait_until("consent.state === 'refused' && !consent.pending")
    assert "ui" not in visited.sent[0][1]
