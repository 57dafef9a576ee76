"""A page that the browser renders before the visitor comes to it, and what is decided meanwhile.

No browser that is steered renders ahead, so this one is not: the pages steer themselves, and tell.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from support.browsers import ARGUMENTS, CHROMIUM
from support.live import LiveService
from support.visits import shop
from support.waiting import until

TAG = '<script src="/w/demo.en.js"></script>'
HELD = '<script type="text/plain" data-consent="analytics">window.ran = (window.ran || 0) + 1</script>'
NEXT = f"""{HELD}<script>
  const tell = (when) => fetch("/told", {{ method: "POST", body: JSON.stringify({{
    when, ahead: document.prerendering, state: cookiegate.consent.state, cookie: document.cookie, ran: window.ran || 0,
    asked: document.querySelector(".cg-bar") !== null, kept: Object.keys(localStorage),
  }}) }});
  addEventListener("load", () => cookiegate.ready.then(() => setTimeout(tell, 100, "ahead")));
  const calm = () => (cookiegate.consent.pending ? setTimeout(calm, 50) : setTimeout(tell, 500, "shown"));
  document.addEventListener("prerenderingchange", calm);
  cookiegate.on("change", (now) => !now.pending && tell("changed"));
</script>"""
#: Asks what to do: the name of a choice. Then it goes on to the next page.
FIRST = """<script type="speculationrules">{"prerender": [{"urls": ["/next.html"], "eagerness": "immediate"}]}</script>
<a id="on" href="/next.html">Next</a><script>
  const look = setInterval(async () => {
    const choice = await (await fetch("/wish.txt", { cache: "no-store" })).text();
    if (!choice) return;
    clearInterval(look);
    if (choice !== "nothing") await cookiegate.decide(choice);
    document.querySelector("#on").click();
  }, 50);
</script>"""


class Tour:
    """A visitor who goes from a page to one that was rendered ahead."""

    def __init__(self, service: LiveService) -> None:
        self._service = service
        self._keys: set[str] = set()
        service.host.heard = self._hear

    def told(self, when: str) -> dict[str, Any]:
        """What the next page told at that time."""
        until(lambda: any(one["when"] == when for one in self._all()))
        return next(one for one in reversed(self._all()) if one["when"] == when)

    def wish(self, choice: str) -> None:
        """Makes the first page decide, and go on."""
        self._service.file("/wish.txt", choice, "text/plain")

    def decisions(self) -> list[str]:
        """The actions of all decisions that were sent. Sent again under its key, a decision is still one."""
        sent = [json.loads(body)["action"] for _, path, body in self._service.host.hits if path.endswith("/decisions")]
        return sorted(set(sent)) if len(self._keys) == 1 else sent

    def _hear(self, headers: Message) -> None:
        self._keys.update(headers.get_all("Idempotency-Key", []))

    def _all(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, path, body in list(self._service.host.hits) if path == "/told"]


@pytest.fixture
def tour(service: LiveService, tmp_path: Path) -> Iterator[Tour]:
    service.host.hits.clear()
    tour = Tour(service)
    tour.wish("")
    service.page(shop(NEXT, script=TAG), "/next.html")
    first = service.page(shop(FIRST, script=TAG), "/first.html")
    command = [CHROMIUM, "--headless", *ARGUMENTS, f"--user-data-dir={tmp_path / 'profile'}", first]
    with (tmp_path / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HOME": str(tmp_path)})
    yield tour
    process.terminate()
    process.wait(20)


def test_page_that_is_rendered_ahead_keeps_and_sends_nothing_and_asks_when_it_is_shown(tour: Tour) -> None:
    ahead = tour.told("ahead")
    assert (ahead["ahead"], ahead["state"], ahead["ran"]) == (True, "undecided", 0)
    assert (ahead["cookie"], ahead["kept"]) == ("", [])
    tour.wish("nothing")
    shown = tour.told("shown")
    assert (shown["ahead"], shown["state"], shown["asked"], shown["ran"]) == (False, "undecided", True, 0)
    assert tour.decisions() == []


@pytest.mark.parametrize(("choice", "state", "ran"), [("accept", "granted", 1), ("reject", "refused", 0)])
def test_page_that_was_rendered_ahead_follows_what_was_decided_meanwhile(
    tour: Tour, choice: str, state: str, ran: int
) -> None:
    assert tour.told("ahead")["state"] == "undecided"
    tour.wish(choice)
    shown = tour.told("shown")
    assert (shown["ahead"], shown["state"], shown["asked"], shown["ran"]) == (False, state, False, ran)
    assert tour.decisions() == [choice]
