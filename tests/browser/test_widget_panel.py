"""The developer panel: only where the policy and the address ask for it, and everything in it is plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from support.live import LiveService
from support.policies import demo_yaml
from support.visits import NONCE_CSP, NONCE_TAG, STRICT_CSP, Visit, shop, visit

HOSTILE = '"><img src=x onerror=alert(1)><script>window.hit = 1</script>'
HELD = f"""<script type="text/plain" data-consent="analytics" src="/stats.js"></script>
<script type="text/plain" data-consent="analitics">window.misspelt = 1</script>
<iframe title="Ad" data-consent="advertising" data-src="/ad.html" width="300" height="250"></iframe>
<div data-consent='{HOSTILE}'></div>
<app-shop data-consent><template shadowrootmode="open">
<script type="text/plain" data-consent="analitics" src="/tree.js"></script></template></app-shop>"""
ASKED = "?cookiegate=debug"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A site that shows the panel."""
    live = LiveService(tmp_path_factory.mktemp("panel"))
    policy = demo_yaml(live.url, lambda text: f"{text}\ndebug_origins: [{live.url}]\n")
    (live.folder / "demo.yaml").write_text(policy, encoding="utf-8")
    with live:
        live.file("/stats.js", "window.ran = true")
        live.page("<title>Ad</title>", "/ad.html")
        yield live


def panel(page: Page) -> Locator:
    """What the panel shows."""
    return page.get_by_role("region", name="cookiegate, for developers")


def row(page: Page, label: str) -> Locator:
    """The value beside a label."""
    return panel(page).locator(f"dt:text-is('{label}') + dd")


def _files(live: LiveService) -> list[str]:
    return [path for _, path, _ in live.host.hits if re.search(r"/w/demo@", path)]


def test_nobody_else_sees_or_loads_it(page: Page, service: LiveService, world: LiveService) -> None:
    for live, more in ((service, ASKED), (world, ""), (world, "?cookiegate=other")):
        live.host.hits.clear()
        seen = visit(page, live)
        seen.go(live.page(shop()) + more)
        page.evaluate("() => window.cookiegate.ready")
        expect(seen.banner).to_be_visible()
        expect(panel(page)).to_have_count(0)
        assert _files(live) == []


def test_it_says_what_holds_what_waits_and_what_was_sent(page: Page, world: LiveService) -> None:
    seen = Visit(page, world)
    page.on("console", lambda message: seen.faults.append(message.text) if message.type == "error" else None)
    seen.go(world.page(shop(HELD), Content_Security_Policy=STRICT_CSP) + ASKED)
    expect(row(page, "state")).to_have_text("undecided; asks: undecided")
    expect(row(page, "purposes")).to_have_text("security")
    script = row(page, "script")
    expect(script.first).to_have_text(re.compile(r"/stats\.js – held: analytics is not allowed"))
    expect(script.nth(1)).to_have_text("inline – held: no purpose of the policy: analitics")
    expect(row(page, "app-shop")).to_have_text("its shadow tree is looked through")
    expect(row(page, "iframe")).to_have_text(re.compile(r"/ad\.html – held: advertising is not allowed"))
    expect(row(page, "div")).to_contain_text(HOSTILE.split(maxsplit=1)[0])  # as text
    expect(panel(page).locator("img, script")).to_have_count(0)
    expect(row(page, "Global Privacy Control")).to_have_text("off")
    expect(page.frame_locator("iframe").get_by_role("button").first).to_be_visible()  # what finds trees is here
    page.evaluate("() => window.cookiegate.decide('accept')")
    seen.wait_until("consent.purposes.analytics")
    expect(script.first).to_have_text(re.compile(r"/stats\.js – released for analytics"))
    expect(script.nth(2)).to_have_text(re.compile(r"/tree\.js – held: no purpose of the policy: analitics"))
    expect(row(page, "token")).to_have_text("in memory")
    page.wait_for_function("() => window.ran")
    expect(panel(page)).to_contain_text("accept; answered 20")
    page.evaluate(
        """async () => {
          const token = await window.cookiegate.token();
          const events = btoa(JSON.stringify({ ...Array(40).fill("more"), token }));
          await fetch("/first", { method: "POST", body: JSON.stringify({ token }) }).catch(() => {});
          await fetch("/second", { headers: { "X-Consent-Token": token } }).catch(() => {});
          navigator.sendBeacon("/third?ct=" + encodeURIComponent(token), "x");
          navigator.sendBeacon("/fourth", new Blob([events]));
          const call = new XMLHttpRequest();
          call.open("POST", "/fifth");
          call.send("nothing");
        }"""
    )
    sent = panel(page).locator("details", has_text="Sent")
    for name, place in (("first", "body"), ("second", "headers"), ("third", "address"), ("fourth", "body")):
        expect(sent.locator("dd", has_text=f"/{name}")).to_contain_text(f"token in {place}: security quality analytics")
    expect(sent.locator("dd", has_text="/fifth")).to_contain_text("no token")
    page.evaluate("() => window.cookiegate.decide('withdraw')")
    expect(row(page, "state")).to_have_text("refused")
    expect(row(page, "token")).to_have_text("none")
    panel(page).get_by_role("button", name="Close").click()
    expect(panel(page)).to_have_count(0)
    assert [fault for fault in seen.faults if "Failed to load resource" not in fault] == []


def test_a_page_that_names_scripts_by_a_nonce_gets_it_too(page: Page, world: LiveService) -> None:
    seen = visit(page, world).go(world.page(shop(script=NONCE_TAG), Content_Security_Policy=NONCE_CSP) + ASKED)
    expect(row(page, "state")).to_have_text("undecided; asks: undecided")
    assert seen.faults == []


def test_axe_finds_nothing_wrong_with_the_panel(page: Page, world: LiveService, npm_dir: Path) -> None:
    page.set_viewport_size({"width": 320, "height": 480})
    visit(page, world).go(world.page(shop()) + ASKED)
    expect(row(page, "state")).to_be_visible()
    page.evaluate((npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(
        "async () => (await axe.run('html')).violations.map((fault) => [fault.id, fault.nodes[0].html])"
    )
    assert found == []
