"""Legal holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.keeping import Keeping

from cookiegate.cli.hold import command
from cookiegate.errors import InvalidInputError, NotFoundError, OnHoldError, SiteUnknownError
from cookiegate.ledger.receipts import ReceiptBook, sign_receipt


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Keeping]:
    bench = Keeping(tmp_path / "data")
    yield bench
    bench.close()


def test_s18_a_hold_and_its_end_are_entries_that_say_nothing_of_the_person(bench: Keeping) -> None:
    decided = bench.decide()
    until_ms = bench.clock.now_ms() + 1_000
    hold = bench.holds.place("demo", key_id=decided.row.key_id, reason="case 1", by="aoki", until_ms=until_ms)
    released = bench.holds.release(hold.id, by="tanaka")
    assert released.released_at_ms == bench.clock.now_ms()
    placed, ended = bench.entries("hold")[0], bench.entries("hold_released")[0]
    shared = ("hold", "key", "by")
    assert {name: placed[name] for name in (*shared, "scope", "ground", "reason")} == {
        "hold": hold.id,
        "key": decided.row.key_id,
        "by": "aoki",
        "scope": "subject",
        "ground": "legal_claims",
        "reason": "case 1",
    }
    assert placed["until"].endswith("Z")
    assert {name: ended[name] for name in shared} == {"hold": hold.id, "key": decided.row.key_id, "by": "tanaka"}
    bench.seal()
    assert not bench.verify().findings


def test_a_hold_of_a_site_covers_everybody_there(bench: Keeping) -> None:
    first, second = bench.decide(), bench.decide("reject")
    hold = bench.holds.place("demo", reason="audit", by="aoki")
    for decided in (first, second):
        with pytest.raises(OnHoldError):
            bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    bench.holds.release(hold.id, by="aoki")
    bench.erasure.erase(first.row.key_id, site="demo", by="self")
    assert bench.is_gone(first)


def test_a_hold_of_one_person_leaves_the_others(bench: Keeping) -> None:
    held, other = bench.decide(), bench.decide()
    bench.holds.place("demo", key_id=held.row.key_id, reason="case", by="aoki")
    bench.erasure.erase(other.row.key_id, site="demo", by="self")
    assert bench.is_gone(other)


def test_a_hold_with_an_end_stops_by_itself(bench: Keeping) -> None:
    decided = bench.decide()
    until_ms = bench.clock.now_ms() + 5_000
    bench.holds.place("demo", key_id=decided.row.key_id, reason="case", by="aoki", until_ms=until_ms)
    bench.clock.advance(4)
    with pytest.raises(OnHoldError):
        bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    bench.clock.advance(1)
    assert bench.holds.list() == []
    assert len(bench.holds.list(standing=False)) == 1
    bench.erasure.erase(decided.row.key_id, site="demo", by="self")


def test_two_holds_must_both_end(bench: Keeping) -> None:
    decided = bench.decide()
    first = bench.holds.place("demo", key_id=decided.row.key_id, reason="case", by="aoki")
    second = bench.holds.place("demo", reason="audit", by="aoki")
    bench.holds.release(first.id, by="aoki")
    with pytest.raises(OnHoldError) as stopped:
        bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    assert stopped.value.evidence["hold"] == second.id


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"reason": " "}, "reason"), ({"reason": "x" * 501}, "reason"), ({"by": ""}, "by"), ({"until_ms": 5}, "until")],
)
def test_a_hold_without_a_reason_a_name_or_a_future_is_refused(
    bench: Keeping, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        bench.holds.place("demo", **({"reason": "case", "by": "aoki"} | changes))
    assert list(refused.value.evidence["errors"]) == [field]  # type: ignore[call-overload]
    assert bench.holds.list() == []


def test_nothing_is_held_of_who_is_gone_or_never_was(bench: Keeping) -> None:
    decided = bench.decide()
    bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    for key_id in (decided.row.key_id, 77):
        with pytest.raises(NotFoundError):
            bench.holds.place("demo", key_id=key_id, reason="case", by="aoki")
    with pytest.raises(NotFoundError):
        bench.holds.release("0" * 36, by="aoki")


def run(bench: Keeping, *words: str) -> Any:
    return CliRunner().invoke(command, [*words, "--data-dir", str(bench.folder)])


def test_the_command_holds_by_decision_by_receipt_and_by_site(bench: Keeping, tmp_path: Path) -> None:
    first, second = bench.decide(), bench.decide()
    receipt = tmp_path / "receipt.txt"
    receipt.write_text(sign_receipt(bench.ring.active, ReceiptBook(bench.storage, bench.settings.base_url), second.row))
    assert run(bench, "add", "--decision", first.row.id, "--reason", "case 1", "--by", "aoki").exit_code == 0
    assert run(bench, "add", "--receipt", str(receipt), "--reason", "case 2", "--by", "aoki").exit_code == 0
    assert run(bench, "add", "--site", "demo", "--reason", "audit", "--until", "2099-01-01").exit_code == 0
    assert [hold.key_id for hold in bench.holds.list()] == [first.row.key_id, second.row.key_id, None]
    shown = run(bench, "list", "--format", "json").output
    assert "key_id" not in shown
    assert shown.count('"scope": "subject"') == 2
    for hold in bench.holds.list():
        assert run(bench, "release", hold.id, "--by", "aoki").exit_code == 0
    assert "case 1" not in run(bench, "list").output
    assert "case 1" in run(bench, "list", "--all").output


@pytest.mark.parametrize("words", [(), ("--site", "demo", "--decision", "x")], ids=["nobody is named", "two are named"])
def test_the_command_takes_one_of_the_three(bench: Keeping, words: tuple[str, ...]) -> None:
    assert run(bench, "add", "--reason", "case", *words).exit_code == 2


def test_the_command_refuses_an_unknown_site_or_decision(bench: Keeping) -> None:
    assert isinstance(run(bench, "add", "--reason", "case", "--site", "nowhere").exception, SiteUnknownError)
    assert isinstance(run(bench, "add", "--reason", "case", "--decision", "none").exception, NotFoundError)
