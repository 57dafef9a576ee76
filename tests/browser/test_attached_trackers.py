"""Attached trackers: the token rides with each event; a withdrawal stops them and empties their queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request
from support.attached import TRACKERS, attached_page, attached_yaml, collector_of
from support.live import LiveService
from support.visits import shop, visit
from support.waiting import until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    folder: Path = tmp_path_factory.mktemp("attached")
    live = LiveService(folder)
    (folder / "demo.yaml").write_text(attached_yaml(live.host.url), encoding="utf-8")
    with live:
        yield live


def _sent(service: LiveService) -> list[str]:
    """Everything that came to a collector, but for preflights."""
    hits = (hit for hit in service.host.hits if "/collect/" in hit[1] and hit[0] == "POST")
    return [f"{path} {body!r}" for _, path, body in hits]


def _settle(page: Page, service: LiveService) -> None:
    """Waits for an answer from the collectors' host, so that what was sent before has come."""
    page.evaluate("(url) => fetch(url, { mode: 'no-cors' }).then(() => 0)", collector_of(service, "none") + "/settled")


def _logged(service: LiveService, tracker: str) -> str:
    return json.dumps(service.collected(tracker))


@pytest.mark.parametrize("tracker", list(TRACKERS))
def test_tracker_carries_the_token_stops_at_once_and_starts_again(
    page: Page, service: LiveService, npm_dir: Path, tracker: str
) -> None:
    seen = visit(page, service).go(attached_page(service, npm_dir, tracker))
    assert page.evaluate("() => typeof window.fire") == "undefined"
    seen.decide("accept")
    page.wait_for_function("() => window.fire")
    page.evaluate("() => window.fire('bought')")
    until(lambda: "bought" in _logged(service, tracker))

    # What cannot be delivered waits, and is not sent once the purpose is refused.
    failed: list[Request] = []
    page.on("requestfailed", lambda request: failed.insert(0, request))
    page.context.route("**/collect/**", lambda route: route.abort())
    page.evaluate("() => window.fire('queued')")
    page.wait_for_timeout(20)
    until(lambda: page.wait_for_timeout(20) or failed)
    seen.decide("withdraw")
    page.context.unroute("**/collect/**")
    before = _sent(service)
    page.wait_for_function(f"() => {TRACKERS[tracker].stopped}")
    page.evaluate("() => window.fire('late')")
    # Snowplow writes its cookies in a timer, after which this one comes.
    assert page.evaluate(f"() => new Promise((done) => setTimeout(() => done({TRACKERS[tracker].stopped}), 50))")

    seen.decide("accept")
    page.evaluate("() => window.fire('again')")
    until(lambda: "again" in _logged(service, tracker))
    assert not [line for line in _sent(service)[len(before) :] if "late" in line or "queued" in line]

    seen.decide("withdraw")
    before = _sent(service)
    page.evaluate("() => window.fire('last')")
    seen.open(shop())  # whatever a tracker says when its page ends
    _settle(page, service)
    assert _sent(service)[len(before) :] == []
    assert not any(word in _logged(service, tracker) for word in ("late", "queued", "last"))
    assert page.evaluate("() => cookiegate.consent.state") == "refused"
    assert seen.faults == []
