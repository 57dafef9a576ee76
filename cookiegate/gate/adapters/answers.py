"""What a tracker hears when nothing goes on, and which cookies an answer may set."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from cookiegate.gate.counts import Counts
from cookiegate.gate.gate import Gate
from cookiegate.gate.trackers.table import TrackerTable
from cookiegate.tokens.reasons import Reason

Header = tuple[str, str]


def main_reason(counts: Counts) -> Reason:
    """Why most of what was dropped was dropped."""
    return max(counts.dropped.items(), key=lambda item: item[1], default=(Reason.EVENT_MALFORMED, 0))[0]


def empty_answer(gate: Gate, method: str, path: str) -> tuple[int, list[Header], bytes]:
    """The answer that contents the tracker though nothing went on: status, headers, body.

    Args:
        gate: knows the tracker.
        method, path: as the tracker asked, without query.
    """
    route = gate.route(method, path)
    answer = route.answer if route else gate.table.empty_answer
    return answer.status, [*answer.headers.items(), ("Cache-Control", "no-store")], answer.body


def problem(status: int, code: str, title: str, detail: str) -> tuple[int, list[Header], bytes]:
    """A problem document (RFC 9457) as an answer: status, headers, body."""
    kind = f"urn:cookiegate:problem:{code}"
    document = {"type": kind, "title": title, "status": status, "detail": detail, "code": code}
    headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
    return status, headers, msgspec.json.encode(document)


def cors(origin: str | None, origins: Collection[str]) -> list[Header]:
    """The headers by which a page of a listed origin may read an answer of the gate's own, with its cookies."""
    headers = [("Vary", "Origin")]
    if origin is not None and origin in origins:
        headers += [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
    return headers


def granted_cookies(headers: Iterable[Header], table: TrackerTable, allowed: Collection[str]) -> list[Header]:
    """An answer's headers, of whose cookies only those stay that the tracker's table knows and the grant allows.

    A cookie that is set is an identifier that is stored: whoever did not grant it does not get it.

    Args:
        headers: of the collector's answer.
        table: names the collector's own cookies.
        allowed: the granted categories.
    """
    return [
        (name, value)
        for name, value in headers
        if name.lower() != "set-cookie" or table.cookies.get(value.partition("=")[0].strip()) in allowed
    ]
