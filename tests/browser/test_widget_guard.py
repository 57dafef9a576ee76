"""Automatic holding by a list of hosts: what the page itself does not mark waits too, and never the site's own code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from support.live import LiveService
from support.visits import STRICT_CSP, shop, visit

STATS, ADS, FREE = "http://stats.example", "http://cdn.ads.example", "http://free.example"
HOLD = '\nhold:\n  hosts: {stats.example: analytics, "*.ads.example": advertising, exact.ads.example: analytics}\n'
TAG = '<script src="/w/demo.en.js"></script>'
NOTE = "window.ran = (window.ran || []).concat"

#: What trackers do, in the ways in which they do it. ``done`` holds how each call ended.
PAGE = f"""
<script>{NOTE}("own inline"); window.done = {{}};</script>
<script src="{STATS}/parsed.js"></script>
<script>{NOTE}("own after")</script>
<script defer src="{STATS}/deferred.js"></script>
<script src="/own.js"></script>
<script src="{FREE}/free.js"></script>
<script>
  const first = document.querySelector("script");
  const snippet = document.createElement("script");
  snippet.async = true; snippet.src = "{STATS}/snippet.js"; snippet.type = "text/javascript";
  snippet.onload = () => {{ {NOTE}("snippet's onload") }};
  first.parentNode.insertBefore(snippet, first);
  const by = document.createElement("script");
  by.setAttribute("SRC", "{ADS}/attribute.js"); document.head.appendChild(by);
  const frame = document.createElement("iframe"); frame.id = "frame"; frame.width = 480; frame.height = 270;
  frame.src = "{ADS}/frame.html"; document.body.append(frame);
  const own = document.createElement("iframe"); own.id = "own"; own.src = "/own.html"; document.body.append(own);
  const sheet = document.createElement("link"); sheet.rel = "stylesheet"; sheet.href = "{STATS}/sheet.css";
  document.head.append(sheet);
  const shown = new Image(10, 10); shown.id = "shown"; shown.src = "{ADS}/shown.svg"; document.body.append(shown);
  const beat = new Image(); beat.onerror = () => {{ done.image = "error" }}; beat.src = "{STATS}/beat.gif?a=1";
  fetch("{STATS}/fetch").catch((error) => {{ done.fetch = error.name }});
  fetch(new Request("{ADS}/request")).catch((error) => {{ done.request = error.name }});
  fetch(new URL("{FREE}/fetch")).then((answer) => {{ done.free = answer.status }});
  fetch("/own.js").then((answer) => {{ done.own = answer.status }});
  const ask = new XMLHttpRequest(); ask.open("POST", "{STATS}/xhr");
  ask.onerror = () => {{ done.xhr = [ask.readyState, ask.status] }}; ask.send("x");
  const at = new XMLHttpRequest(); at.open("GET", "{ADS}/sync", false);
  try {{ at.send() }} catch (error) {{ done.sync = error.name }}
  done.beacon = navigator.sendBeacon("{STATS}/beacon", "x");
  const socket = new WebSocket("ws://stats.example/socket");
  done.states = [socket.readyState];
  socket.addEventListener("error", () => done.states.push("error"));
  socket.onclose = (event) => done.states.push(event.code, socket.readyState, socket instanceof WebSocket);
  const source = new EventSource("{ADS}/events");
  source.onerror = () => {{ done.events = source.readyState }};
</script>
<p id="end">end</p>
"""
KINDS = {
    "stats.example": {
        "script": 3, "link": 1, "img": 1, "fetch": 1, "xhr": 1, "beacon": 1, "socket": 1,
    },
    "cdn.ads.example": {"script": 1, "iframe": 1, "img": 1, "fetch": 1, "xhr": 1, "events": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The demo site with a list of hosts."""
    live = LiveService(tmp_path_factory.mktemp("holding"))
    policy = live.folder / "demo.yaml"
    policy.write_text(policy.read_text(encoding="utf-8") + HOLD, encoding="utf-8")
    with live:
        live.file("/own.js", f'{NOTE}("own file")')
        live.page("<p>own</p>", path="/own.html")
        yield live


@pytest.fixture
def world(context: BrowserContext) -> list[str]:
    """Other companies' hosts: what reaches them, as ``host/path``."""
    reached: list[str] = []

    def answer(route: Route) -> None:
        address = route.request.url.removeprefix("http://")
        reached.append(address)
        name = address.partition("?")[0].rpartition("/")[2]
        bodies = {
            "js": ("text/javascript", f'{NOTE}("{name}")'),
            "html": ("text/html", "<p>advertisement</p>"),
            "css": ("text/css", "main { color: rgb(1, 2, 3) }"),
            "svg": ("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'),
        }
        kind, body = bodies.get(name.rpartition(".")[2], ("text/plain", ""))
        route.fulfill(body=body, content_type=kind, headers={"Access-Control-Allow-Origin": "*"})

    context.route("http://*.example/**", answer)
    context.route("http://*.ads.example/**", answer)
    return reached


def held(page: Page) -> dict[str, dict[str, int]]:
    """What was held, by host and kind."""
    found: dict[str, dict[str, int]] = {}
    calls: list[dict[str, Any]] = page.evaluate("() => window.cookiegate.held()")
    for call in calls:
        found.setdefault(call["host"], {})[call["kind"]] = call["count"]
    return found


def test_nothing_reaches_a_listed_host_until_its_purpose_is_allowed(
    page: Page, holding: LiveService, world: list[str]
) -> None:
    seen = visit(page, holding).open(shop(PAGE, script=TAG))
    page.wait_for_function("() => Object.keys(done).length === 10 && done.states.length === 5")
    assert page.evaluate("() => done") == {
        "image": "error", "fetch": "TypeError", "request": "TypeError", "free": 200, "own": 200, "xhr": [4, 0],
        "sync": "NetworkError", "beacon": True, "states": [0, "error", 1006, 3, True], "events": 2,
    }  # fmt: skip
    assert page.evaluate("() => window.ran") == ["own inline", "own after", "own file", "free.js"]
    # The browser looks ahead of its parser and may have asked for what stands in the page's own markup.
    assert {address for address in world if "parsed" not in address and "deferred" not in address} == {
        "free.example/free.js", "free.example/fetch",
    }  # fmt: skip
    assert held(page) == KINDS
    expect(page.frame_locator("#own").get_by_text("own")).to_be_visible()
    cover = page.frame_locator("#frame")
    expect(cover.locator(".cg-cover")).to_contain_text("cdn.ads.example")
    assert page.evaluate("() => [frame.src, snippet.type, by.src, sheet.href]") == [
        f"{ADS}/frame.html", "text/javascript", f"{ADS}/attribute.js", f"{STATS}/sheet.css",
    ]  # fmt: skip
    assert seen.faults == []

    seen.decide({"purposes": {"analytics": True}})
    page.wait_for_function("() => window.ran.length === 8")
    ran: list[str] = page.evaluate("() => window.ran.slice(4)")
    assert sorted(ran) == ["deferred.js", "parsed.js", "snippet's onload", "snippet.js"]
    assert ran.index("parsed.js") < ran.index("deferred.js")
    page.wait_for_function("() => getComputedStyle(document.querySelector('main')).color === 'rgb(1, 2, 3)'")
    assert not any("cdn.ads.example" in address or "beat" in address for address in world)
    assert page.evaluate("async (url) => (await fetch(url)).status", f"{STATS}/now") == 200

    cover.get_by_role("button", name="Always allow").click()
    expect(cover.get_by_text("advertisement")).to_be_visible()
    page.wait_for_function("() => window.ran.includes('attribute.js') && document.querySelector('#shown').complete")
    seen.decide("withdraw")
    expect(cover.get_by_role("button", name="Always allow")).to_be_visible()
    assert page.evaluate("(url) => fetch(url).catch((error) => error.name)", f"{STATS}/later") == "TypeError"
    assert not any("later" in address for address in world)
    assert seen.faults == []


def test_a_frame_that_the_page_did_not_mark_can_be_shown_once(
    page: Page, holding: LiveService, world: list[str]
) -> None:
    seen = visit(page, holding).open(shop(PAGE, script=TAG))
    frame = page.frame_locator("#frame")
    frame.get_by_role("button", name="Show this time").click()
    expect(frame.get_by_text("advertisement")).to_be_visible()
    assert [address for address in world if "ads.example" in address] == ["cdn.ads.example/frame.html"]
    assert seen.consent()["state"] == "undecided"


def test_the_nearest_entry_counts_and_what_is_marked_keeps_its_mark(
    page: Page, holding: LiveService, world: list[str]
) -> None:
    marked = f"""<iframe id="marked" data-consent="quality" data-src="{ADS}/frame.html" width="480" height="270">
      </iframe>
      <script type="text/plain" data-consent="quality" src="{STATS}/marked.js"></script>"""
    seen = visit(page, holding).open(shop(marked, script=TAG))
    status = "(url) => fetch(url).then((answer) => answer.status, (error) => error.name)"
    ask = ["http://exact.ads.example/1", "http://deep.cdn.ads.example/1", "http://ads.example/1", f"{FREE}/1"]
    assert [page.evaluate(status, url) for url in ask] == ["TypeError", "TypeError", 200, 200]
    seen.decide({"purposes": {"analytics": True}})
    assert [page.evaluate(status, url) for url in ask] == [200, "TypeError", 200, 200]
    seen.decide({"purposes": {"quality": True}})
    page.wait_for_function("() => window.ran?.includes('marked.js')")
    expect(page.frame_locator("#marked").get_by_text("advertisement")).to_be_visible()
    page.evaluate("(url) => { document.querySelector('#marked').src = url }", f"{ADS}/frame.html?2")
    expect(page.frame_locator("#marked").get_by_text("advertisement")).to_be_visible()


LOOK = """() => {
  const names = ["fetch", "WebSocket", "EventSource", "XMLHttpRequest"];
  const shape = (work) => [work.name, work.length, /\\{\\s*\\[native code\\]\\s*\\}$/.test(work), typeof work];
  const flags = ({ value, get, set, ...rest }) => rest;
  const src = (kind) => Object.getOwnPropertyDescriptor(kind.prototype, "src");
  return {
    shapes: [...names.map((name) => window[name]), navigator.sendBeacon, XMLHttpRequest.prototype.open,
      XMLHttpRequest.prototype.send, document.write, document.createElement("img").setAttribute,
      src(HTMLImageElement).get, src(HTMLScriptElement).set].map(shape),
    flags: [...names.map((name) => Object.getOwnPropertyDescriptor(window, name)), src(HTMLIFrameElement)].map(flags),
    constants: [WebSocket.CLOSED, WebSocket.prototype.constructor === WebSocket, fetch === window.fetch],
    keys: Object.keys(window).includes("fetch"),
    child: (() => { class Child extends WebSocket {} const made = new Child("ws://127.0.0.1:9/");
      return [made instanceof Child, made instanceof WebSocket, made.url] })(),
    thrown: [() => new WebSocket("not an address"), () => WebSocket("ws://a/"),
      () => document.createElement("img").setAttribute("1", ""),
      () => navigator.sendBeacon.call(1, "x"), () => new XMLHttpRequest().send()]
      .map((work) => { try { work(); return null } catch (error) { return error.name } }),
  };
}"""


def test_what_is_put_around_the_browser_s_functions_looks_and_fails_like_them(
    page: Page, holding: LiveService, service: LiveService, world: list[str]
) -> None:
    page.goto(service.page(shop(script="")))
    plain = page.evaluate(LOOK)
    visit(page, holding).open(shop(script=TAG))
    assert page.evaluate(LOOK) == plain


def test_pages_that_get_in_the_way_are_held_all_the_same(page: Page, holding: LiveService, world: list[str]) -> None:
    hostile = """<script>
      Object.prototype.get = () => "polluted"; Object.prototype.value = 1; Object.prototype.apply = 2;
      Array.prototype.extra = () => {}; String.prototype.url = "x";
      const before = window.fetch; window.fetch = (...args) => before(...args);
    </script>
    <form name="write"></form><img name="baseURI"><iframe name="fetch"></iframe>
    <form><input name="matches"><input name="querySelectorAll"><input name="localName"></form>"""
    csp = f"{STRICT_CSP.replace('connect-src', 'connect-src http://stats.example')}".replace(
        "script-src 'self'", f"script-src 'unsafe-inline' 'self' {STATS}"
    )
    seen = visit(page, holding).open(shop(hostile, script=TAG), Content_Security_Policy=csp)
    status = "(url) => fetch(url).then((answer) => answer.status, (error) => error.name)"
    assert page.evaluate(status, f"{STATS}/1") == "TypeError"
    page.evaluate(
        """(url) => { const policy = document.createElement("script"); policy.setAttribute("async", "");
          try { policy.src = url } catch (error) { window.refused = error.name }
          const frame = document.createElement("iframe"); frame.src = url; document.body.append(frame) }""",
        f"{STATS}/late.js",
    )
    assert page.evaluate("() => window.refused") == "TypeError"  # by Trusted Types, as ever
    assert world == []
    seen.decide("accept")
    assert page.evaluate(status, f"{STATS}/2") == 200
    assert [fault for fault in seen.faults if "Content Security Policy" not in fault and "Trusted" not in fault] == []


def test_a_service_that_is_down_holds_and_never_breaks_the_page(
    page: Page, holding: LiveService, world: list[str]
) -> None:
    seen = visit(page, holding).open(shop(script=TAG))
    seen.decide("accept")
    holding.file("/kept.js", page.request.get(f"{holding.url}/w/demo.en.js").body())
    holding.cut()
    seen.open(shop(PAGE, script='<script src="/kept.js"></script>'))
    page.wait_for_function("() => Object.keys(done).length === 10")
    assert page.evaluate("() => window.ran") == ["own inline", "own after", "own file", "free.js"]
    holding.cut(False)
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    page.wait_for_function("() => window.ran.length === 9")
    assert seen.faults == []


def test_without_a_list_nothing_of_this_is_there(page: Page, service: LiveService) -> None:
    visit(page, service).open(shop())
    assert page.evaluate("() => 'held' in window.cookiegate") is False
    assert page.evaluate("() => Object.hasOwn(HTMLImageElement.prototype, 'setAttribute')") is False
