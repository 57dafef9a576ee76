"""The gate in front of a collector: what is granted goes to our files or to the collector behind us."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cookiegate.errors import BodyTooLargeError, MalformedBodyError, NotFoundError
from cookiegate.gate import Gate, Reason
from cookiegate.gate.adapters.answers import empty_answer, granted_cookies, main_reason
from cookiegate.gate.adapters.outgoing import BLOCK_BYTES, Outgoing, Passed
from cookiegate.gate.adapters.passage import DRAINED_BYTES, Passage
from cookiegate.gate.counts import Counts
from cookiegate.web.call import Call, Reply
from cookiegate.web.endpoints.gates import count, note_provision, tracker_request
from cookiegate.web.origins import preflight
from cookiegate.web.service import Service
from cookiegate.web.sinks.forwarding import Answer, Upstream
from cookiegate.web.sinks.upstreams import answer_headers, lower_names, request_headers, says_who_reads


def collect(service: Service, call: Call, tracker: str, rest: str) -> Reply:
    """The gate as the collector: the tracker is content, whatever was dropped."""
    site = service.doors.site_of(call)
    policy = service.book.current(site).policy
    collector = policy.collectors.get(tracker)
    if collector is None:
        raise NotFoundError(f"the policy of {site} has no collector for this tracker")
    gate = service.doors.gate(site, tracker, collector.purpose, collector.recipient)
    if call.method == "OPTIONS":  # never passed on: it says who asks, and carries no token
        reply = preflight(call, policy, "GET, POST")
        reply.headers = [item for item in reply.headers if item[0] != "Access-Control-Allow-Headers"]
        return reply.add("Access-Control-Allow-Headers", ", ".join(gate.table.sent_headers))
    query = call.environ.get("QUERY_STRING", "")
    path = f"/{rest}?{query}" if query else f"/{rest}"
    upstream = service.upstreams.of(tracker)
    if upstream is None:
        return _keep(service, call, gate, site, path)
    is_ours = call.header("HTTP_ORIGIN") in policy.origins
    return _forward(service, call, gate, upstream, path, answers_origin=is_ours)


def _keep(service: Service, call: Call, gate: Gate, site: str, path: str) -> Reply:
    request = tracker_request(service, call, path)
    filtered = gate.filter(request)
    for accepted in filtered.accepted:  # all before the first goes: a tracker sends a refused batch again
        note_provision(service, gate, accepted.claims)
    for accepted in filtered.accepted:
        service.sink.take(site, accepted)
    count(service, "collect", gate.table.name, filtered.counts)
    answer = gate.answer(request)
    reply = Reply(answer.status, answer.body, [*answer.headers.items(), ("Cache-Control", "no-store")])
    return _with_reason(reply, filtered.counts)


def _content(gate: Gate, method: str, path: str, counts: Counts) -> Reply:
    status, headers, body = empty_answer(gate, method, path.partition("?")[0])
    return _with_reason(Reply(status, body, headers), counts)


def _with_reason(reply: Reply, counts: Counts) -> Reply:
    return reply.add("X-Consent-Reason", main_reason(counts).value) if counts.dropped else reply


def _forward(service: Service, call: Call, gate: Gate, upstream: Upstream, path: str, *, answers_origin: bool) -> Reply:
    tracker = gate.table.name
    passed = _pass(service, call, gate, path)
    try:
        for outgoing in passed.outgoing:
            note_provision(service, gate, outgoing.accepted.claims)
        count(service, "collect", tracker, passed.counts)
        if not passed.outgoing:
            return _content(gate, call.method, path, passed.counts)
        answer, last = _send_all(service, upstream, call, gate, passed)
    finally:
        passed.close()
    headers = granted_cookies(answer.headers, gate.table, last.allowed)
    # Where the collector was not told the origin, it cannot answer to it.
    keeps_cors = says_who_reads(headers) and (not answers_origin or "origin" in last.accepted.headers)
    kept = [*answer_headers(headers, keeps_cors=keeps_cors), ("Cache-Control", "no-store")]
    reply = Reply(answer.status, headers=kept)
    return _with_body(_with_reason(reply, passed.counts), answer)


def _pass(service: Service, call: Call, gate: Gate, path: str) -> Passed:
    """The request's way through the gate, its body read as it comes."""
    head = tracker_request(service, call, path, with_body=False)
    passage = Passage(gate, head, service.settings.collect_batch_limit_bytes)
    body = _Input(call)
    try:
        passage.announce(body.announced or 0)
        while block := body.read():
            passage.feed(block)
        if body.is_cut:
            raise MalformedBodyError("the body ended before its announced length")
        return passage.end()
    except BodyTooLargeError:
        counts = Counts()
        counts.dropped[Reason.BODY_TOO_LARGE] = 1
        count(service, "collect", gate.table.name, counts)
        passage.close()
        body.drain()
        raise
    except BaseException:
        passage.close()
        raise


class _Input:
    """A request's body, a block at a time.

    Raises:
        MalformedBodyError: its length is told in no way, or in two.
    """

    def __init__(self, call: Call) -> None:
        length = call.header("CONTENT_LENGTH") or ""
        if length and (not (length.isascii() and length.isdigit()) or call.header("HTTP_TRANSFER_ENCODING")):
            raise MalformedBodyError("the body's length is no number, or told in two ways")
        self.announced = int(length) if length else None
        self.is_cut = False
        self._left = 0 if call.method in ("GET", "HEAD") else sys.maxsize if self.announced is None else self.announced
        self._body = call.environ["wsgi.input"]

    def read(self) -> bytes:
        """The next block; empty at the end."""
        block: bytes = self._body.read(min(self._left, BLOCK_BYTES)) if self._left else b""
        self.is_cut = not block and self._left > 0 and self.announced is not None
        self._left = self._left - len(block) if block else 0
        return block

    def drain(self) -> None:
        """Reads on, and forgets."""
        most_bytes = DRAINED_BYTES
        while most_bytes > 0 and (block := self.read()):
            most_bytes -= len(block)


def _send_all(service: Service, upstream: Upstream, call: Call, gate: Gate, passed: Passed) -> tuple[Answer, Outgoing]:
    """Sends a request for each grant; gives the first answer that is a failure, else the last."""
    came = lower_names(call.environ)
    for outgoing in passed.outgoing:
        path = outgoing.accepted.path
        answer = upstream.send(outgoing, path, request_headers(outgoing, came))
        service.metrics.forwarded(gate.table.name, answer.status)
        if answer.status >= 400 or outgoing is passed.outgoing[-1]:
            return answer, outgoing
        for _ in answer.blocks():
            continue
    raise AssertionError("there is at least one")


def _with_body(reply: Reply, answer: Answer) -> Reply:
    """The answer's body: at once if it is short, else as it comes."""
    blocks = answer.blocks()
    first = next(blocks, b"")
    if len(first) < BLOCK_BYTES:
        answer.close()
        reply.body = first
        reply.headers = [item for item in reply.headers if item[0].lower() != "content-length"]
    else:
        reply.stream = _Rest(first, blocks, answer)
    return reply


class _Rest:
    """A long answer on its way back; its connection is let go of also when the tracker hangs up."""

    def __init__(self, first: bytes, blocks: Iterator[bytes], answer: Answer) -> None:
        self._first = first
        self._blocks = blocks
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, b""
        return first or next(self._blocks)

    def close(self) -> None:
        """Called by the server."""
        self._answer.close()
