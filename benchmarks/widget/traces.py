"""Layouts that a script forced, from the browser's own trace."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from playwright.sync_api import Browser, ViewportSize

CATEGORIES = ["blink.user_timing", "devtools.timeline", "disabled-by-default-devtools.timeline", "v8.execute"]
#: Parts of the trace in which a script runs.
SCRIPTS = {"EvaluateScript", "FunctionCall", "v8.evaluateModule", "RunMicrotasks", "TimerFire", "FireAnimationFrame"}
LAYOUT = "Layout"


def forced_layouts(browser: Browser, url: str, viewport: ViewportSize, script: str, window_ms: int) -> int:
    """How often the page's scripts made the browser lay it out at once, in a visit of its own.

    Args:
        script: runs before the page's own.
        window_ms: how long the page is watched after its load event.
    """
    context = browser.new_context(viewport=viewport)
    context.add_init_script(script)
    page = context.new_page()
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.goto(url)
    page.wait_for_timeout(window_ms)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    context.close()
    return count_forced(events, url)


def count_forced(events: list[dict[str, Any]], url: str) -> int:
    """Layouts that lie within the time of a script, in the thread of the page with this address.

    The browser's own pages are in the trace too, in processes of theirs.
    """
    scripts: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    pages: set[int] = set()
    for event in events:
        if event.get("name") == "navigationStart" and event["args"].get("data", {}).get("documentLoaderURL") == url:
            pages.add(event["pid"])
        if event.get("name") in SCRIPTS and "dur" in event:
            scripts[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    if not pages:
        raise RuntimeError(f"the trace does not tell which process showed {url}")
    return sum(
        any(begin <= event["ts"] < end for begin, end in scripts[event["pid"], event["tid"]])
        for event in events
        if event.get("name") == LAYOUT and event.get("ph") == "X" and event["pid"] in pages
    )
