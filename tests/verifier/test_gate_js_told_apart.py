"""Lines made to tell the gates in Python and in JavaScript apart: ids that contradict, and tokens in others' texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from support.consent import ISSUER, ConsentService

from cookiegate.gate.binding import binding_of
from verifier.bending import as_base64
from verifier.running import run_in_node
from verifier.test_gate_js_differential import differences, shown

_MATOMO = ("_id=A", "cid=A", "_id=A&cid=A", "_id=A&cid=", "_id=&cid=A", "_id=A&cid=B", "_id=B&cid=A", "uid=A")
_IDS: tuple[Any, ...] = (None, "", "A", "B", 7)


def _line(path: str, token: str, body: Any = None) -> bytes:
    request = {"method": "GET" if body is None else "POST", "path": path, "headers": {"X-Consent-Token": token}}
    return json.dumps(request if body is None else {**request, "body": json.dumps(body)}).encode()


def _event(token: str | None, url: str) -> dict[str, Any]:
    return {"event": "x", "properties": {"consent_token": token, "$current_url": url}}


def _posthog(service: ConsentService, bound: str) -> Iterator[bytes]:
    for device in _IDS:
        for inner in _IDS:
            for outer in _IDS:
                own = {"$device_id": device, "distinct_id": inner}
                yield _line("/e/", bound, {"event": "x", "distinct_id": outer, "properties": own})
    elsewhere = [
        service.token(scope=("security", "advertising")), service.token(site="other"), "x" * 70,
        service.signed(service.claims(), "JWT"), service.token()[:-2] + "AA", bound,
    ]  # fmt: skip
    tokens = [service.token(acquire=["browsing"], idx=number) for number in range(20)]
    for bad in elsewhere:
        yield _line("/e/", tokens[0], [_event(bad, ""), _event(None, f"http://x/?ct={bad}&b=1")])
    for number in (1, 3, 4, 5, 16, 17, 20):
        inside = tokens[0][:30] + tokens[1] + tokens[0][30:]
        texts = ["&".join(tokens[:number]), ".".join(tokens[:number]), inside, "a.b" * 40]
        events = [_event(token, texts[place % 4]) for place, token in enumerate(tokens)]
        yield _line("/e/", "y" * 70, events[: max(number, 4)])


@pytest.mark.usefixtures("package")
def test_both_gates_agree_about_contradicting_ids_and_tokens_in_texts(service: ConsentService) -> None:
    bound = service.signed(service.claims(bnd={name: binding_of("demo", "A") for name in ("matomo", "posthog")}))
    lines: dict[str, Sequence[bytes]] = {
        "matomo": [_line(f"/matomo.php?idsite=1&rec=1&{fields}", bound) for fields in _MATOMO],
        "posthog": [*_posthog(service, bound)],
    }
    found = run_in_node(
        jwks=service.ring.jwks(),
        status=[(service.register.signed(1) or b"").decode()],
        audience="demo",
        issuer=ISSUER,
        nowMs=service.clock.now_ms(),
        runs=[
            {"options": {"purpose": "analytics", "tracker": tracker}, "lines": list(map(as_base64, items))}
            for tracker, items in lines.items()
        ],
    )
    for (tracker, items), run in zip(lines.items(), found["runs"], strict=True):
        gate = service.gate(tracker)
        assert differences(items, gate.lines(items), run["out"])[:2] == []
        assert run["counts"] == shown(gate.counts)
