"""``cookiegate provide``: the one way in which data leaves without consent."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.service import Bench, Visitor

from cookiegate.cli.provide import command
from cookiegate.errors import InvalidInputError, NotFoundError, ReceiptInvalidError
from cookiegate.rights.provision.exceptions import REASON_LIMIT_CHARS

GIVEN = {
    "--site": "demo",
    "--recipient-name": "Chiyoda Tax Office",
    "--exception": "law",
    "--reason": "Inquiry of 2026-11-20, National Tax General Act 74-2",
    "--items": "access log of 2026-11-02, address",
    "--by": "Taro Wakaba",
}


@pytest.fixture
def decision(visitor: Visitor) -> dict[str, str]:
    """What somebody decided who granted everything."""
    return dict(visitor.decide("accept").get_json())


def run(bench: Bench, *words: str, **changes: str | None) -> Result:
    options = {**GIVEN, **{f"--{name.replace('_', '-')}": value for name, value in changes.items()}}
    given = [word for name, value in options.items() if value is not None for word in (name, value)]
    return CliRunner().invoke(command, ["--data-dir", str(bench.folder), *words, *given])


def listed(bench: Bench, *words: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(command, ["--data-dir", str(bench.folder), "--list", "--format", "json", *words])
    assert result.exit_code == 0, result.output
    return list(json.loads(result.output))


def test_s12_the_use_of_an_exception_is_logged_with_its_code_and_recorded_with_its_reason(
    bench: Bench, decision: dict[str, dict[str, str]]
) -> None:
    result = run(bench, decision=decision["decision"]["id"])
    assert result.exit_code == 0, result.output
    (entry,) = bench.service.storage.entries(kind="exception")
    told = json.loads(entry.record)
    assert (told["exception"], told["article"], told["site"]) == ("law", "APPI 27(1)(i)", "demo")
    (use,) = listed(bench)
    assert told["provision"] == use["id"]
    assert (use["reason"], use["by"], use["recipient"]) == (GIVEN["--reason"], "Taro Wakaba", "Chiyoda Tax Office")
    assert use["items"] == ["access log of 2026-11-02", "address"]
    assert use["decision"] == decision["decision"]["id"]
    (record,) = bench.service.provisions.of("demo", use["sub"])
    assert record.is_exceptional


def test_the_ledger_entry_names_no_person_and_no_reason(bench: Bench, decision: dict[str, dict[str, str]]) -> None:
    run(bench, decision=decision["decision"]["id"])
    record = bench.service.storage.entries(kind="exception")[0].record.decode()
    (use,) = listed(bench)
    for word in (use["sub"], use["decision"], "Wakaba", "Inquiry", "Tax Office", "address"):
        assert word not in record


def test_a_receipt_names_the_person_as_well(bench: Bench, decision: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "receipt.txt"
    path.write_text(decision["receipt"])
    assert run(bench, receipt=str(path)).exit_code == 0
    assert len(listed(bench, "--site", "demo")) == 1
    assert listed(bench, "--site", "other") == []
    path.write_text(decision["receipt"][:-9] + "AAAAAAAAA")
    assert isinstance(run(bench, receipt=str(path)).exception, ReceiptInvalidError)
    assert isinstance(run(bench, receipt=str(tmp_path / "none")).exception, InvalidInputError)


@pytest.mark.parametrize("missing", ["site", "recipient_name", "exception", "reason", "items", "by"])
def test_nothing_is_provided_without_a_code_a_reason_and_a_name(
    bench: Bench, decision: dict[str, dict[str, str]], missing: str
) -> None:
    for value in (None, " "):
        result = run(bench, **{"decision": decision["decision"]["id"], missing: value})
        assert result.exit_code != 0
    assert listed(bench) == []
    assert bench.service.storage.entries(kind="exception") == []


def test_a_code_that_does_not_exist_a_stranger_s_country_and_a_novel_are_refused(
    bench: Bench, decision: dict[str, dict[str, str]]
) -> None:
    named = decision["decision"]["id"]
    assert "warrant" in run(bench, decision=named, exception="warrant").output
    assert "two-letter code" in run(bench, decision=named, country="UK").output
    assert isinstance(run(bench, decision=named, reason="x" * (REASON_LIMIT_CHARS + 1)).exception, InvalidInputError)
    assert isinstance(run(bench, decision=named, items=",,").exception, InvalidInputError)
    assert "one of --decision and --receipt" in run(bench).output
    assert listed(bench) == []


def test_a_decision_that_names_nobody_here_is_refused(bench: Bench, decision: dict[str, dict[str, str]]) -> None:
    refusal = bench.visitor().decide("reject").get_json()["decision"]["id"]
    assert "names nobody" in str(run(bench, decision=refusal).exception)
    assert isinstance(run(bench, decision="0" * 36).exception, NotFoundError)
    assert isinstance(run(bench, decision=decision["decision"]["id"], site="other").exception, NotFoundError)
    storage = bench.service.storage
    row = storage.decision(decision["decision"]["id"])
    assert row is not None
    storage.write(lambda transaction: transaction.erase_key(row.key_id))
    storage.shred()
    assert "was erased" in str(run(bench, decision=row.id).exception)


def test_the_desk_sees_what_was_provided_about_one_person(
    bench: Bench, decision: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    run(bench, decision=decision["decision"]["id"])
    other = bench.visitor().decide("accept").get_json()
    receipt, stranger = tmp_path / "receipt.txt", tmp_path / "stranger.txt"
    receipt.write_text(str(decision["receipt"]))
    stranger.write_text(other["receipt"])
    assert len(listed(bench, "--decision", decision["decision"]["id"])) == 1
    assert listed(bench, "--decision", other["decision"]["id"]) == []
    assert listed(bench, "--receipt", str(stranger)) == []
    row = bench.service.storage.decision(decision["decision"]["id"])
    assert row is not None
    bench.service.storage.write(lambda transaction: transaction.erase_key(row.key_id))
    bench.service.storage.shred()
    assert len(listed(bench, "--receipt", str(receipt))) == 1  # kept for three years, and told to whom it is about


def test_the_list_opens_in_a_spreadsheet_without_running_anything(
    bench: Bench, decision: dict[str, dict[str, str]]
) -> None:
    run(bench, decision=decision["decision"]["id"], by="=HYPERLINK(1)")
    result = CliRunner().invoke(command, ["--data-dir", str(bench.folder), "--list", "--format", "csv"])
    (row,) = csv.DictReader(io.StringIO(result.output.removeprefix("\ufeff")))
    assert row["by"] == "'=HYPERLINK(1)"
