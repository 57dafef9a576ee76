"""More of what went wrong in other consent software: formulas in tables, patterns that never end."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable

import pytest
from support.service import Bench
from werkzeug.test import Client

FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://evil.test")',
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    " =1",
)


def test_cve_2023_23678_a_downloaded_table_holds_no_formula(bench: Bench) -> None:
    visitor = bench.visitor()
    visitor.decide("accept")
    for formula in FORMULAS:
        event = {"n": formula, "u": formula, "d": formula, "r": formula}
        path = "/collect/plausible/api/event?site=demo"
        assert (
            visitor.send("POST", path, data=json.dumps(event), headers={"Content-Type": "text/plain"}).status_code
            == 202
        )
    text = visitor.send("GET", "/v1/sites/demo/record?format=csv").data.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not [
        cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@", "＝", "\t", "\r")) and cell != "-"
    ]


def cpu_of(work: Callable[[], object]) -> float:
    """The least CPU time of a few runs, seconds."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def grows_evenly(work: Callable[[int], Callable[[], object]]) -> bool:
    """Whether eight times the input costs nowhere near 64 times the work."""
    small, large = cpu_of(work(1)), cpu_of(work(8))
    return large < 24 * max(small, 0.0005)


EVIL_NAMES = (
    "a" * 200 + "!",
    "=" * 200,
    ";" * 200,
    "_" * 100 + "-" * 100,
    "cg_handle." * 20,
    "%" * 200,
    '"' * 200,
    " " * 200,
)


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_cve_2026_111714_a_planted_cookie_name_costs_no_time(bench: Bench, name: str) -> None:
    client = Client(bench.front, use_cookies=False)

    def ask(times: int) -> Callable[[], object]:
        headers = {"Cookie": f"{name * times}=x; cg_choice={name * times}"}
        return lambda: [
            client.get("/preferences/demo", headers=headers),
            client.get("/gate/check?purpose=analytics&site=demo", headers=headers),
        ]

    assert grows_evenly(ask)


@pytest.mark.parametrize(
    "place", ["Cookie", "User-Agent", "Accept-Language", "Idempotency-Key", "X-Consent-Token", "X-Request-Code"]
)
def test_cve_2026_22809_a_planted_id_costs_no_time(bench: Bench, place: str) -> None:
    client = Client(bench.front, use_cookies=False)
    paths = ("/v1/sites/demo/consent", "/preferences/demo", "/v1/sites/demo/requests/R-7K3M-9QXT", "/w/demo.js")

    def ask(times: int) -> Callable[[], object]:
        text = ("Mozilla/5.0 (" + "a;" * 50 + " " * 50 + "A-" * 50) * times
        headers = {place: f"cg_handle.demo={text}" if place == "Cookie" else text}
        return lambda: [client.get(path, headers=headers) for path in paths]

    assert grows_evenly(ask)
