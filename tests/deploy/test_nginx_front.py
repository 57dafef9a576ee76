"""nginx in front, for real: what it keeps, what it never keeps, whom it lets wait, what it logs."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from nginx_front import NAME, NginxFront
from support.frameworks import VENDOR_LIST, built_frameworks
from support.live import ServiceProcess
from support.policies import DEMO, demo_yaml
from support.service import make_bench

from cookiegate.web.app import create_app

CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
DECISION = (
    b"POST /v1/sites/demo/decisions HTTP/1.1\r\nHost: consent.example.jp\r\nContent-Type: application/json\r\n"
    b"Idempotency-Key: aaaaaaaaaaaaaaaaaaaa\r\n"
)
VENDORS = """
tcf:
  cmp_id: 300
  cmp_version: 2
  purposes: {analytics: [1, 8, 9]}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("service")
    policy = folder / "demo.yaml"
    policy.write_text(demo_yaml(f"https://{NAME}", lambda text: text + VENDORS), encoding="utf-8")
    built_frameworks()
    with ServiceProcess(
        folder,
        base_url=f"https://{NAME}",
        policies=(policy,),
        COOKIEGATE_TRUSTED_PROXIES="127.0.0.1/32",
        COOKIEGATE_VENDOR_LIST=str(VENDOR_LIST),
    ) as process:
        yield process


@pytest.fixture
def front(service: ServiceProcess, tmp_path: Path) -> Iterator[NginxFront]:
    nginx = NginxFront(tmp_path, service.port)
    nginx.start()
    yield nginx
    nginx.stop()


def answered(service: ServiceProcess, route: str) -> float:
    """How many requests of a route the service has answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = re.findall(rf'^cookiegate_requests_total{{route="{re.escape(route)}",status="\d+"}} (\S+)', text, re.M)
    return sum(map(float, found))


def test_the_banner_is_kept_for_each_language_apart(front: NginxFront, service: ServiceProcess) -> None:
    before = answered(service, "/w/<site>.js")
    seen = {}
    for language in ("ja", "en"):
        first = front.send("GET", "/w/demo.js", Accept_Language=language)
        again = front.send("GET", "/w/demo.js", Accept_Language=language)
        assert (first.cache, again.cache) == ("MISS", "HIT")
        assert first.headers["Content-Language"] == again.headers["Content-Language"] == language
        assert again.body == first.body
        seen[language] = again.body
    assert seen["ja"] != seen["en"]
    assert answered(service, "/w/<site>.js") == before + 2


def test_a_pinned_banner_is_kept_and_says_that_it_never_changes(front: NginxFront, service: ServiceProcess) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/w/demo.en.js") as answer:
        digest = hashlib.sha256(answer.read()).hexdigest()
    first, again = (front.send("GET", f"/w/demo@{digest}.js") for _ in range(2))
    assert (first.status, first.cache, again.cache) == (200, "MISS", "HIT")
    assert "immutable" in again.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("path", "kind", "seconds"),
    [
        ("/w/demo.en.json", "application/json", 300),
        ("/w/demo.headless.js", "text/javascript; charset=utf-8", 300),
        ("/w/demo.headless.en.js", "text/javascript; charset=utf-8", 300),
        ("/v1/sites/demo/list", "application/json", 3_600),
    ],
)
def test_what_pages_fetch_besides_is_kept_for_as_long_as_it_says(
    front: NginxFront, path: str, kind: str, seconds: int
) -> None:
    first, again = front.send("GET", path), front.send("GET", path)
    assert (first.status, first.cache, again.cache) == (200, "MISS", "HIT")
    assert first.headers["Content-Type"] == again.headers["Content-Type"] == kind
    assert again.headers["Cache-Control"].startswith(f"public, max-age={seconds},")
    assert again.body == first.body
    front.later(seconds + 5)
    assert front.send("GET", path).cache in ("STALE", "UPDATING", "EXPIRED")


def test_keys_and_lists_are_kept_for_a_moment_so_that_nobody_gets_old_ones(front: NginxFront) -> None:
    assert front.decide().status == 201  # the first makes a list
    for path in ("/.well-known/jwks.json", "/.well-known/gpc.json", "/status/1"):
        first, again = front.send("GET", path), front.send("GET", path)
        assert (first.status, first.cache, again.cache) == (200, "MISS", "HIT"), path
        assert "max-age" in again.headers["Cache-Control"]
    front.later(6)
    for path in ("/.well-known/jwks.json", "/status/1"):
        assert front.send("GET", path).cache == "EXPIRED", path
    assert front.send("GET", "/status/1?time=1").status == 501


def test_what_concerns_one_person_is_never_kept(front: NginxFront) -> None:
    decided = front.decide()
    assert decided.status == 201
    cookies = [value.partition(";")[0] for value in decided.headers.get_all("Set-Cookie")]
    holder = {"Cookie": "; ".join(cookies), "Origin": f"https://{NAME}"}
    for method, path in (
        ("GET", "/v1/sites/demo/consent"),
        ("POST", "/v1/sites/demo/token"),
        ("GET", "/v1/sites/demo/record"),
        ("GET", "/preferences/demo"),
    ):
        own = front.send(method, path, **holder)
        other = front.send(method, path, Origin=f"https://{NAME}")
        assert own.status == 200, path
        assert own.body != other.body, path
        assert own.cache is None
        assert own.headers["Cache-Control"] == other.headers["Cache-Control"] == "no-store"
    kept = b"".join(path.read_bytes() for path in (front.folder / "cookiegate").rglob("*") if path.is_file())
    assert decided.json()["token"].encode() not in kept
    assert not any(cookie.partition("=")[2].encode() in kept for cookie in cookies)


def test_a_robot_neither_fills_nor_reads_the_cache(front: NginxFront) -> None:
    robot = front.send("GET", "/w/demo.js", User_Agent=CRAWLER)
    person = front.send("GET", "/w/demo.js")
    assert person.cache == "MISS"
    assert len(person.body) > len(robot.body)
    assert front.send("GET", "/w/demo.js", User_Agent=CRAWLER).body == robot.body


def test_while_the_service_is_away_the_banner_grows_old_and_everything_else_says_so(tmp_path: Path) -> None:
    process = ServiceProcess(tmp_path, base_url=f"https://{NAME}", policies=(DEMO,))
    front = NginxFront(tmp_path, process.port)
    try:
        process.start()
        front.start()
        banner = front.send("GET", "/w/demo.js", Accept_Language="en")
        assert front.decide().status == 201
        assert front.send("GET", "/status/1").status == 200
        process.stop()
        front.later(3_600)
        old = front.send("GET", "/w/demo.js", Accept_Language="en")
        assert (banner.cache, old.cache, old.body) == ("MISS", "STALE", banner.body)
        for path in ("/status/1", "/v1/sites/demo/consent"):
            refused = front.send("GET", path)
            assert (refused.status, refused.headers["Retry-After"]) == (503, "2"), path
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert refused.headers["Cache-Control"] == "no-store"
    finally:
        front.stop()
        process.stop()


def test_half_sent_requests_reach_no_thread_of_the_service(front: NginxFront, service: ServiceProcess) -> None:
    route = "/v1/sites/<site>/decisions"
    before = answered(service, route)
    with ExitStack() as slow:
        for number in range(60):
            line = slow.enter_context(front.connect())
            line.sendall(DECISION if number % 2 else DECISION + b"Content-Length: 100\r\n\r\n{")
        assert front.send("GET", "/v1/sites/demo/consent").status == 200
        assert front.decide().status == 201
        assert answered(service, route) == before + 1


def test_one_address_holds_so_many_lines_and_no_more(service: ServiceProcess, tmp_path: Path) -> None:
    front = NginxFront(tmp_path, service.port, lines=32)
    front.start()
    try:
        with ExitStack() as slow:
            for _ in range(40):
                slow.enter_context(front.connect()).sendall(DECISION + b"Content-Length: 100\r\n\r\n{")
            assert front.send("GET", "/v1/sites/demo/consent", source="127.0.0.2").status == 200
            assert front.send("GET", "/v1/sites/demo/consent").status == 429
    finally:
        front.stop()
    assert sum(line["status"] == 429 for line in front.log()) >= 8


def test_a_client_says_nothing_about_who_it_is(front: NginxFront, service: ServiceProcess) -> None:
    left = []
    for number in range(2):
        forged = {"X_Forwarded_For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"}
        answer = front.send("POST", "/v1/sites/demo/token", Origin=f"https://{NAME}", **forged)
        left.append(int(re.findall(r"r=(\d+)", answer.headers["RateLimit"])[0]))
    assert left[1] == left[0] - 1, "both counted against the address that nginx saw"


@pytest.mark.parametrize(
    "request_bytes",
    [
        DECISION + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        DECISION + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        DECISION + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        DECISION + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"GET /w/demo.js HTTP/1.1\r\nHost: consent.example.jp\r\nHost: evil.example\r\n\r\n",
        b"GET /w/demo.js HTTP/1.1\r\n\r\n",
        b"GET /collect/../gate/check HTTP/1.1\r\nHost: consent.example.jp\r\n\r\n",
        b"GET /w/%2e%2e/metrics HTTP/1.1\r\nHost: consent.example.jp\r\n\r\n",
        b"GET /collect/plausible/..%2f..%2fmetrics HTTP/1.1\r\nHost: consent.example.jp\r\n\r\n",
        b"GET /v1//sites/demo/notice HTTP/1.1\r\nHost: consent.example.jp\r\n\r\n",
    ],
)
def test_a_request_that_two_readers_could_read_differently_is_nobody_s(front: NginxFront, request_bytes: bytes) -> None:
    answer = front.raw(request_bytes + b"GET /metrics HTTP/1.1\r\nHost: consent.example.jp\r\n\r\n")
    statuses = re.findall(rb"^HTTP/1.1 (\d+)", answer, re.M)
    assert statuses[0] in (b"400", b"405", b"501")
    assert b"cookiegate_requests" not in answer


def test_another_host_s_name_gets_no_answer(front: NginxFront) -> None:
    with pytest.raises(ssl.SSLError):
        front.connect("evil.example")
    assert front.raw(b"GET /w/demo.js HTTP/1.1\r\nHost: evil.example\r\n\r\n") == b""


def test_plain_http_leads_to_https_on_our_own_name_alone(front: NginxFront) -> None:
    with socket.create_connection(("127.0.0.1", front.plain_port), timeout=5) as line:
        line.sendall(b"GET /w/demo.js HTTP/1.1\r\nHost: consent.example.jp\r\n\r\n")
        assert b"Location: https://consent.example.jp/w/demo.js\r\n" in line.recv(65_536)
    with socket.create_connection(("127.0.0.1", front.plain_port), timeout=5) as line:
        line.sendall(b"GET /w/demo.js HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        with suppress(ConnectionResetError):
            assert line.recv(65_536) == b""


def test_gates_counters_and_health_are_not_for_strangers(front: NginxFront) -> None:
    for path in ("/metrics", "/healthz", "/readyz", "/openapi.json", "/gate/check?purpose=analytics", "/console/"):
        assert front.send("GET", path).status == 404, path
    assert front.send("POST", "/gate/strip/plausible?purpose=analytics", {}).status == 404


def test_every_route_for_visitors_is_passed_on(front: NginxFront, tmp_path: Path) -> None:
    internal = re.compile(r"/(gate|metrics|healthz|readyz|openapi|console|demo)\b|/static/<path:filename>$")
    service = make_bench(tmp_path / "bench").service
    rules = [str(rule) for rule in create_app(service).url_map.iter_rules()]
    service.close()
    for rule in rules:
        path = re.sub(r"<[^>]+>", "1", rule).replace("/static/1", "/static/pages/1")
        got = front.send("GET", path)
        by_service = "Content-Security-Policy" in got.headers
        assert by_service == (internal.match(rule) is None or path.startswith("/static/pages/")), rule


def test_the_log_tells_nothing_about_a_person(front: NginxFront) -> None:
    token = front.decide().json()["token"]
    front.send("GET", f"/collect/plausible/api/event?ct={token}", Cookie=f"cg_token={token}")
    front.send("GET", "/v1/sites/demo/requests/R-CANARY-1", X_Request_Code="CANARY-2")
    front.send("POST", "/v1/sites/demo/token", Origin=f"https://{NAME}", User_Agent="CANARY-3")
    front.raw(b"GET /v1/sites/demo/consent?x=CANARY-4 HTTP/1.1\r\nHost: consent.example.jp\r\nX: " + b"a" * 40_000)
    front.stop()
    routes = [line["route"] for line in front.log()]
    assert {"decisions", "notice", "collect", "requests", "token"} <= set(routes)
    text = front.access_log.read_text() + front.error_log.read_text()
    for secret in (token, "CANARY", "127.0.0.1", "Mozilla"):
        assert secret not in text
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", text)
