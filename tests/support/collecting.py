"""A service with a collector behind it, and events sent through it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cookiegate.policy.document import Collector as Collecting
from cookiegate.policy.document import Policy
from support.collectors import Collector
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench

EVENT = {"n": "pageview", "u": "http://shop.test/tea", "d": "shop.test"}
#: An address that nobody granted.
ADDRESS = "198.51.100.23"


def collecting(*trackers: str, **changes: Any) -> Policy:
    """The demo's policy with collectors for these trackers."""
    collectors = {tracker: Collecting(tracker=tracker, purpose="analytics") for tracker in trackers}
    return demo_policy(collectors=collectors, **changes)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that answers 202."""
    with Collector() as collector:
        yield collector


@pytest.fixture
def forwarding(tmp_path: Path, collector: Collector) -> Iterator[Bench]:
    """A service that forwards every tracker's events to the collector, which has a second for an answer."""
    made = make_bench(
        tmp_path,
        policies=(collecting("plain", "plausible", "posthog", "snowplow"),),
        COLLECT_URL=f"{collector.url}/base/",
        COLLECT_TIMEOUT_S="1",
        THREADS="8",
    )
    yield made
    made.service.close()


def visitor_of(bench: Bench, *categories: str) -> Visitor:
    """A visitor who granted these for analytics."""
    visitor = bench.visitor()
    visitor.decide("choose", purposes={"analytics": True}, acquire=dict.fromkeys(categories, True))
    return visitor


def send(visitor: Visitor, path: str = "/collect/plausible/api/event", **options: Any) -> TestResponse:
    """An event, from :data:`ADDRESS`."""
    headers = {"Content-Type": "text/plain", **options.pop("headers", {})}
    body = options.pop("data", None) or json.dumps(options.pop("event", EVENT))
    base = {"REMOTE_ADDR": ADDRESS}
    return visitor.send(options.pop("method", "POST"), path, data=body, headers=headers, environ_base=base, **options)


def batch(count: int, token: str, *, note: str = "x" * 1_000) -> dict[str, Any]:
    """A PostHog batch; every seventh event has a bad token of its own."""
    events = []
    for number in range(count):
        properties = {"$current_url": f"http://shop.test/{number}", "own": note, "$browser_language": "ja"}
        properties["consent_token"] = "bad" if number % 7 == 0 else token
        events.append({"event": "$pageview", "properties": properties})
    return {"api_key": "k", "batch": events, "zz": "unknown", "sent_at": "2026-01-01T00:00:00Z"}
