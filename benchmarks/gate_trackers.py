"""What the gate costs an event of each tracker, warm, against a program that only parses and serialises, in one run.

The requests are those that the real packages sent, with as many events as the tracker's batches hold. They come as
lines, as a pipeline has them, and in parts, as a server has them. The program beside it reads and writes the same as
JSON: of lines the line and the events in it; of parts the events alone, for a server has read the rest already. What
comes as a query or a form, it gets as JSON with the same fields.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson
from support.consent import ConsentService
from support.tracker_fixtures import Fixture, fixtures

from benchmarks.measuring import interleave, show
from cookiegate.gate import Gate, TrackerRequest, trackers
from cookiegate.policy.document import CATEGORIES

ROUNDS = 7
REQUESTS = 60
BATCH = 50
TOKENS = 12
AIM_RATIO = 0.5
SHAPES = (
    "ga4/lines", "ga4/image", "goatcounter/image", "jitsu/single", "matomo/bulk", "matomo/image", "otlp/traces",
    "otlp/logs", "plausible/property", "posthog/json", "rudderstack/batch", "segment/batch", "snowplow/post",
    "snowplow/get", "umami/batch", "umami/event",
)  # fmt: skip
_GRANTS = (CATEGORIES, ("device", "language", "screen", "browsing"), ("browsing",))


@dataclass(frozen=True, slots=True)
class Work:
    """Requests for the gate, the same as lines, and their events as JSON."""

    requests: Sequence[TrackerRequest]
    lines: Sequence[bytes]
    bodies: Sequence[bytes]
    events: int


def work_of(fixture: Fixture, service: ConsentService) -> Work:
    """A recorded request as often as a run needs it, under several grants."""
    route = trackers.find(fixture.tracker).routes
    list_at = next((item.list_at for item in route if item.list_at), None)
    requests, lines, bodies, events = [], [], [], 0
    for number in range(TOKENS):
        token = service.token(acquire=_GRANTS[number % len(_GRANTS)], sub=f"{number:022d}", idx=number)
        request = fixture.request(token)
        body = str(request.body or "")
        if body.startswith(("{", "[")):
            read, many = enlarged(json.loads(body), list_at)
            request = replace(request, body=orjson.dumps(read))
            data = orjson.dumps(unfolded(read, list_at))
        else:
            parts = body.splitlines() if "\n" in body else [body]
            query = dict(parse_qsl(request.path.partition("?")[2]))
            many = len(parts)
            data = orjson.dumps([query | dict(parse_qsl(part)) for part in parts])
        if token not in str(request.body) + request.path + str(request.headers):
            request = replace(request, headers={**request.headers, "X-Consent-Token": token})
        requests.append(request)
        lines.append(line_of(request))
        bodies.append(data)
        events += many
    times = REQUESTS // TOKENS
    return Work(requests * times, lines * times, bodies * times, events * times)


def line_of(request: TrackerRequest) -> bytes:
    """A request as a line."""
    line = {name: getattr(request, name) for name in ("method", "path", "headers", "body", "received_at", "ip")}
    body = line["body"]
    return orjson.dumps(line | {"body": body.decode() if isinstance(body, bytes) else body})


def unfolded(body: Any, list_at: str | None) -> Any:
    """The body with the queries in its list as JSON."""
    items = body.get(list_at) if isinstance(body, dict) and list_at else None
    if not items or not isinstance(items[0], str):
        return body
    return {**body, str(list_at): [dict(parse_qsl(item.removeprefix("?"))) for item in items]}


def enlarged(body: Any, list_at: str | None) -> tuple[Any, int]:
    """A body with as many events as a batch may hold, and their number."""
    if isinstance(body, list):
        return (body * BATCH)[:BATCH], BATCH
    for name, value in body.items():
        if name == list_at:
            items = [f"?{item.lstrip('?')}" if isinstance(item, str) else item for item in value]
            return {**body, name: (items * BATCH)[:BATCH]}, BATCH
        if name.startswith("resource") and isinstance(value, list):
            inner = next(key for key in value[0] if key.startswith("scope"))
            scope = value[0][inner][0]
            last = next(key for key, item in scope.items() if isinstance(item, list))
            scope = {**scope, last: (scope[last] * BATCH)[:BATCH]}
            return {**body, name: [{**value[0], inner: [scope]}]}, BATCH
    return body, 1


def _rate(events: int, work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return events / (time.process_time() - started)


def _filter(gate: Gate, requests: Sequence[TrackerRequest]) -> None:
    for request in requests:
        gate.filter(request)


def _parse_and_write(*documents: bytes) -> None:
    for document in documents:
        orjson.dumps(orjson.loads(document))


def run() -> None:
    """Prints two lines for each recorded shape."""
    found = {f"{item.tracker}/{item.shape}": item for item in fixtures()}
    with tempfile.TemporaryDirectory() as folder:
        service = ConsentService(Path(folder))
        print(f"events of recorded requests, {BATCH} in a batch where the tracker has batches, three grants; CPU time")
        for name in SHAPES:
            fixture = found[name]
            work, gate = work_of(fixture, service), service.gate(fixture.tracker)
            assert gate.counts.accepted == 0
            written = gate.lines(work.lines)
            assert all(written), f"{name}: some lines did not pass"
            assert gate.counts.accepted == work.events, f"{name}: {gate.counts.accepted} of {work.events} events passed"
            rates = interleave(ROUNDS, contenders(gate, work))
            show(f"lines, {name}", rates["lines"], "events/s", "orjson, line and events", rates["line"], AIM_RATIO)
            show(f"in parts, {name}", rates["parts"], "events/s", "orjson, events", rates["events"], AIM_RATIO)


def contenders(gate: Gate, work: Work) -> dict[str, Callable[[], float]]:
    """What takes turns; each gives events a second."""
    return {
        "lines": lambda: _rate(work.events, lambda: gate.lines(work.lines)),
        "line": lambda: _rate(work.events, lambda: _parse_and_write(*work.lines, *work.bodies)),
        "parts": lambda: _rate(work.events, lambda: _filter(gate, work.requests)),
        "events": lambda: _rate(work.events, lambda: _parse_and_write(*work.bodies)),
    }


if __name__ == "__main__":
    run()
