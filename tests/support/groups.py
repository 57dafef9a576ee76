"""Two sites of one group: their addresses, and what a visitor does on them and at their service."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from support.live import LiveService
from support.policies import demo_yaml
from support.visits import Visit, visit

DOMAIN = "example.co.uk"
SERVICE = f"http://consent.{DOMAIN}"
BLOG_DECISIONS = re.compile(r"/v1/sites/blog/decisions$")
BLOG_CONSENT = re.compile(r"/v1/sites/blog/consent$")
ANALYTICS = {"purposes": {"analytics": True}, "acquire": {"browsing": True}}
NAMES = {"demo": "Aoba Store", "blog": "The Aoba blog"}


def policy(site: str, other: str) -> str:
    """The demo's, for a site that shares with the other."""
    text = demo_yaml(f"http://{site}.{DOMAIN}", lambda text: text.replace("site: demo", f"site: {site}", 1))
    return f"{text}\nshare: {{group: {{{other}: {NAMES[other]}}}}}\n"


def enter(context: BrowserContext, service: LiveService) -> Visit:
    """A new page of a visitor; counts of requests begin anew."""
    service.host.hits.clear()
    return visit(context.new_page(), service)


def address_of(site: str, page: str | None = None) -> str:
    """Of a site's page, or of another page on its host."""
    return f"http://{site}.{DOMAIN}/{page or site}.html"


def asked_by(service: LiveService) -> int:
    """How often the blog's pages asked what holds."""
    return sum(path == "/v1/sites/blog/consent" for _, path, _ in service.host.hits)


def sent_to(service: LiveService) -> int:
    """How many decisions of the blog's pages reached the service."""
    return sum(method == "POST" and path == "/v1/sites/blog/decisions" for method, path, _ in service.host.hits)


def when_ready(page: Page) -> Any:
    """State, and whether the visitor is to be asked, once the page knows."""
    return page.evaluate("async () => { const { state, ask } = await cookiegate.ready; return [state, ask] }")


def choose_at_the_service(context: BrowserContext, answer: str) -> None:
    """Answers on the preferences page of the shop, which tells no open page of it."""
    page = context.new_page()
    page.goto(f"{SERVICE}/preferences/demo?lang=en")
    page.get_by_role("button", name=answer, exact=True).click()
    expect(page.get_by_role("status")).to_be_visible()
    page.close()


def come_back(seen: Visit) -> None:
    """To a tab that is open; headless tabs are visible all the time."""
    seen.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")


def wait_here(context: BrowserContext, there: Visit, choice: Any) -> None:
    """Chooses on a page whose decisions do not get through, for the time being."""
    context.route(BLOG_DECISIONS, lambda route: route.abort())
    with there.page.expect_event("requestfailed", lambda request: request.url.endswith("/blog/decisions")):
        there.page.evaluate("(choice) => void cookiegate.decide(choice)", choice)
    there.wait_until("consent.pending")


def try_again(context: BrowserContext, there: Visit) -> None:
    context.unroute(BLOG_DECISIONS)
    there.page.evaluate("() => dispatchEvent(new Event('online'))")
    there.wait_until("!consent.pending")


def instead(status: int, body: str, **headers: str) -> dict[str, Any]:
    """What stands between the blog's pages and the service answers in its place."""
    allowed = {"Access-Control-Allow-Origin": f"http://blog.{DOMAIN}", "Access-Control-Allow-Credentials": "true"}
    shown = {"Access-Control-Expose-Headers": "Retry-After", "Content-Type": "application/json"}
    return {"status": status, "body": body, "headers": {**allowed, **shown, **headers}}
