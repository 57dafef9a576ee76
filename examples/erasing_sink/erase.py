"""Deletes what the service says must be deleted, by ``sub``, from PostgreSQL or DuckDB, and acknowledges it.

Run it every few minutes, or with ``--every 60`` as a service. It may be stopped at any time: what was not acknowledged
is told again, and deleting what is gone deletes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

PAGE = 500
WAIT_S = 30
TABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Sink(Protocol):
    """Where events lie."""

    def delete(self, subs: Sequence[str]) -> int:
        """Deletes the rows of some subjects, durable when it returns; how many there were."""
        ...


class PostgresSink:
    """A table of PostgreSQL.

    Args:
        dsn: how to connect.
        table: its name.
        column: holds ``consent.sub`` of each event.
    """

    def __init__(self, dsn: str, table: str, column: str) -> None:
        self._dsn = dsn
        self._delete = f"DELETE FROM {named(table)} WHERE {named(column)} = ANY(%s)"  # noqa: S608  names were checked

    def delete(self, subs: Sequence[str]) -> int:
        """Deletes the rows of some subjects."""
        import psycopg  # noqa: PLC0415  whoever has no PostgreSQL need not install it

        with psycopg.connect(self._dsn) as connection:  # committed when it ends
            return connection.execute(self._delete.encode(), [list(subs)]).rowcount


class DuckSink:
    """A table in a file of DuckDB. One process writes such a file: let the job run while nobody else has it open.

    Args:
        file: the file.
        table: its name.
        column: holds ``consent.sub`` of each event.
    """

    def __init__(self, file: str, table: str, column: str) -> None:
        self._file = file
        self._delete = f"DELETE FROM {named(table)} WHERE {named(column)} IN (SELECT unnest(?))"  # noqa: S608

    def delete(self, subs: Sequence[str]) -> int:
        """Deletes the rows of some subjects; the checkpoint takes them out of the file, too."""
        import duckdb  # noqa: PLC0415

        with duckdb.connect(self._file) as connection:
            (deleted,) = connection.execute(self._delete, [list(subs)]).fetchone() or (0,)
            connection.execute("CHECKPOINT")
        return int(deleted)


class Service:
    """The consent service.

    Args:
        address: such as ``https://consent.example.jp``.
        secret: what ``cookiegate subscribers add`` printed.
    """

    def __init__(self, address: str, secret: str) -> None:
        self._address = address.rstrip("/")
        self._secret = secret

    def erasures(self) -> Iterator[list[dict[str, Any]]]:
        """What is not acknowledged, a page at a time, oldest first."""
        page = self._ask(f"/v1/erasures?limit={PAGE}")
        while page["events"]:
            yield page["events"]
            page = self._ask(f"/v1/erasures?limit={PAGE}&after={page['next']}")

    def acknowledge(self, through: int) -> None:
        """Everything up to this sequence is deleted."""
        self._ask("/v1/erasures/acks", {"through": through})

    def _ask(self, path: str, body: object | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, headers)  # noqa: S310  the operator's own
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310
            return dict(json.load(answer))


def named(name: str) -> str:
    """A name that may stand in a statement.

    Raises:
        ValueError: it is none.
    """
    if TABLE.fullmatch(name) is None:
        raise ValueError(f"{name!r} must be a name such as events or lake.events")
    return name


def erase(service: Service, sinks: Sequence[Sink]) -> tuple[int, int]:
    """Deletes from every sink, then acknowledges, page by page; gives erasures and rows."""
    erasures = rows = 0
    for page in service.erasures():
        subs = sorted({event["sub"] for event in page})
        rows += sum(sink.delete(subs) for sink in sinks)
        service.acknowledge(page[-1]["sequence"])
        erasures += len(page)
    return erasures, rows


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--service", required=True, help="address, such as https://consent.example.jp")
    parser.add_argument("--secret-file", help="holds the subscriber's secret; $SINK_SECRET without it")
    parser.add_argument("--postgresql", metavar="DSN", help="such as postgresql://eraser@db.internal/lake")
    parser.add_argument("--duckdb", metavar="FILE")
    parser.add_argument("--table", default="events")
    parser.add_argument("--column", default="sub", help="holds consent.sub of each event (default: sub)")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="again and again; once without it")
    asked = parser.parse_args()
    try:
        told = Path(asked.secret_file).read_text() if asked.secret_file else os.environ.get("SINK_SECRET", "")
    except OSError as error:
        parser.error(f"--secret-file {asked.secret_file} cannot be read ({error.strerror})")
    if asked.duckdb and not Path(asked.duckdb).is_file():
        parser.error(f"--duckdb {asked.duckdb}: there is no such file")
    secret = told.strip()
    if not secret or not (asked.postgresql or asked.duckdb):
        parser.error("--secret-file (or $SINK_SECRET), and --postgresql or --duckdb are needed")
    service = Service(asked.service, secret)
    while True:
        code = _once(service, asked)
        if asked.every is None:
            return code
        time.sleep(asked.every)


def _once(service: Service, asked: argparse.Namespace) -> int:
    try:
        sinks: list[Sink] = []
        if asked.postgresql:
            sinks.append(PostgresSink(asked.postgresql, asked.table, asked.column))
        if asked.duckdb:
            sinks.append(DuckSink(asked.duckdb, asked.table, asked.column))
        erasures, rows = erase(service, sinks)
    except Exception as error:  # a service or a database that is away: the next run does the rest
        print(f"nothing was acknowledged that is not deleted: {error}", file=sys.stderr)
        return 1
    print(f"{erasures} erasures, {rows} rows deleted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
