"""The page binds tokens to the ids that trackers gave it, and sends hashes, never ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from playwright.sync_api import Page
from support.live import LiveService
from support.policies import demo_yaml
from support.visits import Visit, shop, visit
from support.waiting import until

from cookiegate.gate.binding import binding_of

SNOWPLOW, MATOMO, GA4, POSTHOG = "b1b3a8e0-6b5c-4a6e-9d4e-2a7d0c1e9f00", "0123456789abcdef", "123.456", "ph-device-1"
COOKIES = {
    "_sp_id.1fff": f"{SNOWPLOW}.1795000000.1.1795000001..session",
    "_pk_id.1.1fff": f"{MATOMO}.1795000000.",
    "_ga": f"GA1.1.{GA4}",
    "_sp_ses.1fff": "*",
}
TRACKERS = ("snowplow", "matomo", "ga4", "posthog")


def _bound(text: str) -> str:
    bound = "".join(f"  {name}:\n    purpose: analytics\n    bind: true\n" for name in TRACKERS)
    return text.replace("  snowplow:\n    purpose: analytics\n", bound)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    folder: Path = tmp_path_factory.mktemp("binding")
    live = LiveService(folder)
    (folder / "demo.yaml").write_text(demo_yaml(live.host.url, _bound), encoding="utf-8")
    with live:
        yield live


def _set(seen: Visit, cookies: dict[str, str]) -> None:
    write = "(all) => { for (const [name, value] of all) document.cookie = `${name}=${value};path=/` }"
    seen.page.evaluate(write, [*cookies.items()])


def _watch(seen: Visit) -> list[dict[str, Any]]:
    """Every body that is sent to the service."""
    sent: list[dict[str, Any]] = []
    seen.page.on("request", lambda asked: asked.method == "POST" and sent.append(json.loads(asked.post_data or "{}")))
    return sent


def _bindings(token: str | None) -> dict[str, str]:
    assert token is not None
    return dict(jwt.decode(token, options={"verify_signature": False}).get("bnd", {}))


def test_token_is_bound_once_the_trackers_have_given_their_ids(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    sent = _watch(seen)
    seen.decide("accept")
    assert _bindings(seen.token()) == {}
    _set(seen, COOKIES)
    value = {"distinct_id": "another", "$device_id": POSTHOG}
    seen.page.evaluate("(text) => localStorage.setItem('ph_phc_x_posthog', text)", json.dumps(value))
    until(lambda: _bindings(seen.token()))
    ids = dict(zip(TRACKERS, (SNOWPLOW, MATOMO, GA4, POSTHOG), strict=True))
    assert _bindings(seen.token()) == {name: binding_of("demo", client) for name, client in ids.items()}
    assert not [body for body in sent if any(client in json.dumps(body) for client in ids.values())]
    assert seen.faults == []


def test_decision_of_somebody_known_brings_the_binding_and_a_refusal_does_not(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    sent = _watch(seen)
    _set(seen, {**COOKIES, "ph_phc_x_posthog": quote(json.dumps({"distinct_id": POSTHOG}))})
    seen.decide("accept")
    assert _bindings(seen.token())["posthog"] == binding_of("demo", POSTHOG)
    seen.decide("withdraw")
    assert [("bind" in body, body.get("action")) for body in sent if "action" in body] == [
        (True, "accept"), (False, "withdraw"),
    ]  # fmt: skip


def test_ids_that_cannot_be_read_leave_the_token_unbound(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    _set(seen, {"_sp_id.1fff": "%", "ph_phc_x_posthog": "{broken", "_pk_id.1.1fff": ""})
    seen.decide("accept")
    assert _bindings(seen.token()) == {}
    assert seen.faults == []
