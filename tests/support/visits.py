"""A visitor in a real browser: pages with the script tag, and what they see, press and keep."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Route

from support.live import LiveService

#: The strictest policy that a page can have and still load the script.
STRICT_CSP = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
#: The same for pages that name every script by a nonce, and the script tag of such a page.
NONCE_CSP = STRICT_CSP.replace("script-src 'self'", "script-src 'nonce-r4nd0m'")
NONCE_TAG = '<script nonce="r4nd0m" async src="/w/demo.en.js"></script>'
BANNER = "section.cg-bar"
DIALOG = "dialog.cg-dialog"
CORNER = ".cg-corner button"
STATUS = ".cg-status"
DECISIONS = re.compile(r"/v1/sites/demo/decisions$")


def shop(body: str = "", *, lang: str = "en", head: str = "", script: str | None = None) -> str:
    """A small page with the script tag in its head, as the documentation tells."""
    tag = script if script is not None else f'<script async fetchpriority="high" src="/w/demo.{lang}.js"></script>'
    return f"""<!doctype html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Shop</title>{tag}{head}</head>
<body><header><a href="#goods" id="first-link">Goods</a></header>
<main><h1 id="goods">Goods</h1><p>Bowls and cloth.</p>{body}</main></body></html>"""


@dataclass
class Visit:
    """One visitor's tab on one page.

    ``sent`` holds each POST of a decision as (idempotency key, body); ``faults`` what the page complained about.
    """

    page: Page
    service: LiveService
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def banner(self) -> Locator:
        """The first layer."""
        return self.page.locator(BANNER)

    @property
    def dialog(self) -> Locator:
        """The second layer."""
        return self.page.locator(DIALOG)

    def answer(self, name: str) -> Locator:
        """One of the banner's three answers."""
        return self.banner.get_by_role("button", name=name)

    def open(self, html: str, **headers: str) -> Visit:
        """Goes to a new page of the site."""
        return self.go(self.service.page(html, **headers))

    def go(self, url: str) -> Visit:
        """Goes to a page and waits until the script gave its interface."""
        self.page.goto(url)
        self.page.wait_for_function("() => window.cookiegate && window.cookiegate.ready")
        return self

    def consent(self) -> dict[str, Any]:
        """``cookiegate.consent`` as the page reads it."""
        value: dict[str, Any] = self.page.evaluate("() => JSON.parse(JSON.stringify(window.cookiegate.consent))")
        return value

    def granted(self) -> list[str]:
        """The optional purposes in effect."""
        return [key for key, holds in self.consent()["purposes"].items() if holds and key != "security"]

    def token(self, purpose: str | None = None) -> str | None:
        """``cookiegate.token(purpose)``."""
        value: str | None = self.page.evaluate("(purpose) => window.cookiegate.token(purpose)", purpose)
        return value

    def decide(self, choice: Any) -> dict[str, Any]:
        """``cookiegate.decide(choice)``, awaited."""
        value: dict[str, Any] = self.page.evaluate(
            "async (choice) => JSON.parse(JSON.stringify(await window.cookiegate.decide(choice)))", choice
        )
        return value

    def wait_until(self, condition: str, **arguments: Any) -> None:
        """Waits for a JavaScript condition on ``consent``."""
        self.page.wait_for_function(
            f"() => {{ const {{ consent }} = window.cookiegate; return {condition} }}", **arguments
        )

    def kept(self) -> dict[str, str]:
        """Everything that the browser keeps for the site: cookies and storage."""
        found = {cookie["name"]: cookie["value"] for cookie in self.page.context.cookies()}
        found.update(self.page.evaluate("() => ({ ...localStorage, ...sessionStorage })"))
        return found


def visit(page: Page, service: LiveService) -> Visit:
    """Starts to watch a tab."""
    made = Visit(page, service)

    def note_request(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/decisions"):
            made.sent.append((request.headers["idempotency-key"], json.loads(request.post_data or "{}")))

    def note_message(message: ConsoleMessage) -> None:
        # A dead service shows as a failed request: that is the browser's own line, and the point of some tests.
        if message.type == "error" and "Failed to load resource" not in message.text:
            made.faults.append(message.text)

    page.on("request", note_request)
    page.on("console", note_message)
    page.on("pageerror", lambda error: made.faults.append(str(error)))
    return made


def script_of(service: LiveService, lang: str = "en") -> bytes:
    """The script as the service sends it now."""
    with urllib.request.urlopen(f"{service.url}/w/demo.{lang}.js") as answer:
        body: bytes = answer.read()
    return body


def refuse_cookies(context: BrowserContext) -> None:
    """Makes the browser drop every cookie and refuse storage, as its strictest setting does."""
    context.add_init_script(
        """
        Object.defineProperty(Document.prototype, "cookie", { get: () => "", set() {}, configurable: true });
        for (const name of ["localStorage", "sessionStorage"])
          Object.defineProperty(window, name, { get() { throw new DOMException("refused", "SecurityError") } });
        """
    )


def answer_decisions(context: BrowserContext, handle: Callable[[Route], None]) -> None:
    """Lets a test stand between the page and ``POST /decisions``."""
    context.route(DECISIONS, handle)


class HeldRequest:
    """The first request to such an address, kept back until a test lets it go. Every later one passes."""

    def __init__(self, context: BrowserContext, address: re.Pattern[str] = DECISIONS) -> None:
        self._came: list[Route] = []
        context.route(address, lambda route: route.continue_() if self._came else self._came.append(route))

    def wait(self, page: Page) -> None:
        """Returns once it is there."""
        while not self._came:  # bounded by the test's own timeout
            page.wait_for_timeout(10)

    def let_go(self, page: Page) -> None:
        """Lets it reach the service, once it is there."""
        self.wait(page)
        self._came[0].continue_()
