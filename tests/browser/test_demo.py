"""``make demo``: what a visitor does in the shop, what the log file holds, and what the live view shows of it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect
from support.demos import DemoProcess
from support.live import LiveService, free_port
from support.visits import BANNER, CORNER, DIALOG

#: In Snowplow's terms and in the plain logger's: a field of each category.
FIELDS = {
    "snowplow": {"browsing": "url", "identifier": "duid", "screen": "res", "language": "lang", "other": "tz"},
    "plain": {
        "browsing": "page", "identifier": "client_id", "screen": "screen", "language": "language", "other": "timezone",
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=["plain", "snowplow"])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, npm_dir: Path) -> Iterator[Any]:
    """A running demo, once with its own logger and once with the real tracker."""
    folder = tmp_path_factory.mktemp("demo")
    arguments = ["--port", str(free_port())]
    if request.param == "plain":
        arguments.append("--no-npm")
    else:
        (folder / ".demo" / "npm").mkdir(parents=True)
        (folder / ".demo" / "npm" / "node_modules").symlink_to(npm_dir / "node_modules")
    running = DemoProcess(folder, *arguments)
    yield running
    assert running.end() == 0


class Onlooker:
    """Somebody before the two-pane page."""

    def __init__(self, page: Page, demo: DemoProcess) -> None:
        self.page = page
        self.demo = demo
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        demo.fetch("/demo/start-over", "POST")
        self._before = len(self.lines())
        page.goto(f"{demo.address}/demo/?lang=en")
        expect(self.shop.locator(BANNER)).to_be_visible()

    @property
    def shop(self) -> FrameLocator:
        """The shop in its frame."""
        return self.page.frame_locator("iframe")

    @property
    def tracker(self) -> str:
        """The tracker that the shop runs."""
        return "snowplow" if "@snowplow" in self.demo.said else "plain"

    @property
    def cards(self) -> Any:
        """The logged events that the live view shows."""
        return self.page.locator(".entries .event")

    def lines(self) -> list[dict[str, Any]]:
        """The log file."""
        return self.demo.lines(self.tracker)

    def logged(self) -> list[dict[str, Any]]:
        """The events that were logged during this visit, whatever the tracker's envelope."""
        fresh = self.lines()[self._before :]
        if self.tracker == "plain":
            return fresh
        return [event for line in fresh for event in json.loads(line["body"])["data"]]

    def answer(self, name: str) -> None:
        """Presses one of the banner's answers."""
        self.shop.locator(BANNER).get_by_role("button", name=name, exact=True).click()
        expect(self.shop.locator(BANNER)).to_have_count(0)

    def choose(self, *items: str) -> None:
        """Opens the dialog, turns on these switches and saves."""
        self.shop.locator(BANNER).get_by_role("button", name="Choose", exact=True).click()
        for item in items:
            self.shop.locator(f'{DIALOG} input[aria-describedby="cg-{item}"]').check()
        self.shop.locator(DIALOG).get_by_role("button", name="Save my choice").click()

    def change(self, name: str) -> None:
        """Opens the settings again and presses an answer there."""
        self.shop.locator(CORNER).click()
        self.shop.locator(DIALOG).get_by_role("button", name=name, exact=True).click()

    def buy(self) -> None:
        """Puts something into the basket."""
        self.shop.locator("[data-product]").first.click()

    def sees_state(self, state: str) -> None:
        """Waits until the live view shows what holds."""
        expect(self.page.locator("#state")).to_have_attribute("data-state", state)

    def sees_dropped(self, reasons: set[str]) -> None:
        """Waits until the live view has counted a dropped event for one of these reasons."""
        chosen = ", ".join(f'#reasons [data-reason="{reason}"]' for reason in sorted(reasons))
        expect(self.page.locator(chosen).first).to_be_visible()


@pytest.fixture
def onlooker(page: Page, demo: DemoProcess) -> Iterator[Onlooker]:
    """A fresh visitor, whose pages must not complain about anything."""
    made = Onlooker(page, demo)
    yield made
    assert made.faults == []


def test_nothing_is_logged_before_a_choice(onlooker: Onlooker) -> None:
    onlooker.sees_state("undecided")
    onlooker.buy()
    expect(onlooker.shop.locator(".basket output")).to_have_text("1")
    expect(onlooker.page.locator("#hint")).to_contain_text("The log is empty")
    assert onlooker.logged() == []
    assert onlooker.demo.feed()["totals"] == {"accepted": 0, "stripped": 0, "dropped": {}}


def test_nothing_is_logged_after_a_refusal_and_no_identifier_stays(onlooker: Onlooker) -> None:
    onlooker.answer("Reject all")
    onlooker.sees_state("refused")
    onlooker.buy()
    expect(onlooker.page.locator('.decision[data-state="refused"]')).to_have_text("You refused everything.")
    assert onlooker.logged() == []
    assert {cookie["name"] for cookie in onlooker.page.context.cookies()} == {"cg_choice", "demo_run"}


def test_after_a_choice_only_what_is_granted_is_logged_and_shown(onlooker: Onlooker) -> None:
    onlooker.choose("purposes-analytics", "acquire-screen", "acquire-language")
    onlooker.sees_state("granted")
    expect(onlooker.cards).to_have_count(1)
    fields = FIELDS[onlooker.tracker]
    [event] = onlooker.logged()
    assert {fields["screen"], fields["language"]} <= event.keys()
    assert not {fields["browsing"], fields["identifier"], fields["other"]} & event.keys()
    granted = onlooker.page.locator('#categories [data-granted="true"]')
    expect(granted).to_have_text(["Language", "Screen"])
    card = onlooker.cards.first
    expect(card.locator('.kept [data-category="screen"] + dd')).to_contain_text(event[fields["screen"]])
    expect(card.locator('.kept [data-category="browsing"]')).to_have_count(0)
    for category in ("browsing", "identifier", "other"):
        expect(card.locator(f'[data-removed="{category}"]')).to_contain_text(fields[category])


def test_the_live_view_is_never_told_what_was_not_allowed(onlooker: Onlooker) -> None:
    onlooker.choose("purposes-analytics", "acquire-screen")
    expect(onlooker.cards).to_have_count(1)
    onlooker.page.evaluate(
        "() => { document.querySelector('iframe').src = '/product.html?lang=en&secret=a-rare-word' }"
    )
    expect(onlooker.cards).to_have_count(2)
    told = json.dumps(onlooker.demo.feed())
    assert "a-rare-word" not in told
    assert "Mozilla" not in told


def test_the_live_view_shows_the_line_that_the_file_holds(onlooker: Onlooker) -> None:
    onlooker.answer("Accept all")
    expect(onlooker.cards).to_have_count(1)
    shown = onlooker.cards.first.locator("pre").text_content()
    assert json.loads(shown or "") == onlooker.lines()[-1]


def test_after_accepting_everything_is_logged(onlooker: Onlooker) -> None:
    onlooker.choose("purposes-analytics", "acquire-screen")
    expect(onlooker.cards).to_have_count(1)
    onlooker.change("Accept all")
    expect(onlooker.page.locator("#state")).to_have_text("Everything allowed")
    onlooker.buy()
    expect(onlooker.cards).to_have_count(2)
    expect(onlooker.cards.first.locator("h3")).to_contain_text("Put into the basket")
    before, after = onlooker.logged()
    assert set(FIELDS[onlooker.tracker].values()) <= after.keys()
    assert not set(FIELDS[onlooker.tracker].values()) <= before.keys()


def test_after_withdrawing_nothing_is_logged_though_the_tracker_still_sends(onlooker: Onlooker) -> None:
    onlooker.answer("Accept all")
    expect(onlooker.cards).to_have_count(1)
    onlooker.change("Reject all")
    onlooker.sees_state("withdrawn")
    logged = len(onlooker.logged())
    onlooker.buy()
    onlooker.sees_dropped({"token_missing", "withdrawn"})
    assert len(onlooker.logged()) == logged
    expect(onlooker.page.locator('#categories [data-granted="true"]')).to_have_count(0)


def test_nobody_gets_past_the_gate(onlooker: Onlooker) -> None:
    onlooker.answer("Accept all")
    expect(onlooker.cards).to_have_count(1)
    for cheat, reason in (("none", "token_missing"), ("forged", "signature_invalid")):
        onlooker.page.locator(f'[data-cheat="{cheat}"]').click()
        onlooker.sees_dropped({reason})
    onlooker.change("Reject all")
    onlooker.page.locator('[data-cheat="old"]').click()
    onlooker.sees_dropped({"withdrawn"})
    assert all(line.get("event") != "past_the_gate" for line in onlooker.demo.lines("plain"))


def test_starting_over_asks_again(onlooker: Onlooker) -> None:
    onlooker.answer("Accept all")
    expect(onlooker.cards).to_have_count(1)
    onlooker.page.locator("#start-over").click()
    expect(onlooker.shop.locator(BANNER)).to_be_visible()
    onlooker.sees_state("undecided")
    expect(onlooker.cards).to_have_count(0)
    assert {cookie["name"] for cookie in onlooker.page.context.cookies()} == {"demo_run"}


def test_both_languages_say_the_same_things(demo: DemoProcess, page: Page) -> None:
    page.goto(f"{demo.address}/demo/?lang=ja")
    expect(page.locator("#state")).to_have_text("まだ選ばれていません")
    shop = page.frame_locator("iframe")
    expect(shop.locator(BANNER).get_by_role("button", name="すべて拒否する")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.locator("#state")).to_have_text("No choice yet")
    expect(shop.locator(BANNER).get_by_role("button", name="Reject all")).to_be_visible()


def test_a_telephone_shows_one_pane_at_a_time_and_counts_what_is_unseen(browser: Browser, demo: DemoProcess) -> None:
    context = browser.new_context(locale="en-GB", viewport={"width": 390, "height": 844}, has_touch=True)
    onlooker = Onlooker(context.new_page(), demo)
    expect(onlooker.page.locator("#entries")).not_to_be_visible()
    onlooker.answer("Accept all")
    expect(onlooker.page.locator("#tab-count")).to_have_text("1")
    onlooker.page.locator("#tab-log").tap()
    expect(onlooker.cards.first).to_be_visible()
    expect(onlooker.page.locator("#tab-count")).to_be_hidden()
    assert onlooker.page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_the_page_and_the_shop_pass_axe(onlooker: Onlooker, npm_dir: Path) -> None:
    axe = (npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    onlooker.page.emulate_media(reduced_motion="reduce")  # what is fading in has no contrast yet
    onlooker.choose("purposes-analytics", "acquire-screen")
    expect(onlooker.cards).to_have_count(1)
    for frame in onlooker.page.frames:
        frame.evaluate(axe)
        found = frame.evaluate("async () => (await axe.run(document, { iframes: false })).violations")
        assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in found] == []


# --- the command ----------------------------------------------------------------------------------------------------


def without_npm() -> dict[str, str]:
    """This environment on a machine without npm."""
    return {**os.environ, "PATH": "/nowhere"}


def test_without_npm_it_says_so_and_runs_its_own_logger(tmp_path: Path) -> None:
    demo = DemoProcess(tmp_path, "--port", str(free_port()), env=without_npm())
    assert "npm is not installed, so the ten-line logger runs instead" in demo.said
    assert b"plain-logger.js" in demo.fetch("/")
    assert demo.end() == 0


def test_a_broken_npm_does_not_stop_it(tmp_path: Path) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\nexit 7\n")
    npm.chmod(0o755)
    demo = DemoProcess(tmp_path, "--port", str(free_port()), env={**os.environ, "PATH": f"{npm.parent}:/bin"})
    assert "(exit status 7), so the ten-line logger runs instead" in demo.said
    assert b"plain-logger.js" in demo.fetch("/")
    assert demo.end() == 0


def test_npm_fetches_the_unmodified_tracker_once(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    first = DemoProcess(tmp_path, "--port", str(free_port()))
    assert first.end() == 0
    if "npm could not fetch" in first.said:
        pytest.skip("npm cannot fetch packages here")
    assert "fetching @snowplow/browser-tracker 4.10.1 with npm" in first.said
    assert not list((tmp_path / ".demo" / "npm").glob("package-lock.json"))
    second = DemoProcess(tmp_path, "--port", str(free_port()), env=without_npm())
    assert b"Browser tracker for Snowplow v4.10.1" in second.fetch("/vendor/snowplow.js")[:200]
    assert second.end() == 0


def test_a_tampered_tracker_is_not_called_unmodified(tmp_path: Path, npm_dir: Path) -> None:
    dist = Path("node_modules/@snowplow/browser-tracker/dist/index.umd.min.js")
    copy = tmp_path / ".demo" / "npm" / dist
    copy.parent.mkdir(parents=True)
    copy.write_bytes((npm_dir / dist).read_bytes() + b"\n")
    demo = DemoProcess(tmp_path, "--port", str(free_port()), env=without_npm())
    assert b"plain-logger.js" in demo.fetch("/")
    assert demo.end() == 0


def test_a_taken_port_is_passed_over(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = DemoProcess(tmp_path, "--no-npm", "--port", str(port))
        assert demo.port > port
        assert f"{port} is taken" in demo.said
        assert f"http://127.0.0.1:{demo.port}/demo/" in demo.said
        assert demo.end() == 0


def test_variables_meant_for_a_real_service_are_left_alone(tmp_path: Path) -> None:
    env = {**os.environ, "COOKIEGATE_DATABASE_URL": f"sqlite:///{tmp_path}/real.db"}
    demo = DemoProcess(tmp_path, "--no-npm", "--port", str(free_port()), env=env)
    assert demo.end() == 0
    assert not (tmp_path / "real.db").exists()


def test_a_fresh_start_asks_again_and_keep_does_not(tmp_path: Path, context: BrowserContext) -> None:
    port = str(free_port())
    page = context.new_page()
    for arguments, asks in (([], True), (["--keep"], False), ([], True)):
        demo = DemoProcess(tmp_path, "--no-npm", "--port", port, *arguments)
        page.goto(f"{demo.address}/demo/?lang=en")
        banner = page.frame_locator("iframe").locator(BANNER)
        if asks:
            banner.get_by_role("button", name="Reject all").click()
            expect(banner).to_have_count(0)
        else:
            expect(page.locator("#state")).to_have_attribute("data-state", "refused")
            expect(banner).to_have_count(0)
        expect(page.locator("#state")).to_have_attribute("data-state", "refused")
        page.goto("about:blank")
        assert demo.end() == 0


def test_a_real_service_has_no_demo_pages(service: LiveService) -> None:
    for path in ("/demo/", "/demo/feed", "/shop.css"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{service.process.port}{path}")
        assert refused.value.code == 404
        refused.value.close()
