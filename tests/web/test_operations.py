"""Health, metrics, logs, the API's description."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from support import engines
from support.service import AGENT, Bench, Visitor, make_bench

from cookiegate.web.app import create_app
from cookiegate.web.logs import configure_logs, get_logger
from cookiegate.web.problems import PROBLEMS

ROOT = Path(__file__).parents[2]


def test_a_live_process_is_healthy(visitor: Visitor) -> None:
    assert visitor.send("GET", "/healthz").get_json() == {"status": "ok"}


def test_a_service_is_ready_with_record_keys_and_policy(visitor: Visitor) -> None:
    answer = visitor.send("GET", "/readyz")
    assert (answer.status_code, set(answer.get_json()["checks"].values())) == (200, {"ok"})


def test_a_service_without_its_record_is_not_ready(visitor: Visitor, bench: Bench) -> None:
    with engines.locked(bench.folder):
        answer = visitor.send("GET", "/readyz")
        assert (answer.status_code, answer.get_json()["checks"]["record"]) == (503, "storage_unavailable")
        refused = visitor.decide("accept")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert visitor.decide("accept").status_code == 201


def test_metrics_count_decisions_and_verdicts(visitor: Visitor) -> None:
    visitor.decide("accept")
    for address in ("purpose=analytics", "purpose=analytics", "purpose=analytics&status=200", "purpose=none"):
        visitor.send("GET", f"/gate/check?{address}")
    text = visitor.send("GET", "/metrics").text
    assert 'cookiegate_decisions_total{action="accept",site="demo"} 1.0' in text
    assert 'cookiegate_gate_verdicts_total{door="check",reason="ok"} 3.0' in text
    assert 'cookiegate_requests_total{route="/gate/check",status="204"} 2.0' in text
    assert 'cookiegate_requests_total{route="/gate/check",status="200"} 1.0' in text
    assert 'cookiegate_policy_version{site="demo"} 1.0' in text


def test_nothing_of_a_visitor_is_in_metrics_or_logs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug")
    bench = make_bench(tmp_path)
    visitor = bench.visitor()
    visitor.client.open("/nowhere/203.0.113.77", environ_base={"REMOTE_ADDR": "203.0.113.77"})
    token = visitor.decide("accept").get_json()["token"]
    visitor.send("GET", f"/gate/check?purpose=analytics&ct={token}")
    visitor.send("GET", "/v1/sites/demo/consent\r\nX-Injected: 1")
    handle = str(visitor.cookie("cg_handle.demo"))
    metrics = visitor.send("GET", "/metrics").text
    bench.service.close()
    printed = capfd.readouterr()
    for text in (metrics, printed.out + printed.err):
        for secret in (handle, token, AGENT, "203.0.113.77"):
            assert secret not in text


def test_a_log_line_is_one_json_object_and_withholds_what_is_not_allowed(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    get_logger().info("something\nhappened", site="demo", ip="203.0.113.77", agent="Mozilla")
    (line,) = capfd.readouterr().err.strip().splitlines()
    record = json.loads(line)
    assert record["event"] == "something\nhappened"
    assert (record["ip"], record["agent"]) == ("[withheld]", "[withheld]")


def test_what_a_library_logs_is_a_line_of_json_too_without_its_values(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    configure_logs("info")  # as the demo does in one process
    pool = logging.getLogger("a_library.pool")
    pool.warning("discarding closed connection: %s", "<psycopg.Connection [BAD] at db.internal>")
    pool.warning("discarding closed connection: %s", "<psycopg.Connection [BAD] at db.internal>")
    pool.info("connection requested from %r", "cookiegate")
    pool.error("a sentence with db.internal in it")
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["level"], line["event"], line["cause"]) for line in told] == [
        ("warning", "library_message", "a_library.pool"),
        ("error", "library_message", "a_library.pool"),
    ]
    assert told[0]["reason"] == "discarding closed connection: %s"
    assert "db.internal" not in json.dumps(told)


def test_errors_in_the_log_have_no_local_variables(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    token = "a-token-in-a-local-variable"
    try:
        raise ValueError(len(token))
    except ValueError as error:
        get_logger().error("failed", exc_info=error)
    assert token not in capfd.readouterr().err


def spec_of(visitor: Visitor) -> dict[str, Any]:
    return dict(visitor.send("GET", "/openapi.json").get_json())


def test_the_description_is_valid_openapi(visitor: Visitor) -> None:
    validate(spec_of(visitor))


def test_every_route_is_described_and_documented(visitor: Visitor, bench: Bench) -> None:
    described = spec_of(visitor)["paths"]
    reference = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    for rule in create_app(bench.service).url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        path = re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule)
        assert path in described, f"{path} is not described"
        assert f"`{path}`" in reference, f"{path} is not in docs/reference/http.md"


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_error_code_is_documented(code: str) -> None:
    status, title = PROBLEMS[code]
    reference = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{code}` \| {status} \| {re.escape(title)} \|", reference, re.MULTILINE)


def test_the_description_is_readable(visitor: Visitor) -> None:
    page = visitor.send("GET", "/openapi")
    assert page.mimetype == "text/html"
    assert "/v1/sites/{site}/decisions" in page.text
    assert "Idempotency-Key" in page.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "not_found"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("POST", "/notice/demo", 405, "method_not_allowed"),
        ("GET", "/static/../pyproject.toml", 404, "not_found"),
    ],
)
def test_every_error_is_a_problem_document(visitor: Visitor, method: str, path: str, status: int, code: str) -> None:
    answer = visitor.send(method, path)
    body = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert (body["code"], body["status"]) == (code, status)
    assert body["title"]
    assert body["detail"]


def test_s02_https_is_insisted_on_where_the_address_has_it(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, BASE_URL="https://consent.example.jp")
    visitor = bench.visitor()
    for path in ("/healthz", "/v1/sites/demo/consent", "/preferences/demo", "/w/demo.js"):
        assert visitor.send("GET", path).headers["Strict-Transport-Security"] == "max-age=31536000"
    cookies = visitor.decide("accept").headers.getlist("Set-Cookie")
    assert len(cookies) == 3
    assert all("; Secure" in cookie for cookie in cookies)
    bench.service.close()
