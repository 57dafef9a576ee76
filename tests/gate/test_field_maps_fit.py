"""A policy whose field map its tracker's table cannot take is refused when it is checked, not when a gate is built."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cookiegate.cli.policy import command
from cookiegate.errors import PolicyError
from cookiegate.gate import trackers
from cookiegate.gate.events import EventRules
from cookiegate.gate.mapping import FIELD_RULES
from cookiegate.policy.reading import load_policy

DEMO = Path(__file__).parents[2] / "examples" / "policies" / "demo.yaml"


def _refuses(tracker: str, field: str) -> bool:
    try:
        EventRules(trackers.find(tracker), {field: "event"})
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("tracker", trackers.NAMES)
def test_what_the_table_cannot_take_is_what_is_complained_of(tracker: str) -> None:
    table = trackers.find(tracker)
    known = list(table.fields)[:: max(len(table.fields) // 40, 1)]
    fields = {
        *known, *(f"{name}.part" for name in known), *(name.rpartition(".")[0] for name in known if "." in name),
        *(f"{name.rpartition('.')[0]}.own" for name in known), *table.token_fields, *table.documents, "consent.sub",
    } - {".own"}  # fmt: skip
    for field in fields:
        data = {"collectors": {tracker: {"purpose": "analytics", "fields": {field: "event"}}}}
        complaints = [complaint for rule in FIELD_RULES for complaint in rule(data)]
        assert bool(complaints) is _refuses(tracker, field), field


def test_check_and_publish_say_where_and_what(tmp_path: Path) -> None:
    policy = tmp_path / "shop.yaml"
    policy.write_text(
        "site: shop\ncollectors:\n  plausible:\n    purpose: analytics\n    fields: {p: event, p.plan: event}\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(command, ["check", str(policy)])
    assert "collectors.plausible.fields.p: plausible sends “p” in parts, such as “p." in done.output
    assert "fix: List the parts that are yours, such as p.plan" in done.output
    text = DEMO.read_text(encoding="utf-8")
    assert "collectors:" in text
    wrong = text.replace(
        "collectors:\n", "collectors:\n  umami:\n    purpose: analytics\n    fields: {payload: event}\n"
    )
    policy.write_text(wrong, encoding="utf-8")
    load_policy(policy)
    with pytest.raises(PolicyError, match="umami sends “payload” in parts"):
        load_policy(policy, rules=FIELD_RULES)
