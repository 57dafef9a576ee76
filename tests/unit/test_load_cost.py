"""The month's arithmetic, and the page that holds the tables."""

from __future__ import annotations

import pytest

from benchmarks.cost import as_text
from benchmarks.cost.month import DECISIONS, MIXED, PER_VISITOR, Cost, a_second, month_of
from benchmarks.cost.requests import EngineCosts
from benchmarks.pages import COST_PAGE, replace_block

PAGE = "before\n<!-- begin cost: written by a command -->\nold\n<!-- end cost -->\nafter\n"


def costs(cpu_us: float = 100.0, database_cpu_us: float = 0.0) -> dict[str, Cost]:
    return {
        what: Cost(cpu_us, database_cpu_us, 400, 600, *((1000, 100) if what in DECISIONS else ()))
        for what in PER_VISITOR
    }


def test_a_month_adds_up_what_its_requests_cost() -> None:
    month, each = month_of(costs()), sum(PER_VISITOR.values())
    assert month.requests == pytest.approx(each * 1e6)
    assert month.cpu_hours == pytest.approx(each * 100 / 3600)
    assert month.network_gb == pytest.approx(each)
    decisions = sum(PER_VISITOR[what] for what in DECISIONS)
    assert month.kept_gb == pytest.approx(decisions)
    assert month.passing_gb == pytest.approx(decisions * 0.1 * 7 / 30)


def test_the_database_servers_cpu_counts_too() -> None:
    assert month_of(costs(60, 40)).cpu_hours == pytest.approx(month_of(costs(100)).cpu_hours)


def test_a_core_is_busy_with_so_many_visitors() -> None:
    month = month_of(costs())
    assert month.visitors_a_core * month.peak_cores == pytest.approx(1e6)


def test_every_visitor_decides_once_and_the_mix_is_whole() -> None:
    assert PER_VISITOR["decision accept"] + PER_VISITOR["decision refuse"] == pytest.approx(1)
    assert sum(MIXED.values()) == pytest.approx(1)
    assert all(set(shares) <= set(PER_VISITOR) for shares in a_second().values())


def test_the_tables_name_every_engine_and_request() -> None:
    tables = {"decisions": 900.0, "answers": 100.0}
    engines = [EngineCosts("SQLite", costs(), tables, 0), EngineCosts("PostgreSQL", costs(100, 50), tables, 2500)]
    text = as_text(engines, {"receipt": 50.0}, {"in a pipeline": 4.0})
    assert "100 + 50" in text
    assert all(what in text for what in PER_VISITOR)
    assert "10,000" in text  # a core at 100 µs


def test_a_block_is_replaced_and_the_page_stays() -> None:
    assert replace_block(PAGE, "cost", "new\n") == PAGE.replace("old", "new")


def test_a_page_without_the_block_is_not_touched() -> None:
    with pytest.raises(ValueError, match="no block"):
        replace_block(PAGE, "load", "new")


@pytest.mark.parametrize("name", ["cost", "load", "peers"])
def test_the_cost_page_has_every_block_and_names_its_command(name: str) -> None:
    page = COST_PAGE.read_text(encoding="utf-8")
    replace_block(page, name, "")
    assert f"python -m benchmarks {name} --write" in page
