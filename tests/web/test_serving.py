"""``cookiegate serve`` as an operator meets it: one service on SQLite, graceful stops, workers that come back."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engines import sqlite_only
from support.live import ServiceProcess, free_port
from support.policies import DEMO
from support.postgres import fresh_database, is_asked_for
from support.waiting import until

from benchmarks.gate_check import accept

CLI = [sys.executable, "-m", "cookiegate.cli.main"]
on_one_file = sqlite_only("PostgreSQL takes several services at once")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    service = ServiceProcess(tmp_path, policies=(DEMO,))
    service.start()
    yield service
    service.stop(signal.SIGKILL)


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
    return subprocess.run([*CLI, *words], capture_output=True, text=True, timeout=60, check=False, env={**kept, **env})


def serve_again(service: ServiceProcess) -> subprocess.CompletedProcess[str]:
    return run("serve", "--port", str(free_port()), "--data-dir", str(service.folder / "data"))


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def half_sent_decision(port: int) -> tuple[socket.socket, bytes]:
    """A decision of which the body's last byte is still to come; a thread of the service reads it already."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/sites/demo/notice", timeout=5) as answer:
        notice = json.loads(answer.read())["notice"]
    body = json.dumps({"notice": notice, "action": "reject"}).encode()
    head = (
        f"POST /v1/sites/demo/decisions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {secrets.token_urlsafe(16)}\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n"
        "Connection: close\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(head.encode())
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body[:-1])
    return connection, body[-1:]


@on_one_file
def test_a_second_service_on_one_sqlite_record_is_refused(service: ServiceProcess) -> None:
    refused = serve_again(service)
    assert refused.returncode == 2
    assert "another service already serves" in refused.stderr
    assert "COOKIEGATE_DATABASE_URL" in refused.stderr


@on_one_file
def test_commands_may_run_beside_it(service: ServiceProcess) -> None:
    data = str(service.folder / "data")
    for words in (("keys", "list"), ("purge", "--dry-run"), ("hold", "list"), ("ledger", "verify")):
        done = run(*words, "--data-dir", data)
        assert done.returncode == 0, done.stderr


def test_a_killed_service_leaves_no_lock_behind(service: ServiceProcess) -> None:
    service.stop(signal.SIGKILL)
    service.start()  # at once, on the same folder


def test_a_worker_whose_server_was_killed_ends_and_gives_the_lock_free(service: ServiceProcess) -> None:
    workers = children(service.pid)
    os.kill(service.pid, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    service.stop(signal.SIGKILL)
    service.start()


@on_one_file
def test_the_lock_survives_the_worker_that_is_killed_and_comes_back(service: ServiceProcess) -> None:
    (worker,) = children(service.pid)
    os.kill(worker, signal.SIGKILL)
    until(lambda: bool(children(service.pid)) and children(service.pid) != [worker])
    assert "another service already serves" in serve_again(service).stderr
    until(service.is_ready)


def test_a_stop_lets_a_request_under_way_end(service: ServiceProcess) -> None:
    connection, rest = half_sent_decision(service.port)
    with connection:
        os.kill(service.pid, signal.SIGTERM)
        until(lambda: not service.is_ready())
        connection.sendall(rest)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 201 ")


def test_several_workers_on_sqlite_are_refused_with_the_way_out(tmp_path: Path) -> None:
    refused = run("serve", "--workers", "2", "--port", str(free_port()), "--data-dir", str(tmp_path))
    assert refused.returncode == 2
    assert "--workers 2 needs PostgreSQL" in refused.stderr
    assert "COOKIEGATE_DATABASE_URL" in refused.stderr


def test_several_workers_serve_count_together_and_replace_each_other(tmp_path: Path) -> None:
    service = ServiceProcess(tmp_path, policies=(DEMO,), workers=2, COOKIEGATE_DATABASE_URL=fresh_database())
    service.start()
    try:
        until(lambda: len(children(service.pid)) == 2)
        for _ in range(40):
            assert get(service.port, "/v1/sites/demo/notice")
        counted = 'cookiegate_requests_total{route="/v1/sites/<site>/notice",status="200"} 40.0'
        assert all(counted in get(service.port, "/metrics") for _ in range(8))
        before = children(service.pid)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len({*children(service.pid)} - {*before}) == 1)
        until(service.is_ready)
        assert counted in get(service.port, "/metrics")  # what the dead one counted is not forgotten
    finally:
        service.stop()


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


COUNTED_BY_TWO = """
import os
from cookiegate.web.metrics import Metrics
from cookiegate.web.purging import PurgeGauges
def work(count, damaged):
    metrics = Metrics()
    PurgeGauges(metrics.registry)
    for _ in range(count):
        metrics.answered("/w/<site>.js", 200, 0.01)
        metrics.checked(204)
    metrics.settle()
    metrics.policies.labels("demo").set(count)
    metrics.ledger["damaged"].set(damaged)
    return metrics
if os.fork() == 0:
    work(3, 0)
    os._exit(0)
os.wait()
print(work(2, 1).exposition().decode())
"""


def test_counters_of_several_workers_are_one_answer(tmp_path: Path) -> None:
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COUNTED_BY_TWO], capture_output=True, text=True, timeout=60, check=True, env=env
    )
    shown = dict(line.rsplit(" ", 1) for line in done.stdout.split("\n") if line and not line.startswith("#"))
    assert shown['cookiegate_requests_total{route="/w/<site>.js",status="200"}'] == "5.0"
    assert shown['cookiegate_request_seconds_count{route="/w/<site>.js"}'] == "5.0"
    assert shown['cookiegate_requests_total{route="/gate/check",status="204"}'] == "5.0"
    assert shown['cookiegate_policy_version{site="demo"}'] == "3.0"
    assert shown["cookiegate_ledger_damaged"] == "1.0"
    assert not any(name.startswith("cookiegate_purged_at_seconds") for name in shown)  # nobody purged yet


def test_a_folder_of_policies_is_served_but_for_a_faulty_one(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in ("shop", "blog"):
        text = DEMO.read_text(encoding="utf-8").replace("site: demo", f"site: {name}", 1)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "typo.yaml").write_text("site: typo\npurposes: [", encoding="utf-8")
    (folder / "notes.txt").write_text("no policy", encoding="utf-8")
    service = ServiceProcess(tmp_path, policies=(folder,))
    service.start()
    for name in ("shop", "blog"):
        with urllib.request.urlopen(f"{service.base_url}/v1/sites/{name}/notice", timeout=5) as answer:
            assert answer.status == 200
    service.stop()
    assert "typo.yaml is left out" in service.log.read_text()


def test_a_start_never_takes_a_site_back_to_an_older_version(tmp_path: Path) -> None:
    older, newer = tmp_path / "older.yaml", tmp_path / "newer.yaml"
    text = DEMO.read_text(encoding="utf-8")
    older.write_text(text, encoding="utf-8")
    newer.write_text(text.replace("retention_days: 90", "retention_days: 89", 1), encoding="utf-8")
    assert older.read_text() != newer.read_text()
    service = ServiceProcess(tmp_path, policies=(older,))
    service.start()
    published = run("policy", "publish", str(newer), "--data-dir", str(tmp_path / "data"), **service.database())
    assert published.returncode == 0, published.stderr
    service.stop()
    service.start()
    with urllib.request.urlopen(f"{service.base_url}/v1/sites/demo/notice", timeout=5) as answer:
        assert json.loads(answer.read())["policy_version"] == 2
    service.stop()
    assert "the older version 1" in service.log.read_text()


def test_an_empty_record_beside_people_s_keys_is_not_begun(service: ServiceProcess) -> None:
    accept(service.base_url)
    service.stop()
    data = service.folder / "data"
    for path in data.glob("cookiegate.db*"):
        path.unlink()
    empty = {"COOKIEGATE_DATABASE_URL": fresh_database()} if is_asked_for() else {}
    done = run("serve", "--port", str(free_port()), "--data-dir", str(data), "--policy", str(DEMO), **empty)
    assert done.returncode == 2
    assert "the record is empty" in done.stderr
    assert "cookiegate restore" in done.stderr
    done = run("policy", "publish", str(DEMO), "--data-dir", str(data), **empty)
    assert "the record is empty" in done.stderr


def test_a_ledger_key_that_others_can_read_stops_the_start_with_a_sentence(service: ServiceProcess) -> None:
    accept(service.base_url)
    service.stop()
    (service.folder / "data" / "keys" / "ledger.skey").chmod(0o644)
    done = run("serve", "--port", str(free_port()), "--data-dir", str(service.folder / "data"), **service.database())
    assert done.returncode == 2
    assert "ledger.skey" in done.stderr
    assert "Traceback" not in done.stderr
