"""What clients do wrong, or all at once: broken input, one request a hundred times, two tabs."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.waiting import until

from cookiegate.consent.ids import hash_handle
from cookiegate.storage.opening import open_storage
from faults.load import DECISIONS, HANDLE
from faults.rows import POSTGRESQL, SQLITE, row
from faults.stage import Stage
from faults.target import SITE, Answer

BOTH = (SQLITE, POSTGRESQL)
MEMORY_MAX = 50 << 20
PATHS = (
    DECISIONS, "/v1/sites/demo/token", "/v1/sites/demo/requests", "/v1/sites/demo/consent", "/healthz",
    "/gate/check?purpose=analytics", "/gate/strip/plausible?purpose=analytics", "/collect/plausible/api/event",
    "/preferences/demo", "/w/demo.js", "/status/1", "/ledger/checkpoint",
)  # fmt: skip
BOMBS = (
    b"[" * 60_000,
    b'{"a":' * 12_000 + b"1" + b"}" * 12_000,
    b'{"notice": "\xff\xfe"}',
    b'{"notice": "\\ud800"}',
    b"\xef\xbb\xbf{}",
    b'"' + b"\\u0000" * 9_000 + b'"',
    b'{"purposes": {' + b",".join(b'"p%d": true' % number for number in range(4_000)) + b"}}",
    b"1" * 60_000,
    b"{" + b'"a": 1e999999,' * 3_000 + b'"b": 1}',
    b"\x00" * 60_000,
)
_headers = st.dictionaries(
    st.sampled_from(
        ["User-Agent", "Cookie", "Accept-Language", "X-Consent-Token", "Idempotency-Key", "Content-Type", "Origin",
         "X-Forwarded-For", "Content-Encoding", "Accept-Encoding", "X-Original-URI", "Host", "Referer", "Sec-GPC"]
    ),
    st.binary(max_size=200).map(lambda value: value.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")),
    max_size=6,
)  # fmt: skip
_bodies = st.one_of(st.binary(max_size=2_000), st.sampled_from(BOMBS))
_paths = st.one_of(st.sampled_from(PATHS), st.binary(min_size=1, max_size=60).map(lambda raw: "/" + raw.hex()))


@row("hostile-input", "malformed UTF-8, JSON bombs, huge headers", engines=BOTH)
def hostile_input(stage: Stage) -> None:
    """No 5xx, and memory stays flat."""
    stage.begin(clients=2, pace_s=0.01)
    stage.load.wait_for(200)
    for bomb in BOMBS:
        send_raw(stage, "POST", DECISIONS, {"Content-Type": b"application/json"}, bomb)
    before, seen = stage.target.memory(), list[tuple[int, str]]()

    @settings(
        max_examples=int(stage.long(1_500, 150)),
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(["GET", "POST", "PUT", "OPTIONS"]), _paths, _headers, _bodies)
    def broken(method: str, path: str, headers: dict[str, bytes], body: bytes) -> None:
        seen.append((send_raw(stage, method, path, headers, body), path))

    broken()
    for size in (1_000, 20_000, 300_000, 2_000_000):  # the largest is more than the server takes at all
        seen.append((send_raw(stage, "GET", "/w/demo.js", {"X-Huge": b"x" * size}, b""), "/w/demo.js"))
        many = {f"X-Many-{number}": b"y" * 10 for number in range(size // 100)}
        seen.append((send_raw(stage, "GET", "/healthz", many, b""), "/healthz"))
    bad = sorted({(status, path) for status, path in seen if status >= 500})
    stage.must(not bad, f"answers of 5xx: {bad[:5]}")
    grown = stage.target.memory() - before
    stage.must(grown < MEMORY_MAX, f"memory grew by {grown >> 20} MB")
    stage.notes.append(f"{len(seen)} requests, memory {grown / (1 << 20):+.0f} MB")
    stage.check()


def send_raw(stage: Stage, method: str, path: str, headers: dict[str, bytes], body: bytes) -> int:
    """Sends bytes that no client library would; the status, or 0 where the connection was closed."""
    given_headers = {"Host": b"127.0.0.1", **headers, "Content-Length": str(len(body)).encode(), "Connection": b"close"}
    head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in given_headers.items())
    with suppress(OSError, ValueError), socket.create_connection(("127.0.0.1", stage.target.port), timeout=10) as line:
        with suppress(OSError):
            line.sendall(f"{method} {path} HTTP/1.1\r\n".encode() + head + b"\r\n" + body)
        answer = http.client.HTTPResponse(line, method=method)
        with suppress(http.client.HTTPException):
            answer.begin()
            answer.read()
            return answer.status
    return 0


@row("same-submission", "the same submission 100 times in parallel", engines=BOTH)
def same_submission(stage: Stage) -> None:
    """One leaf, and the same body for all."""
    stage.begin(clients=1)
    rounds = int(stage.long(20, 3))
    with ThreadPoolExecutor(50) as pool:
        for _ in range(rounds):
            key = secrets.token_urlsafe(18)
            body = json.dumps({"notice": stage.target.notice(), "action": "accept"}).encode()
            answers = list(pool.map(lambda _, key=key, body=body: act(stage, body, key), range(100)))
            stage.must({answer.status for answer in answers} == {201}, "not all were answered with 201")
            stage.must(len({answer.body for answer in answers}) == 1, "the answers differ")
            stage.journal.doubt(key, "crowd")
    stage.check()


def act(stage: Stage, body: bytes, key: str, handle: str | None = None) -> Answer:
    """One decision on a connection of its own, repeated while the service asks for that."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    if handle is not None:
        headers["Cookie"] = f"{HANDLE}={handle}"
    answers: list[Answer] = []

    def is_taken() -> bool:
        answers.append(stage.target.ask("POST", DECISIONS, body, **headers))
        return answers[-1].status != 503

    until(is_taken)
    return answers[-1]


@row("two-tabs", "two tabs of one visitor", engines=BOTH)
def two_tabs(stage: Stage) -> None:
    """A grant that rests on an outdated view is 409; where a withdrawal and a grant meet, the withdrawal holds."""
    stage.begin(clients=1)
    notice = stage.target.notice()
    conflicts = 0
    holders: list[str] = []
    for _ in range(int(stage.long(150, 15))):
        answer = act(stage, _body(notice, "accept"), secrets.token_urlsafe(18))
        handle, token = str(answer.cookie(HANDLE)), str(answer.json["token"])
        together = threading.Barrier(2)

        def tab(action: str, handle: str = handle, together: threading.Barrier = together) -> Answer:
            together.wait(10)
            more: dict[str, Any] = {} if action == "withdraw" else {"epoch": 1}
            key = secrets.token_urlsafe(18)
            stage.journal.doubt(key, "tab")
            return act(stage, _body(notice, action, **more), key, handle)

        with ThreadPoolExecutor(2) as pool:
            grant, withdrawal = pool.map(tab, ("accept", "withdraw"))
        stage.journal.doubt(secrets.token_urlsafe(18), "tab")
        stage.must(withdrawal.status == 201, f"a withdrawal got {withdrawal.status}")
        stage.must(grant.status in (201, 409), f"the other tab got {grant.status}")
        conflicts += grant.status == 409
        holders.append(handle)
        for dead in (token, grant.json["token"] if grant.status == 201 else None):
            if dead and stage.target.ask("GET", "/gate/check?purpose=analytics", X_Consent_Token=dead).status == 204:
                stage.checked.re_granted += 1
    stage.notes.append(f"{conflicts} of {len(holders)} grants came too late")
    stage.check()
    storage = open_storage(stage.target.settings)
    for handle in holders:
        consent = storage.find_consent(SITE, hash_handle(handle))
        stage.checked.re_granted += consent is not None and consent.is_granted
    storage.close()


def _body(notice: str, action: str, **more: Any) -> bytes:
    return json.dumps({"notice": notice, "action": action, **more}).encode()
