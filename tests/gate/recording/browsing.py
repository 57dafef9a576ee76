"""One page with one tracker in Chromium, and what it sent."""

from __future__ import annotations

import time
from pathlib import Path

from gate.recording.capture import Captured, CaptureServer
from gate.recording.pages import TrackerPage
from playwright.sync_api import sync_playwright
from support.browsers import ARGUMENTS, CHROMIUM

HOST = "shop.test"
#: The moment at which the tests' clock stands.
NOW_MS = 1_795_000_000_000
#: Trackers keep silent when a browser says that it is a machine's.
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
#: Random numbers that are the same in every recording; the clock stands, timers run.
_SETTLED = """
  let seed = 20261122;
  const next = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648 };
  Math.random = next;
  crypto.getRandomValues = (array) => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(next() * 256);
    return array;
  };
  const digit = () => Math.floor(next() * 16).toString(16);
  crypto.randomUUID = () => "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, digit);
"""


def record(page: TrackerPage, node_modules: Path) -> list[Captured]:
    """Runs the page to its end, leaves it, and gives every request that the tracker sent.

    Raises:
        AssertionError: it did not send as many as it should within half a minute.
    """
    with CaptureServer(node_modules, page.html()) as server, sync_playwright() as playwright:
        arguments = [
            *ARGUMENTS,
            f"--host-resolver-rules=MAP {HOST}:80 127.0.0.1:{server.port}",
            "--disable-blink-features=AutomationControlled",
            f"--unsafely-treat-insecure-origin-as-secure=http://{HOST}",
        ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = browser.new_context(user_agent=_AGENT, locale="ja-JP", timezone_id="Asia/Tokyo")
        tab = context.new_page()
        tab.on("pageerror", lambda error: print(f"{page.tracker}/{page.shape}: {error}"))
        tab.clock.set_fixed_time(NOW_MS / 1000)
        tab.add_init_script(_SETTLED)
        tab.goto(f"http://{HOST}/bowls?size=2#red", referer=f"http://{HOST}/before")
        if page.leaves_after:
            _wait_for(tab, server, page.leaves_after)
            tab.goto(f"http://{HOST}/after")
        _wait_for(tab, server, page.requests)
        browser.close()
        return server.captured


def _wait_for(tab: object, server: CaptureServer, count: int) -> None:
    ends = time.monotonic() + 30
    while len(server.captured) < count:
        assert time.monotonic() < ends, f"{len(server.captured)} requests of {count} came"
        tab.wait_for_timeout(50)  # type: ignore[attr-defined]
