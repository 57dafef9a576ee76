"""The service over HTTP: every request to ``/collect/<tracker>`` with a collector behind it, bodies also stripped."""

from __future__ import annotations

import base64
import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from support.collectors import Collector
from support.policies import demo_policy
from werkzeug.serving import WSGIRequestHandler, make_server

from conformance.material import MARKER, PASSED, STRIPPED, Material, Tally
from cookiegate.gate import TrackerRequest, trackers
from cookiegate.policy.document import CATEGORIES, Policy
from cookiegate.policy.document import Collector as Collecting
from cookiegate.policy.publishing import publish
from cookiegate.settings import read_settings
from cookiegate.web.app import create_front
from cookiegate.web.service import Service, open_service

_MANY = "10000000/minute"


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    with Collector(keeps_bytes=1 << 30) as collector, _service(material, folder, collector) as service:
        with _served(service) as port:
            found = {tracker: _run(material, service, port, tracker) for tracker in material.lines}
        assert MARKER not in "".join(taken.text for taken in collector.taken)
        assert len(collector.taken) > 0
    return found


def _run(material: Material, service: Service, port: int, tracker: str) -> dict[str, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    strippable = [request for request in material.requests(tracker) if _is_strippable(request, tracker)]
    before, stripped = _verdicts(service, "collect"), _stripped(service, tracker)
    for request in material.requests(tracker):
        _send(connection, f"/collect/{tracker}{request.path}", request)
    counts = _verdicts(service, "collect") - before
    found = {PASSED if reason == "ok" else reason: number for reason, number in counts.items()}
    if tracker != "plain":  # a plain line has no address, and a request has one
        found[STRIPPED] = _stripped(service, tracker) - stripped
    gate, wanted, before = material.gate(tracker), Counter[str](), _verdicts(service, "strip")
    for request in strippable:
        counted = gate.filter(replace(request, ip=None)).counts
        wanted.update({"ok": counted.accepted, **{str(reason): number for reason, number in counted.dropped.items()}})
        path = f"/gate/strip/{tracker}?purpose={material.purpose}&path={quote(request.path)}"
        assert MARKER.encode() not in _send(connection, path, request)
    assert _verdicts(service, "strip") - before == +wanted, tracker
    connection.close()
    return found


def _is_strippable(request: TrackerRequest, tracker: str) -> bool:
    """Whether ``/gate/strip`` can tell where the request went: a body, and nothing in the query."""
    routes = [route for route in trackers.find(tracker).routes if route.path == request.path]
    return request.method == "POST" and bool(routes) and all(route.events in ("body", "form") for route in routes)


def _send(connection: http.client.HTTPConnection, path: str, request: TrackerRequest) -> bytes:
    body = request.body.encode() if isinstance(request.body, str) else request.body
    if body is None and request.body_base64 is not None:
        body = base64.b64decode(request.body_base64)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in ("content-length", "host")}
    connection.request(request.method, path, body, headers)
    return connection.getresponse().read()


def _verdicts(service: Service, door: str) -> Counter[str]:
    samples = next(iter(service.metrics.verdicts.collect())).samples
    return Counter(
        {
            item.labels["reason"]: int(item.value)
            for item in samples
            if item.name.endswith("_total") and item.labels["door"] == door
        }
    )


def _stripped(service: Service, tracker: str) -> int:
    samples = next(iter(service.metrics.stripped.collect())).samples
    found = [item.value for item in samples if item.name.endswith("_total") and item.labels["tracker"] == tracker]
    return int(sum(found))


def _policy(material: Material) -> Policy:
    """The demo's, with everything that the tokens grant, and a collector for every tracker."""
    policy = demo_policy(site=material.audience)
    purposes = tuple(
        replace(purpose, acquire=CATEGORIES) if purpose.key == material.purpose else purpose
        for purpose in policy.purposes
    )
    collectors = {name: Collecting(tracker=name, purpose=material.purpose) for name in material.lines}
    return replace(policy, purposes=purposes, collectors=collectors, ip_when_refused="drop")


@contextmanager
def _service(material: Material, folder: Path, collector: Collector) -> Iterator[Service]:
    """A service that has the material's keys, and knows its withdrawals."""
    environ = {
        "COOKIEGATE_BASE_URL": material.issuer, "COOKIEGATE_RATE_LIMIT_EVENTS": _MANY, "COOKIEGATE_LOG_LEVEL": "error",
        "COOKIEGATE_COLLECT_URL": collector.url,
        "COOKIEGATE_DATABASE_URL": f"sqlite:///{folder}/record.sqlite",
    }  # fmt: skip
    service = open_service(read_settings(environ, data_dir=material.folder / "keys"))
    publish(service.storage, _policy(material), service.clock)
    service.follow()
    service.register.ensure(1)
    for place in material.withdrawn:
        service.register.revoke(1, place)
    yield service
    service.close()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _served(service: Service) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, create_front(service), request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()
