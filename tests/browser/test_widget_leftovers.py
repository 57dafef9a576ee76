"""What happens in the page when consent is taken back: leftovers go, the page is loaded anew where it has to be.

Pages are served for ``tea.example.co.uk``, whose public suffix has two parts: over http by real hosts, over https by
routes that pass everything on to the same host.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from support.browsers import browser_where
from support.live import LiveService
from support.policies import demo_yaml
from support.visits import BANNER, DECISIONS, STATUS, Visit, answer_decisions, shop, visit
from support.waiting import until

DOMAIN = "tea.example.co.uk"
POLICY = f"""
share: {{domain: {DOMAIN}}}
clean:
  trackers: {{ga4: [analytics], matomo: [analytics], snowplow: [analytics, quality], umami: [analytics]}}
  cookies: {{"_fbp*": [advertising]}}
  storage: {{"heat*map": [analytics]}}
  databases: {{"rec*": [analytics]}}
  caches: {{"pixels-*": [analytics]}}
"""
#: What trackers leave, by a page at /shop/tea/: cookies with their attributes; the rest by names.
LEAVE = """
  async () => {
    for (const cookie of [
      "_ga=1;Domain=example.co.uk", "_ga_AB=1;Domain=tea.example.co.uk;Path=/shop", "_gid=1;Path=/shop/tea/",
      "_pk_id.1.ab=1", "_pk_ses.1.ab=1;Secure", "_gat=1;Secure;SameSite=None;Partitioned", "_ga=2",
    ]) document.cookie = cookie + (/Path=/.test(cookie) ? "" : ";Path=/");
    localStorage.setItem("umami.visitor", "1");
    localStorage.setItem("heat-x-map", "1");
    sessionStorage.setItem("heatmap", "1");
    const open = (name) => new Promise((resolve) => {
      const asked = indexedDB.open(name);
      asked.onsuccess = () => resolve(asked.result.close());
    });
    await open("recordings");
    await caches.open("pixels-1");
  }
"""
OWN = """
  async () => {
    for (const name of ["session", "_gather", "x_ga", "_fbp", "_sp_id.1"]) document.cookie = `${name}=1;Path=/`;
    for (const place of [localStorage, sessionStorage]) for (const name of ["cart", "umami.disabled", "heat"])
      place.setItem(name, "1");
    await new Promise((resolve) => {
      indexedDB.open("own").onsuccess = ({ target }) => resolve(target.result.close());
    });
    await caches.open("own");
  }
"""
KEPT = """
  async () => ({
    cookies: document.cookie.split("; ").map((pair) => pair.split("=")[0]).filter((name) => name && !/^cg_/.test(name)),
    storage: [...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((name) => !/^cg_/.test(name)),
    databases: (await indexedDB.databases()).map(({ name }) => name),
    caches: await caches.keys(),
  })
"""
STAYING = {
    "cookies": ["session", "_gather", "x_ga"],
    "storage": ["cart", "umami.disabled", "heat"] * 2,
    "databases": ["own"],
    "caches": ["own"],
}


def _until_only(page: Page, expected: dict[str, list[str]]) -> None:
    """Waits until the browser keeps this and nothing else."""

    def sorted_names(kept: dict[str, list[str]]) -> dict[str, list[str]]:
        return {place: sorted(names) for place, names in kept.items()}

    until(lambda: sorted_names(page.evaluate(KEPT)) == sorted_names(expected))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    folder: Path = tmp_path_factory.mktemp("leftovers")
    live = LiveService(folder, COOKIEGATE_BASE_URL=f"http://www.{DOMAIN}", COOKIEGATE_SECURE_COOKIES="0")
    text = demo_yaml(live.host.url, lambda text: text.replace("reload_on_withdrawal: never", "") + POLICY)
    more = "".join(f"  - {scheme}://{host}.{DOMAIN}\n" for scheme in ("http", "https") for host in ("www", "shop"))
    (folder / "demo.yaml").write_text(text.replace("locales:", f"{more}locales:", 1), encoding="utf-8")
    with live:
        yield live


@pytest.fixture(scope="module")
def named_browser(browser: Browser, service: LiveService) -> Iterator[Browser]:
    """A browser for which every host of the domain is this machine."""
    with browser_where("*.example.co.uk", service.host.port, browser) as named:
        yield named


@pytest.fixture
def named_context(named_browser: Browser, service: LiveService) -> Iterator[BrowserContext]:
    """A fresh visitor of the domain; https is passed on to the host as a proxy would."""
    context = named_browser.new_context(locale="en-GB")

    def pass_on(route: Route) -> None:
        request = route.request
        path = request.url.partition(".co.uk")[2]
        cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in context.cookies(request.url))
        headers = {**request.headers, "cookie": cookies}
        asked = urllib.request.Request(service.url + path, request.post_data_buffer, headers, method=request.method)
        try:
            answer: Any = urllib.request.urlopen(asked, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            kept["Set-Cookie"] = "\n".join(answer.headers.get_all("Set-Cookie", []))
            route.fulfill(status=answer.status, headers=kept, body=answer.read())

    context.route(f"https://*.{DOMAIN}/**", pass_on)
    yield context
    context.close()


_HOP = ("connection", "content-length", "transfer-encoding", "content-encoding")


def test_what_trackers_left_goes_and_nothing_else(named_context: BrowserContext, service: LiveService) -> None:
    service.page(shop(), "/shop/tea/bowls.html")
    address = f"https://www.{DOMAIN}/shop/tea/bowls.html"
    seen = visit(named_context.new_page(), service).go(address)
    page = seen.page
    page.evaluate(LEAVE)
    page.evaluate(OWN)
    assert len(page.evaluate(KEPT)["cookies"]) == 12
    # On a page where nothing is allowed, leftovers go.
    seen.go(address)
    _until_only(page, STAYING)
    # What is allowed stays, also on the next page, before the service has confirmed the choice again.
    seen.decide({"purposes": {"analytics": True}, "acquire": {}})
    page.evaluate(LEAVE)
    page.evaluate(OWN)
    named_context.route("**/v1/**", lambda route: route.abort())
    seen.go(address)
    assert not seen.consent()["purposes"]["analytics"]
    named_context.unroute("**/v1/**")
    kept = page.evaluate(KEPT)
    assert set(STAYING["cookies"]) < set(kept["cookies"])
    assert {"_ga", "_ga_AB", "_gid", "_gat", "_pk_id.1.ab", "_pk_ses.1.ab", "_sp_id.1"} < set(kept["cookies"])
    assert "_fbp" not in kept["cookies"]
    assert (len(kept["databases"]), len(kept["caches"])) == (2, 2)
    seen.wait_until("consent.purposes.analytics")
    # A tracker writes once more; and another time, when its page is about to end.
    left = page.evaluate(
        """() => {
          void cookiegate.decide("withdraw");
          const left = document.cookie;
          const write = () => { document.cookie = "_ga=3;Path=/;Domain=example.co.uk" };
          return new Promise((done) => setTimeout(() => done(write()))).then(() => left);
        }"""
    )
    assert "; _ga=" not in f"; {left}"
    _until_only(page, STAYING)
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    page.evaluate("() => { document.cookie = '_ga=4;Path=/;Domain=example.co.uk' }")
    page.goto(f"https://www.{DOMAIN}/readyz")
    assert "; _ga=" not in page.evaluate("() => `; ${document.cookie}`")
    assert seen.faults == []


def test_of_what_waits_on_two_hosts_the_newer_word_alone_is_sent(
    named_context: BrowserContext, service: LiveService
) -> None:
    service.page(shop(), "/shared.html")
    service.host.hits.clear()
    answer_decisions(named_context, lambda route: route.abort())
    tabs = {}
    for host, answer in {"www": "Accept all", "shop": "Reject all"}.items():
        tabs[host] = visit(named_context.new_page(), service).go(f"http://{host}.{DOMAIN}/shared.html")
        tabs[host].answer(answer).click()
        expect(tabs[host].page.locator(STATUS)).to_contain_text("not been saved yet")
    named_context.unroute(DECISIONS)
    tabs["shop"].wait_until("consent.state === 'refused' && !consent.pending")
    again = visit(named_context.new_page(), service).go(f"http://www.{DOMAIN}/shared.html")
    for seen in (again, tabs["www"]):
        seen.wait_until("consent.state === 'refused' && !consent.pending")
    sent = [json.loads(body)["action"] for _, path, body in service.host.hits if path.endswith("/decisions")]
    assert sent == ["reject"]
    assert {cookie["name"] for cookie in named_context.cookies()} == {"cg_choice"}


def test_sub_domains_share_a_choice(named_context: BrowserContext, service: LiveService) -> None:
    service.page(shop(), "/shared.html")
    seen = visit(named_context.new_page(), service).go(f"http://www.{DOMAIN}/shared.html")
    # A choice of this host alone, from before.
    seen.page.evaluate("() => { document.cookie = 'cg_choice=refused.1.20200101;Path=/' }")
    seen.decide("accept")
    other = visit(named_context.new_page(), service).go(f"http://shop.{DOMAIN}/shared.html")
    other.wait_until("consent.purposes.analytics")
    assert other.page.locator(BANNER).count() == 0
    assert other.token("analytics")
    kept = {(cookie["name"], cookie["domain"]) for cookie in named_context.cookies()}
    assert kept == {(name, f".{DOMAIN}") for name in ("cg_choice", "cg_handle.demo", "cg_token")}
    other.decide("withdraw")
    kept = {(cookie["name"], cookie["domain"]) for cookie in named_context.cookies()}
    assert kept == {("cg_choice", f".{DOMAIN}")}
    seen.go(f"http://www.{DOMAIN}/shared.html")
    assert seen.consent()["state"] == "refused"
    # Beyond the domain everybody is asked for themselves.
    far = visit(named_context.new_page(), service).open(shop())
    assert far.consent()["state"] == "undecided"
    far.decide("reject")
    assert far.open(shop()).consent()["state"] == "refused"
    assert seen.faults == other.faults == far.faults == []


def _ran(page: Page) -> int:
    return int(page.evaluate("() => window.ran || 0"))


def _loads(seen: Visit) -> list[str]:
    """The addresses that the page is loaded from, as they come."""
    loads: list[str] = []
    seen.page.on("load", lambda page: loads.append(page.url))
    return loads


def test_page_is_loaded_anew_once_where_nothing_else_stops_what_ran(page: Page, service: LiveService) -> None:
    held = '<script type="text/plain" data-consent="analytics">window.ran = 1</script><textarea id="note"></textarea>'
    seen = visit(page, service)
    loads = _loads(seen)
    address = service.page(shop(body=held))
    seen.go(address).decide("accept")
    page.wait_for_function("() => window.ran")
    # Less of something else leaves the page as it is.
    seen.decide({"purposes": {"analytics": True}, "acquire": {}})
    assert _ran(page) == 1
    with page.expect_event("load"):
        page.evaluate("() => void cookiegate.decide('withdraw')")
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    assert _ran(page) == 0
    assert loads == [address] * 2

    seen.decide("accept")
    page.wait_for_function("() => window.ran")
    page.locator("#note").type("half a letter")
    seen.decide("withdraw")
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    seen.decide("reject")  # a later word does not either
    assert page.locator("#note").input_value() == "half a letter"
    assert loads == [address] * 2
    assert seen.faults == []


def test_page_stays_where_the_script_stops_by_itself_or_never_ran(page: Page, service: LiveService) -> None:
    held = """<script type="text/plain" data-consent="analytics" data-stops>window.ran = 1</script>
      <script type="text/plain" data-consent="advertising">window.ads = 1</script>"""
    seen = visit(page, service)
    loads = _loads(seen)
    seen.open(shop(body=held))
    seen.decide({"purposes": {"analytics": True, "quality": True}, "acquire": {}})
    page.wait_for_function("() => window.ran")
    seen.decide("withdraw")
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    assert (_ran(page), len(loads)) == (1, 1)
    assert seen.faults == []
