"""Visits: quick ones that only measure, in turns, then one with tools that look closely and cost time themselves."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ViewportSize

from benchmarks.widget.contenders import BARE, Contender
from benchmarks.widget.looks import Look, look
from benchmarks.widget.serving import Website
from benchmarks.widget.traces import forced_layouts

#: What a page does in this time after its load event is counted.
WINDOW_MS = 1_000
VIEWPORT = ViewportSize(width=1280, height=800)
#: Some banners hide from browsers that are steered: here none is to know.
UNSTEERED = 'Object.defineProperty(Navigator.prototype, "webdriver", { get: () => false });'
_WATCH = """
(() => {
  const seen = { shift: 0, long: 0 };
  const observe = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  observe("layout-shift", ({ value }) => (seen.shift += value));
  observe("longtask", () => seen.long++);
  const wholly = { opacityProperty: true, visibilityProperty: true };
  seen.visible = new Promise((resolve) => {
    const wait = () => {
      if (!document.querySelector(BANNER)?.checkVisibility(wholly)) return requestAnimationFrame(wait);
      // The frame that begins now paints it; the message comes after the frame.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => resolve(performance.now());
      channel.port2.postMessage(null);
    };
    requestAnimationFrame(wait);
  });
  window.benchSeen = seen;
})();
"""
_CPU = ("ScriptDuration", "TaskDuration")


@dataclass(slots=True)
class Found:
    """What was measured of one banner: lists have a figure for each visit, in ms but for ``shift`` and ``long``."""

    visible: list[float] = field(default_factory=list)
    shift: list[float] = field(default_factory=list)
    long: list[float] = field(default_factory=list)
    script: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    layouts: int = 0
    look: Look | None = None

    def median(self, what: str) -> float:
        """The median of one of the lists."""
        figures: list[float] = getattr(self, what)
        return statistics.median(figures)


def measure(browser: Browser, site: Website, contenders: Sequence[Contender], rounds: int) -> dict[str, Found]:
    """By key, what ``rounds`` visits to each of the contenders gave; the first visit to each is not counted."""
    found = {each.key: Found() for each in contenders}
    for turn in range(rounds + 1):
        kept: Mapping[str, Found] = found if turn else {each.key: Found() for each in contenders}
        first = turn % len(contenders)  # nobody always comes after the same one
        for each in (*contenders[first:], *contenders[:first]):
            _watch(browser, site, each, kept[each.key])
            _count(browser, site, each, kept[each.key])
    for each in contenders:
        if each is not BARE:
            found[each.key].layouts = forced_layouts(browser, site.page(each), VIEWPORT, UNSTEERED, WINDOW_MS)
            found[each.key].look = look(browser, site, each, UNSTEERED, WINDOW_MS)
    return found


def _watch(browser: Browser, site: Website, contender: Contender, into: Found) -> None:
    """A visit that sees when the banner was painted, and what moved."""
    context = browser.new_context(viewport=VIEWPORT, locale="en-GB")
    context.add_init_script(UNSTEERED + _WATCH.replace("BANNER", json.dumps(contender.banner)))
    page = context.new_page()
    page.goto(site.page(contender))
    into.visible.append(page.evaluate("() => window.benchSeen.visible"))
    page.wait_for_timeout(WINDOW_MS)
    seen = page.evaluate("() => ({ shift: window.benchSeen.shift, long: window.benchSeen.long })")
    into.shift.append(seen["shift"])
    into.long.append(seen["long"])
    context.close()


def _count(browser: Browser, site: Website, contender: Contender, into: Found) -> None:
    """A visit with nothing of ours in the page: CPU time of its thread as the browser counts it."""
    context = browser.new_context(viewport=VIEWPORT, locale="en-GB")
    context.add_init_script(UNSTEERED)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(site.page(contender))
    page.wait_for_timeout(WINDOW_MS)
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    script, tasks = (1000 * metrics[name] for name in _CPU)
    into.script.append(script)
    into.tasks.append(tasks)
    into.load.append(page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventStart"))
    context.close()
