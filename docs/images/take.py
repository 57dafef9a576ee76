"""``make screenshots``: the demo in Chromium, in two languages and two sizes, before and after every kind of choice.

All pictures go to ``.shots/``, to be looked at; the two that the README shows go to this folder.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Page, expect, sync_playwright
from support.demos import DemoProcess

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / ".shots"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
SIZES = {"desktop": (1280, 800, 1), "phone": (390, 844, 2)}
WORDS = {
    "en": {"accept": "Accept all", "reject": "Reject all", "choose": "Choose", "save": "Save my choice"},
    "ja": {
        "accept": "すべて許可する",
        "reject": "すべて拒否する",
        "choose": "個別に選択する",
        "save": "選択を保存する",
    },
}
CHOSEN = ("purposes-analytics", "acquire-device", "acquire-language", "acquire-screen")
FOR_README = {"en-desktop-3-choose": "demo-en.png", "ja-phone-1-before": "demo-ja-phone.png"}
LARGEST_BYTES = 300_000
PORT = 8000  # it is in the pictures


class Camera:
    """One visitor of one language on one device."""

    def __init__(self, browser: Browser, demo: DemoProcess, locale: str, size: str) -> None:
        width, height, scale = SIZES[size]
        self._context = browser.new_context(
            locale=locale,
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            has_touch=size == "phone",
            is_mobile=size == "phone",
            reduced_motion="reduce",
            timezone_id="Asia/Tokyo",
        )
        self.page: Page = self._context.new_page()
        self.words = WORDS[locale]
        self._name = f"{locale}-{size}"
        self._is_phone = size == "phone"
        demo.fetch("/demo/start-over", "POST")
        self.page.goto(f"{demo.address}/demo/?lang={locale}")
        self.shop: FrameLocator = self.page.frame_locator("iframe")
        expect(self.shop.locator(".cg-bar")).to_be_visible()

    def close(self) -> None:
        """Ends the visit."""
        self._context.close()

    def take(self, name: str) -> None:
        """Takes the page; on a phone, both of its tabs."""
        self.page.wait_for_timeout(1200)  # the live view asks twice a second
        self._shoot(name)
        if self._is_phone:
            self.page.locator("#tab-log").tap()
            self._shoot(f"{name}-log")
            self.page.locator("#tab-shop").tap()

    def _shoot(self, name: str) -> None:
        file = SHOTS / f"{self._name}-{name}.png"
        self.page.screenshot(path=file)
        copy = FOR_README.get(file.stem)
        if copy is not None:
            (Path(__file__).parent / copy).write_bytes(file.read_bytes())
            assert file.stat().st_size <= LARGEST_BYTES, f"{file} is too large for the README"
        print(file.relative_to(ROOT), file.stat().st_size)

    def answer(self, name: str) -> None:
        """Presses one of the banner's answers."""
        self.shop.locator(".cg-bar").get_by_role("button", name=self.words[name], exact=True).click()

    def choose(self) -> None:
        """Allows analytics with a few kinds of information."""
        self.answer("choose")
        self.page.wait_for_timeout(400)
        self._shoot("2-dialog")
        for item in CHOSEN:
            self.shop.locator(f'.cg-dialog input[aria-describedby="cg-{item}"]').check()
        self.shop.locator(".cg-dialog footer").get_by_role("button", name=self.words["save"]).click()

    def change(self, name: str) -> None:
        """Opens the settings again and presses an answer there."""
        self.shop.locator(".cg-corner button").click()
        self.shop.locator(".cg-dialog footer").get_by_role("button", name=self.words[name]).click()

    def buy(self) -> None:
        """Puts the first thing into the basket."""
        self.shop.locator("[data-product]").first.click()


def tour(browser: Browser, demo: DemoProcess, locale: str, size: str) -> None:
    """Every state, in the order in which a visitor meets them."""
    visitor = Camera(browser, demo, locale, size)
    visitor.take("1-before")
    visitor.answer("reject")
    visitor.take("2-reject")
    visitor.close()
    visitor = Camera(browser, demo, locale, size)
    visitor.choose()
    visitor.take("3-choose")
    visitor.change("accept")
    visitor.page.wait_for_timeout(1500)
    visitor.buy()
    visitor.take("4-accept")
    visitor.change("reject")
    visitor.page.wait_for_timeout(1500)
    visitor.buy()
    visitor.page.locator('[data-cheat="forged"]').dispatch_event("click")
    visitor.take("5-withdraw")
    visitor.close()


def main() -> None:
    """Takes them all."""
    SHOTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = DemoProcess(Path(folder), "--port", str(PORT))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for locale in WORDS:
            for size in SIZES:
                tour(browser, demo, locale, size)
        browser.close()
        demo.end()


if __name__ == "__main__":
    main()
