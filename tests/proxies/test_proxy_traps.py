"""What one proxy alone does, or could do wrong: nginx's cache, bodies in njs, lists that are read outside of Python."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port
from support.waiting import until

from cookiegate.gate.binding import binding_of
from cookiegate.tokens.claims import TOKEN_TYPE
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.signing import sign_jws
from cookiegate.tokens.statuslist import StatusList, sign_status_list
from proxies import recipes
from proxies.collector import Collector
from proxies.consents import Consents
from proxies.recipes import Place, Recipe
from proxies.running import Proxy, post, reason_of

TP2 = "/com.snowplowanalytics.snowplow/tp2"
PAYLOAD = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
CONSENT = "iglu:jp.cookiegate/consent/jsonschema/1-0-0"
LIST_SIZE = 65_536


@contextmanager
def running(recipe: Recipe, place: Place) -> Iterator[Proxy]:
    place.folder.chmod(0o755)
    proxy = Proxy(recipe, place)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.stop()


@pytest.fixture
def place(tmp_path: Path, consents: Consents, collector: Collector, binaries: Path) -> Place:
    return Place(tmp_path, free_port(), consents.port, collector.port, binaries, consents.process.base_url)


@pytest.mark.parametrize("key", ["$arg_ct", "as it stands"])
def test_the_nginx_cache_trap(
    key: str, place: Place, consents: Consents, collector: Collector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key of ``$arg_ct`` is empty inside the question to the gate: one visitor's yes then lets everybody through."""
    if key == "$arg_ct":
        text = (recipes.RECIPES / "nginx" / "nginx.conf").read_text(encoding="utf-8")
        ours = 'proxy_cache_key "$http_x_consent_token|$ct|$cookie_cg_token|$cookie_cg_choice";'
        trap = text.replace(ours, "proxy_cache_key $arg_ct;").replace("204 1s", "204 1m")
        trap = trap.replace("proxy_cache_bypass $has_no_token;", "").replace("proxy_no_cache $has_no_token;", "")
        assert ours in text
        (tmp_path / "recipes" / "nginx").mkdir(parents=True)
        (tmp_path / "recipes" / "nginx" / "nginx.conf").write_text(trap)
        monkeypatch.setattr(recipes, "RECIPES", tmp_path / "recipes")
    token = consents.holder().token
    with running(recipes.NGINX, place) as proxy:
        assert post(proxy, path=f"/events?ct={token}").status == 200
        before = len(collector.taken)
        statuses = [post(proxy).status, post(proxy, path=f"/events?ct={consents.expired(token)}").status]
    if key == "$arg_ct":
        assert statuses == [200, 200], "the trap is gone: this test has nothing to warn of"
    else:
        assert statuses == [401, 401]
        assert len(collector.taken) == before


def test_nginx_asks_once_for_a_burst_of_events(place: Place, consents: Consents) -> None:
    token = consents.holder().token

    def asked() -> int:
        lines = consents.send("GET", "/metrics").body.decode().splitlines()
        name = 'cookiegate_requests_total{route="/gate/check",status="204"}'
        return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)))

    with running(recipes.NGINX, place) as proxy:
        before = asked()
        assert {post(proxy, token).status for _ in range(50)} == {200}
        assert asked() - before < 25


def event(**fields: str) -> dict[str, str]:
    return {
        "e": "pv",
        "p": "web",
        "eid": "1",
        "url": "http://shop.test/canary",
        "duid": "canary",
        "res": "9x9",
        **fields,
    }


def own(token: str) -> str:
    return json.dumps({"schema": "iglu:contexts", "data": [{"schema": CONSENT, "data": {"token": token}}]})


def test_njs_strips_a_snowplow_body(place: Place, consents: Consents, collector: Collector) -> None:
    screen, browsing = consents.holder("screen").token, consents.holder("browsing").token
    with running(recipes.NGINX_NJS, place) as proxy:
        until(lambda: post(proxy, screen).status == 200)

        def send(events: list[dict[str, str]], **headers: str) -> tuple[int, str, list[Any]]:
            before = len(collector.taken)
            body = json.dumps({"schema": PAYLOAD, "data": events}).encode()
            answer = proxy.send("POST", TP2, body, Content_Type="application/json", **headers)
            got = [
                (item.headers["x-consent-acquire"], json.loads(item.body)["data"]) for item in collector.taken[before:]
            ]
            assert not any("anary" in item for item in collector.taken[before:] if "browsing" not in str(item.headers))
            return answer.status, reason_of(answer), got

        base = {"e": "pv", "p": "web", "eid": "1"}
        stripped = ("screen", [{**base, "res": "9x9"}])
        assert send([event()], X_Consent_Token=screen) == (200, "", [stripped])
        # Each event by its own token; what no table knows goes nowhere.
        mixed = [event(co=own(screen)), event(co=own(browsing)), event(), event(e="ue", co=own(screen))]
        pages = ("browsing", [{**base, "url": "http://shop.test/canary"}])
        assert send(mixed) == (200, "", [stripped, pages])
        assert send([event(x_unknown="canary", co=own(screen))]) == (200, "", [stripped])
        assert send([event()]) == (401, "token_missing", [])
        # A copied token is of no use for another client, nor for what happened before the yes.
        mine = consents.forged(screen, bnd={"snowplow": binding_of("demo", "canary")})
        assert send([event()], X_Consent_Token=mine) == (200, "", [stripped])
        assert send([event(duid="other")], X_Consent_Token=mine) == (401, "binding_mismatch", [])
        then = str(int(time.time() * 1000) - 600_000)
        assert send([event(dtm=then)], X_Consent_Token=screen) == (401, "event_too_early", [])
        assert send([event(co=own("__proto__"))]) == (401, "token_malformed", [])
        assert send([event(co="{")], X_Consent_Token=screen)[0] == 401
        assert send([event(co=own(consents.expired(screen)))], X_Consent_Token=screen) == (401, "token_expired", [])


class ListHost:
    """Keys and one status list with many bits set, by a service of our own; ``down`` answers nothing good."""

    def __init__(self, folder: Path) -> None:
        self.key = KeyRing.open(folder)
        self.down = False
        host = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Keeps the test's output clean."""

            def do_GET(self) -> None:
                text = host.texts.get(self.path)
                self.send_response(404 if text is None else 503 if host.down else 200)
                self.end_headers()
                self.wfile.write((text or "").encode())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.uri = f"{self.issuer}/status/1"
        draw = random.Random(5)
        self.statuses = StatusList(LIST_SIZE)
        # Dense and empty stretches and one that repeats itself: every kind of block that zlib writes.
        self.withdrawn = {idx for idx in range(20_000) if draw.random() < 0.4} | set(range(30_000, 50_000, 8))
        for idx in self.withdrawn:
            self.statuses.set(idx, 1)
        self.texts = {
            "/.well-known/jwks.json": json.dumps(self.key.jwks()),
            "/status/1": sign_status_list(self.key.active, self.uri, self.statuses, int(time.time())),
        }
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def token(self, idx: int) -> str:
        now_s = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "demo",
            "sub": "s" * 22,
            "iat": now_s,
            "exp": now_s + 900,
            "pv": 1,
            "ep": 1,
        }
        claims |= {
            "scope": "security analytics",
            "acquire": "",
            "status": {"status_list": {"idx": idx, "uri": self.uri}},
        }
        return sign_jws(self.key.active, TOKEN_TYPE, claims)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def impatient(recipe: Recipe) -> Recipe:
    """The recipe, with a list that grows too old within seconds."""
    soon = {"maxStaleS: 30": "maxStaleS: 4", "MAX_STALE_S = 30": "MAX_STALE_S = 3", "POLL_S = 5": "POLL_S = 1"}
    said = "".join(path.read_text() for path in (recipes.RECIPES / recipe.folder).iterdir())
    soon = {old: new for old, new in soon.items() if old in said}
    assert soon
    return replace(recipe, moved=lambda place: {**recipe.moved(place), **soon})


OFFLINE = [impatient(recipe) for recipe in recipes.ALL if recipe.offline]


@pytest.mark.parametrize("recipe", OFFLINE, ids=lambda recipe: recipe.name)
def test_a_status_list_is_read_to_the_bit(recipe: Recipe, tmp_path: Path, collector: Collector, binaries: Path) -> None:
    host = ListHost(tmp_path / "keys")
    folder = tmp_path / "proxy"
    folder.mkdir()
    good = next(idx for idx in range(LIST_SIZE) if idx not in host.withdrawn)
    try:
        with running(recipe, Place(folder, free_port(), host.port, collector.port, binaries, host.issuer)) as proxy:
            until(lambda: post(proxy, host.token(good)).status == 200)
            asked = [
                *range(0, 64),
                *range(19_980, 20_010),
                *range(29_995, 30_020),
                *range(49_980, 50_010),
                LIST_SIZE - 1,
            ]
            got = {idx: reason_of(post(proxy, host.token(idx))) for idx in asked}
            assert got == {idx: "withdrawn" if idx in host.withdrawn else "" for idx in asked}
            assert reason_of(post(proxy, host.token(LIST_SIZE))) == "status_unavailable"
            # A list that cannot be fetched any more is believed for a while, and then denies.
            host.down = True
            assert post(proxy, host.token(good)).status == 200
            until(lambda: reason_of(post(proxy, host.token(good))) == "status_unavailable")
    finally:
        host.close()
