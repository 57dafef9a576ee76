"""What the guide for static sites says to copy works as it stands there: the headers, and the pinned tag."""

from __future__ import annotations

import re
import subprocess

from playwright.sync_api import Page, expect
from support.live import LiveService
from support.policies import ROOT
from support.visits import BANNER, DIALOG, shop, visit

GUIDE = (ROOT / "docs" / "how-to" / "static-sites.md").read_text(encoding="utf-8")
HOST = "https://consent.example.jp"
#: Language of a block of code → the block; "" has the file of headers.
BLOCKS = dict(re.findall(r"^```([\w-]*)\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL))


def _policy(service: LiveService) -> str:
    found = re.search(r"^  Content-Security-Policy: (.*)$", BLOCKS[""], flags=re.MULTILINE)
    assert found
    assert f'"{found[1]}"' in BLOCKS["nginx"]
    return found[1].replace(HOST, service.url)


def test_pinned_tag_and_headers_of_the_guide_work(page: Page, service: LiveService) -> None:
    script = BLOCKS["sh"].replace(HOST, service.url).replace("/w/shop.en", "/w/demo.en")
    done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, timeout=30, check=True)
    assert re.search(r'/w/demo@[0-9a-f]{64}\.js" integrity="sha384-[\w+/=]{64}" crossorigin="anonymous"', done.stdout)
    seen = visit(page, service)
    # From another origin than the page's, as a pinned file mostly is.
    other = done.stdout.replace("127.0.0.1", "localhost")
    policy = _policy(service).replace("127.0.0.1", "localhost")
    seen.open(shop(script=other), Content_Security_Policy=policy)
    expect(page.locator(BANNER)).to_be_visible()
    seen.answer("Choose").click()
    expect(page.locator(DIALOG)).to_be_visible()
    assert seen.faults == []
