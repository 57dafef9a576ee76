"""Threats by headers: CORS, Host and language poisoning, forged addresses, forms from elsewhere, lines in logs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.asking import SAME_ORIGIN
from support.policies import ORIGIN, demo_policy
from support.service import AGENT, Bench, make_bench
from werkzeug.test import Client, TestResponse

from cookiegate.web.logs import configure_logs
from cookiegate.web.routes import ROUTES
from security.addresses import path_of, url_map
from security.attacks import HEADERS, everywhere, writing_cells
from security.people import ELSEWHERE, EVIL, OTHER_ORIGIN, ROOM, TWO_SITES, cookie, make_owner, roles_of

CORS_ROUTES = [route for route in ROUTES if route.cors]
#: Public for scripts of any origin, because nothing in them depends on who asks.
ANY_ORIGIN = ("/w/", "/.well-known/", "/status/", "/ledger/")
FOREIGN = (
    "null", "", "http://shop.test.evil.test", "http://evilshop.test", "http://evil.test/http://shop.test", "http://shop.test:81",
    "http://shop.test:80", "https://shop.test", "HTTP://SHOP.TEST", "http://Shop.test", "http://shop.test.", "http://shop.test/",
    "http://shop.test ,http://evil.test", "http://shop.test http://evil.test", "http://user@shop.test", "http://sub.shop.test",
    "http://shop%2etest", "http://shop.test#", "http://shop.test\\.evil.test", "file://", "chrome-extension://shop.test",
    "http://127.0.0.1:8000.evil.test", "*", EVIL, OTHER_ORIGIN,
)  # fmt: skip


def varies(answer: TestResponse) -> set[str]:
    """What an answer says that it depends on."""
    return {name.strip() for line in answer.headers.getlist("Vary") for name in line.split(",")}


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("route", CORS_ROUTES, ids=lambda route: route.pattern)
def test_cors_no_origin_but_the_listed_one_may_read_or_write(world: Bench, route: Any, origin: str) -> None:
    client, path = Client(world.front, use_cookies=False), path_of(route.pattern)
    for method in (*route.methods, "OPTIONS"):
        asked = {"Origin": origin, "User-Agent": AGENT, "Access-Control-Request-Method": "POST"}
        answer = client.open(path, method=method, headers=asked, buffered=True)
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in varies(answer)
        assert method != "POST" or answer.status_code == 403


def test_cors_the_listed_origin_may_and_with_cookies_never_by_a_star(bench: Bench) -> None:
    for cell, answer in everywhere(bench, headers={"Origin": ORIGIN}):
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        is_hot = any(f"{method} {route.pattern}" == cell for route in CORS_ROUTES for method in route.methods)
        assert (allowed == ORIGIN) == (is_hot or "/collect/" in cell), cell
        if allowed == "*":
            assert cell.split(" ")[1].startswith(ANY_ORIGIN), cell
            assert "Access-Control-Allow-Credentials" not in answer.headers, cell
            assert "Set-Cookie" not in answer.headers, cell
        if answer.headers.get("Access-Control-Allow-Credentials"):
            assert "Origin" in varies(answer), cell


FORMS = [cell.split(" ")[1] for cell in writing_cells() if cell.startswith("POST /preferences/")]
NOT_OURS: tuple[dict[str, str], ...] = (
    ELSEWHERE, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"}, {"Origin": "null"}, {"Origin": EVIL},
    {"Origin": ORIGIN},
    {"Origin": "http://localhost.evil.test"}, {"Sec-Fetch-Site": "SAME-ORIGIN"}, {"Sec-Fetch-Site": ""},
)  # fmt: skip


@pytest.mark.parametrize("headers", NOT_OURS, ids=str)
@pytest.mark.parametrize("path", FORMS)
def test_csrf_a_form_is_only_taken_from_its_own_page(world: Bench, path: str, headers: dict[str, str]) -> None:
    owner = make_owner(world, with_request=False)
    own = cookie(cg_handle__demo=owner.handle)["Cookie"]
    answer = Client(world.front, use_cookies=False).post(
        path_of(path),
        headers={"Cookie": own, "User-Agent": AGENT, **headers},
        data={"action": "withdraw", "do": "erase"},
    )
    assert answer.status_code == 403
    assert owner.visitor.send("GET", "/v1/sites/demo/consent").get_json()["state"] == "granted"


def test_csrf_nothing_is_written_by_get(bench: Bench) -> None:
    owner = make_owner(bench)
    before = (bench.count, owner.asker.file.notes, len(bench.service.storage.entries()))
    asked = {"action": "withdraw", "do": "erase", "code": owner.asker.code, "t": "x" * 43, "kind": "deletion"}
    readable = [cell for cell in url_map() if cell.startswith("GET ") and "/collect/" not in cell]
    own = {
        "Cookie": roles_of(owner)["owner"]["Cookie"],
        "X-HTTP-Method-Override": "POST",
        "X-Request-Code": owner.asker.code,
    }
    bench_count = bench.count
    for _ in everywhere(bench, cells=readable, headers=own, query={**asked, "_method": "POST"}):
        pass
    assert (bench.count, owner.asker.file.notes, len(bench.service.storage.entries())) == (bench_count, *before[1:])


def test_clickjacking_no_page_may_be_framed(bench: Bench) -> None:
    for cell, answer in everywhere(bench):
        if answer.status_code == 204:  # nothing to frame
            assert answer.data == b"", cell
            continue
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy, cell
        assert "script-src" not in policy, cell  # so default-src 'none' holds: our pages run no script at all
        assert "unsafe" not in policy, cell
        assert answer.headers["X-Content-Type-Options"] == "nosniff", cell


def same_to(answer: TestResponse) -> tuple[Any, ...]:
    """What two clients compare."""
    moving = ("RateLimit", "Date")
    text = answer.data.decode("utf-8", "replace")
    body = re.sub(r'name="key" value="[^"]*"|value="[\w-]{32}"|^cookiegate_.*$', "", text, flags=re.MULTILINE)
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in moving)
    return answer.status_code, body, [header for header in headers if header[0] not in ("Content-Length", "ETag")]


POISON: tuple[dict[str, str], ...] = (
    {"Host": "evil.test"}, {"Host": "evil.test:80"}, {"Host": "127.0.0.1:8000@evil.test"},
    {"X-Forwarded-Host": "evil.test"},
    {"Forwarded": "host=evil.test;proto=https"}, {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Prefix": "/evil"},
    {"X-Host": "evil.test"}, {"X-Original-URL": "/evil"}, {"X-Rewrite-URL": "/evil"}, {"X-Forwarded-Port": "444"},
)  # fmt: skip
#: Where several sites are served, the Host of an event may tell its site; these answers are kept by no cache.
BY_HOST = ("/gate/", "/collect/")


UNLIKE = re.compile(r"[\w+/=-]{43,}|[0-9a-f-]{36}")  # keys and ids differ from service to service


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A service of the same sites as ``world``."""
    bench = make_bench(tmp_path_factory.mktemp("twin"), policies=TWO_SITES, **ROOM)
    yield bench
    bench.service.close()


@pytest.mark.parametrize("poison", POISON, ids=str)
def test_host_poisoning_no_answer_depends_on_it(world: Bench, twin: Bench, poison: dict[str, str]) -> None:
    cells = [
        cell for cell in sorted(url_map()) if cell.startswith("GET ") and not cell.split(" ")[1].startswith(BY_HOST)
    ]
    plain = dict(everywhere(twin, cells=cells))
    for cell, answer in everywhere(world, cells=cells, headers=poison):
        assert "evil" not in answer.text + str(answer.headers), cell
        if not any(name in cell for name in ("/ledger/", "jwks", "/status/", "metrics")):
            one, other = (UNLIKE.sub("", repr(same_to(each))) for each in (plain[cell], answer))
            assert one == other, cell


@pytest.mark.parametrize(
    "path", ["/notice//demo", "//notice/demo", "/static//pages/pages.css", "/preferences/demo/", "/ledger//key"]
)
def test_host_poisoning_no_redirect_names_the_host(bench: Bench, path: str) -> None:
    answer = Client(bench.front).get(path, headers={"Host": "evil.test"}, buffered=True)
    assert "evil" not in answer.headers.get("Location", "")
    assert not 300 <= answer.status_code < 400


def kept(answer: TestResponse) -> bool:
    """Whether a shared cache may keep an answer."""
    rules = answer.headers.get("Cache-Control", "")
    return "no-store" not in rules and "private" not in rules


VARIED = {
    "Accept-Language": ("ja", "en"),
    "Accept-Encoding": ("gzip", "identity"),
    "Origin": (ORIGIN, EVIL),
    "Accept": ("text/html", "*/*"),
}


@pytest.mark.parametrize("name", VARIED)
def test_accept_language_poisoning_what_differs_is_told_to_caches(world: Bench, name: str) -> None:
    one, other = VARIED[name]
    for cell in sorted(cell for cell in url_map() if cell.startswith("GET ")):
        answers = [
            answer for value in (one, other) for _, answer in everywhere(world, cells=[cell], headers={name: value})
        ]
        if any(kept(answer) for answer in answers) and same_to(answers[0]) != same_to(answers[1]):
            for answer in answers:
                assert name in varies(answer), cell


def test_cache_probe_of_two_clients_nothing_of_a_visitor_is_kept(bench: Bench) -> None:
    owner = make_owner(bench)
    for cell, answer in everywhere(
        bench, headers=roles_of(owner)["owner"], arguments={"reference": owner.asker.reference}
    ):
        said = answer.text + str(answer.headers)
        if "Set-Cookie" in answer.headers or any(secret in said for secret in owner.secrets):
            assert not kept(answer), cell
    # Whatever may be kept is the same for a visitor with cookies as for one without.
    readable = sorted(cell for cell in url_map() if cell.startswith("GET "))
    cookies = {"Cookie": roles_of(owner)["owner"]["Cookie"]}
    plain = dict(everywhere(bench, cells=readable))
    for cell, answer in everywhere(bench, cells=readable, headers=cookies):
        if (kept(answer) or kept(plain[cell])) and "metrics" not in cell:
            assert same_to(answer) == same_to(plain[cell]), cell


@pytest.mark.parametrize(
    "name", [name for name in HEADERS if "Forwarded" in name or "IP" in name or name in ("Via", "Forwarded")]
)
def test_forged_x_forwarded_for_counts_in_the_same_bucket(tmp_path: Path, name: str) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_READS="3/minute")
    client = Client(bench.front)
    statuses = [client.get("/notice/demo", headers={name: f"203.0.113.{number}"}).status_code for number in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    bench.service.close()


LINES = (
    'x\r\n{"event":"forged","level":"info"}',
    "x\nSet-Cookie: a=b",
    "x\x1b[31mred",
    "x\u2028y",
    "x\x00y",
    "x\u202eevil",
)


@pytest.mark.parametrize("text", LINES, ids=ascii)
def test_log_injection_every_line_is_one_object_and_no_header_is_added(
    tmp_path: Path, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logs("debug")
    bench = make_bench(tmp_path, policies=TWO_SITES, **ROOM)
    header = text.replace("\r", "%0d").replace("\n", "%0a").replace("\x00", "%00").encode().decode("latin-1")
    fields = dict.fromkeys(("lang", "flash", "entry", "site", "t", "purpose", "kind", "message", "ui", "from"), text)
    for options in (
        {"query": fields},
        {"body": fields},
        {"form": fields},
        {"headers": {"X-Request-Code": header, "Referer": header}},
    ):
        for cell, answer in everywhere(bench, **options):  # type: ignore[arg-type]
            assert "a=b" not in str(answer.headers.get("Set-Cookie")), cell
            assert not any("\r" in value or "\n" in value for _, value in answer.headers.items()), cell
    client = Client(bench.front)
    for path in (
        f"/nowhere/{text}",
        f"/w/{text}.js",
        f"/v1/sites/{text}/consent",
        f"/ledger/proof/{text}",
        f"/status/{text}",
    ):
        client.open(environ_overrides={"PATH_INFO": path.encode().decode("latin-1")}, buffered=True)
    bench.service.close()
    for line in capfd.readouterr().err.splitlines():
        record = json.loads(line)
        assert record["event"] != "forged"
        assert text not in line


def test_missing_authorisation_the_matrix_covers_every_route() -> None:
    from security.access import TABLE

    assert set(TABLE) == url_map()


def test_policies_of_several_sites_are_told_apart_by_no_header(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, policies=(demo_policy(), TWO_SITES[1]), **ROOM)
    visitor = bench.visitor()
    visitor.decide("accept")
    answer = visitor.send(
        "GET", "/v1/sites/other/consent", headers={"Host": "other.test", "X-Forwarded-Host": "shop.test", **SAME_ORIGIN}
    )
    assert answer.get_json()["state"] == "undecided"
    bench.service.close()
