"""``docs/reference/requests.md`` says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cookiegate.rights.requests.deadlines import RESIDENCES, STAGE_SHARES, Span, rules_for
from cookiegate.rights.requests.grounds import GROUNDS
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.machine import MOVES
from cookiegate.rights.requests.wording import request_texts
from cookiegate.web.request_schemas import NEXT_STEPS, RequestBodySchema

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "requests.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def marked(names: object) -> str:
    return ", ".join(f"`{name}`" for name in names)  # type: ignore[attr-defined]


def span(value: Span | None) -> str:
    if value is None:
        return "none"
    parts = ((value.months, "month"), (value.days, "day"), (value.business_days, "business day"))
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in parts if count)


def test_kinds() -> None:
    yes = {True: "yes", False: "no"}
    assert rows("Kinds") == [
        [
            f"`{kind}`",
            request_texts("en")["kinds"][kind],
            "; ".join(rule.articles),
            *(
                yes[fact]
                for fact in (rule.address_suffices, rule.may_cost, rule.has_alternative, rule.is_served_at_once)
            ),
        ]
        for kind, rule in KINDS.items()
    ]


def test_steps() -> None:
    expected = [
        [f"`{name}`", marked(move.start), f"`{move.end}`" if move.end else "stays"] for name, move in MOVES.items()
    ]
    assert rows("States") == expected


def test_grounds() -> None:
    assert rows("Grounds") == [
        [
            f"`{code}`",
            "every kind"
            if ground.kinds == frozenset(KINDS)
            else marked(kind for kind in KINDS if kind in ground.kinds),
            marked(ground.outcomes),
            "; ".join(ground.sources),
        ]
        for code, ground in GROUNDS.items()
    ]


@pytest.mark.parametrize("row", rows("Clocks"), ids=lambda row: f"{row[0]} {row[1]}")
def test_clocks(row: list[str]) -> None:
    residence = row[0].strip("`")
    for kind in re.findall(r"`(\w+)`", row[1]) or ["disclosure"]:
        (rule,) = rules_for(residence, kind)  # type: ignore[arg-type]
        confirm = span(rule.acknowledge) if rule.acknowledge else "at once"
        assert row[2:] == [
            rule.regime, span(rule.respond), span(rule.extension), rule.identity, rule.fee, confirm,
        ]  # fmt: skip


def test_every_clock_that_differs_has_its_row() -> None:
    told = {(row[0].strip("`"), kind) for row in rows("Clocks") for kind in re.findall(r"`(\w+)`", row[1])}
    for residence in RESIDENCES[:-1]:
        usual = rules_for(residence, "disclosure")
        assert {kind for kind in KINDS if rules_for(residence, kind) != usual} == {
            kind for place, kind in told if place == residence
        }


def test_the_shares_of_the_target_are_told() -> None:
    for state, share in STAGE_SHARES.items():
        if state != "withdrawn":
            assert f"{state.replace('_', ' ')} {share}" in PAGE


def test_the_contract_is_told_in_the_http_reference() -> None:
    http = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    section = http.partition("## Requests\n")[2].partition("\n## ")[0]
    for name in RequestBodySchema().fields:
        assert f'"{name}"' in section
    assert len(NEXT_STEPS) == len(set(NEXT_STEPS))
