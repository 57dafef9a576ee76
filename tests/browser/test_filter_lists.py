"""Content blockers' lists: nothing that the service sends is blocked by them, nothing that it shows is hidden."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from support.filter_lists import filter_lists
from support.live import LiveService
from support.policies import ROOT
from support.visits import CORNER, shop, visit

SCRIPT = Path(__file__).with_name("filter_lists.mjs")
PAGE = "https://www.shop-example.jp/goods"
#: On the page's own host, on a host of the same site, and elsewhere.
HOSTS = ("https://www.shop-example.jp", "https://consent.shop-example.jp", "https://consent.aoba-cloud.jp")
#: What a site may serve itself, under the names that the files have.
BUILT = ROOT / "static" / "widget"
FILES = [f"/assets/{path.relative_to(BUILT)}" for path in sorted(BUILT.rglob("*")) if path.suffix in (".js", ".css")]
FRAME = '<iframe data-consent="advertising" data-src="about:blank" title="Map" width="400" height="300"></iframe>'
#: What a collector's address is called is its tracker's matter, and some are on lists.
THEIRS = ("/collect/", "/gate/")
#: The lists know these: else they were not read.
CONTROLS = ("https://www.shop-example.jp/klaro/config.js", "https://consent.aoba-cloud.jp/gd-cookie.js")
#: Which of these selectors mean something of ours; those that only blockers understand do not.
HIDDEN = """(selectors) => selectors.filter((selector) => {
  try {
    return [...document.querySelectorAll(selector)].some((found) => found.closest(".cg-root"));
  } catch {
    return false;
  }
})"""


@dataclass(frozen=True)
class Blocker:
    """The lists as a blocker reads them: ``stopped`` says which of the addresses asked about, and by which filter."""

    filters: int
    stopped: dict[str, str]
    selectors: list[str]


def ask(npm_dir: Path, urls: list[str]) -> Blocker:
    """What the lists do to these addresses, asked for as scripts and as requests of scripts, and to any site."""
    asked = [{"url": url, "page": PAGE, "type": kind} for url in urls for kind in ("script", "xmlhttprequest")]
    done = subprocess.run(
        ["node", str(SCRIPT), str(npm_dir)],
        input=json.dumps({"lists": [str(path) for path in filter_lists()], "asked": asked}),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    stopped = {each["url"]: each["filter"] for each in found["stopped"]}
    return Blocker(found["filters"], stopped, found["selectors"])


def paths_of(service: LiveService) -> list[str]:
    """Every address of the service, with its gaps filled."""
    with urllib.request.urlopen(f"{service.url}/openapi.json") as answer:
        described = json.load(answer)["paths"]
    filled = {"site": "demo", "lang": "ja", "digest": "0123456789abcdef" * 4}
    return [
        re.sub(r"\{(\w+)\}", lambda gap: filled.get(gap[1], "1"), path)
        for path in described
        if not path.startswith(THEIRS)
    ]


def test_the_lists_leave_the_banner_alone(page: Page, service: LiveService, npm_dir: Path) -> None:
    seen = visit(page, service)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url.removeprefix(service.url)))
    seen.open(shop(FRAME))
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    ours = {*paths_of(service), *FILES, *(path for path in requested if not path.startswith("/pages/"))}
    assert {"/w/demo.js", "/w/demo.en.js", "/v1/sites/demo/decisions", "/preferences/demo"} <= ours
    lists = ask(npm_dir, [*(host + path for host in HOSTS for path in ours), *CONTROLS])
    assert lists.filters > 10_000
    assert set(lists.stopped) == set(CONTROLS), "only what is known to be blocked is"
    assert len(lists.selectors) > 5_000

    page.evaluate(
        "() => document.body.insertAdjacentHTML('beforeend', '<p class=\"cg-root\" id=\"cookie-notice\">x</p>')"
    )
    hidden = page.evaluate(HIDDEN, lists.selectors)
    assert "#cookie-notice" in hidden
    page.evaluate("() => document.getElementById('cookie-notice').remove()")
    assert page.evaluate(HIDDEN, lists.selectors) == []  # banner, dialog and placeholder
    seen.dialog.get_by_role("button", name="Reject all").click()
    expect(page.locator(CORNER)).to_be_visible()
    assert page.evaluate(HIDDEN, lists.selectors) == []
