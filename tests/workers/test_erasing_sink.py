"""The example job, for real: a service, PostgreSQL, DuckDB."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from support import postgres
from support.service import Bench, make_bench
from werkzeug.serving import make_server
from werkzeug.test import Client

from cookiegate.rights.delivery.streams import append_stream
from cookiegate.rights.delivery.subscribers import Subscribers

JOB = Path(__file__).parents[2] / "examples" / "erasing_sink" / "erase.py"
SUBS = [f"{number:022d}" for number in range(4)]
LAG = 'cookiegate_stream_oldest_seconds{stream="erase",subscriber="lake"}'


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = make_bench(tmp_path)
    yield bench
    bench.service.close()


@pytest.fixture
def address(bench: Bench) -> Iterator[str]:
    """Where the service answers."""
    server: Any = make_server("127.0.0.1", 0, bench.front, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def lake() -> Iterator[str]:
    """A database with two events of each subject."""
    name = f"lake_{os.urandom(4).hex()}"
    postgres.server().ask(f"CREATE DATABASE {name}")
    with psycopg.connect(postgres.server().uri(name)) as connection:
        connection.execute("CREATE TABLE events (sub text, url text)")
        connection.cursor().executemany("INSERT INTO events VALUES (%s, 'u')", [(sub,) for sub in SUBS * 2])
    yield postgres.server().uri(name)
    postgres.server().ask(f"DROP DATABASE {name} WITH (FORCE)")


def fill_duck(file: Path) -> Path:
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE events (sub text, url text)")
        connection.executemany("INSERT INTO events VALUES (?, 'u')", [(sub,) for sub in SUBS * 2])
    return file


def left_in_duck(file: Path) -> list[str]:
    with duckdb.connect(str(file)) as connection:
        return [row[0] for row in connection.execute("SELECT sub FROM events ORDER BY sub").fetchall()]


def left_in_postgres(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT sub FROM events ORDER BY sub").fetchall()]


def run_job(address: str, secret: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(JOB), "--service", address, *arguments],
        capture_output=True, text=True, timeout=60, env={**os.environ, "SINK_SECRET": secret}, check=False,
    )  # fmt: skip


def tell(bench: Bench, sub: str) -> None:
    now_ms = bench.clock.now_ms()
    bench.service.storage.write(
        lambda transaction: append_stream(transaction, kind="erase", site="demo", sub=sub, epoch=2, at_ms=now_ms)
    )


def lag_s(bench: Bench) -> float:
    lines = Client(bench.front).get("/metrics").text.splitlines()
    return next(float(line.removeprefix(LAG)) for line in lines if line.startswith(LAG))


def test_rows_of_the_erased_go_and_the_service_hears_of_it(
    bench: Bench, address: str, lake: str, tmp_path: Path
) -> None:
    duck = fill_duck(tmp_path / "lake.duckdb")
    secret = Subscribers(bench.service.storage, bench.clock).add("lake", ("consent.erase",))
    for sub in SUBS[:2]:
        tell(bench, sub)
    bench.clock.advance(120)
    assert lag_s(bench) == 120
    done = run_job(address, secret, "--postgresql", lake, "--duckdb", str(duck))
    assert (done.returncode, done.stdout) == (0, "2 erasures, 8 rows deleted\n"), done.stderr
    assert left_in_postgres(lake) == left_in_duck(duck) == sorted(SUBS[2:] * 2)
    assert lag_s(bench) == 0
    assert run_job(address, secret, "--postgresql", lake).stdout == "0 erasures, 0 rows deleted\n"


def test_nothing_is_acknowledged_while_a_sink_is_away(bench: Bench, address: str, lake: str, tmp_path: Path) -> None:
    secret = Subscribers(bench.service.storage, bench.clock).add("lake", ("consent.erase",))
    tell(bench, SUBS[0])
    bench.clock.advance(60)
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    done = run_job(address, secret, "--postgresql", lake, "--duckdb", str(empty))
    assert done.returncode == 1
    assert "events does not exist" in done.stderr
    assert left_in_postgres(lake) == sorted(SUBS[1:] * 2), "the other has deleted, which may be repeated"
    assert lag_s(bench) == 60
    duck = fill_duck(tmp_path / "lake.duckdb")
    assert run_job(address, secret, "--postgresql", lake, "--duckdb", str(duck)).stdout.startswith("1 erasures, 2 rows")
    assert lag_s(bench) == 0


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    for arguments in (["--duckdb", "no.duckdb"], ["--duckdb", "x", "--secret-file", "no.txt"]):
        done = run_job("http://127.0.0.1:9", "whsec_x", *arguments)
        assert done.returncode == 2
        assert f"{arguments[-2]} {arguments[-1]}" in done.stderr
        assert "Traceback" not in done.stderr


def test_pages_and_what_cannot_be(bench: Bench, address: str) -> None:
    secret = Subscribers(bench.service.storage, bench.clock).add("lake", ("consent.erase",))
    for sub in SUBS:
        tell(bench, sub)
    client, headers = Client(bench.front), {"Authorization": f"Bearer {secret}"}
    first = client.get("/v1/erasures?limit=3", headers=headers).get_json()
    rest = client.get(f"/v1/erasures?after={first['next']}", headers=headers).get_json()
    assert [event["sub"] for event in first["events"] + rest["events"]] == SUBS
    assert rest == client.get(f"/v1/streams/erase?after={first['next']}", headers=headers).get_json()
    assert client.get("/v1/erasures").status_code == 401
    other = Subscribers(bench.service.storage, bench.clock).add("other", ("consent.withdrawn",))
    assert client.get("/v1/erasures", headers={"Authorization": f"Bearer {other}"}).status_code == 403
    bad = run_job(address, secret, "--postgresql", "x", "--table", "events; DROP TABLE events")
    assert "must be a name such as events" in bad.stderr
