"""A close look at a banner: bytes, requests, accessibility, content security policy, room, what it leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from benchmarks.widget.contenders import MODULES, Contender
from benchmarks.widget.serving import Website

AXE = MODULES / "axe-core" / "axe.min.js"
SMALL = ViewportSize(width=320, height=480)
_STILL = "() => document.getAnimations().every((each) => each.playState !== 'running')"
_RULES = "async (selector) => (await axe.run(selector)).violations.map(({ id }) => id)"
_COVERED = """(found) => {
  const { left, right, top, bottom } = found.getBoundingClientRect(), { innerWidth: w, innerHeight: h } = window;
  const inside = (from, to, most) => Math.max(0, Math.min(to, most) - Math.max(from, 0));
  return inside(left, right, w) * inside(top, bottom, h) / (w * h);
}"""
_KEPT = """async () => {
  const databases = await indexedDB.databases();
  return [...Object.keys(localStorage), ...Object.keys(sessionStorage), ...databases.map(({ name }) => name)];
}"""
_REPORT = """
window.benchViolations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  window.benchViolations.push(`${violatedDirective} ${blockedURI}`));
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found.

    ``gzip`` and ``brotli`` are bytes before the banner, ``gzip_both`` with what the second layer fetches; ``requests``
    counts the page too. ``banner`` and ``dialog`` are axe's rules that were broken (None: it has no second layer),
    ``forbidden`` what the strict policy stopped, ``covers`` a share of 320×480, ``kept`` names of what was stored.
    """

    gzip: int
    gzip_both: int
    brotli: int
    requests: int
    banner: Sequence[str]
    dialog: Sequence[str] | None
    forbidden: Sequence[str]
    covers: float
    kept: Sequence[str]


def look(browser: Browser, site: Website, contender: Contender, script: str, window_ms: int) -> Look:
    """Looks at both layers, a small screen and the strict page.

    Args:
        script: runs before each page's own.
        window_ms: how long a page is left alone after its load event.
    """
    context = _context(browser, script)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.page(contender))
    page.wait_for_timeout(window_ms)
    before = _without_icon(asked)
    kept = [*(str(cookie.get("name")) for cookie in context.cookies()), *page.evaluate(_KEPT)]
    page.add_script_tag(path=AXE)
    page.wait_for_function(_STILL)
    banner = page.evaluate(_RULES, contender.banner)
    dialog = _second_layer(page, contender) if contender.opener else None
    both = _without_icon(asked)
    context.close()
    weights = [site.weigh(url) for url in before]
    return Look(
        gzip=sum(weight[0] for weight in weights),
        gzip_both=sum(site.weigh(url)[0] for url in both),
        brotli=sum(weight[1] for weight in weights),
        requests=len(before),
        banner=banner,
        dialog=dialog,
        forbidden=_forbidden(browser, site, contender, script, window_ms),
        covers=_covers(browser, site, contender, script, window_ms),
        kept=kept,
    )


def _context(browser: Browser, script: str) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.add_init_script(script)
    return context


def _without_icon(urls: Sequence[str]) -> list[str]:
    return [url for url in urls if not url.endswith("/favicon.ico") and not url.startswith("data:")]


def _second_layer(page: Page, contender: Contender) -> list[str]:
    page.locator(contender.opener).first.click()
    page.locator(contender.dialog).first.wait_for()
    page.wait_for_function(_STILL)
    rules: list[str] = page.evaluate(_RULES, contender.dialog)
    return rules


def _forbidden(browser: Browser, site: Website, contender: Contender, script: str, window_ms: int) -> list[str]:
    context = _context(browser, script + _REPORT)
    page = context.new_page()
    page.goto(site.page(contender, "strict.html"))
    page.wait_for_timeout(window_ms)
    found: list[str] = page.evaluate("() => window.benchViolations")
    if not page.locator(contender.banner).first.is_visible():
        found.append("no banner")
    context.close()
    return found


def _covers(browser: Browser, site: Website, contender: Contender, script: str, window_ms: int) -> float:
    context = _context(browser, script)
    page = context.new_page()
    page.set_viewport_size(SMALL)
    page.goto(site.page(contender))
    page.wait_for_timeout(window_ms)
    page.wait_for_function(_STILL)
    share: float = page.locator(contender.banner).first.evaluate(_COVERED)
    context.close()
    return share
