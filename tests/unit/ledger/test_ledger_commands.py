"""``cookiegate ledger verify`` and ``cookiegate export``, as an auditor runs them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner, Result
from support import engines
from support.ledger import LedgerBench
from unit.ledger.tampering import OTHER_KEY, Tampered, by_hand

from cookiegate.cli.export import command as export_command
from cookiegate.cli.ledger import command as ledger_command
from cookiegate.clock import SystemClock
from cookiegate.errors import CookiegateError
from cookiegate.ledger.checkpoint import sign_checkpoint
from cookiegate.ledger.keyfile import FILE
from cookiegate.ledger.receipts import ReceiptBook, sign_receipt
from cookiegate.storage.contract import DecisionRow

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COOKIEGATE_DATA_DIR", "COOKIEGATE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bench(tmp_path: Path, bench: LedgerBench) -> LedgerBench:
    """The commands read the machine's clock, so this record is written now."""
    bench.clock.at_ms = SystemClock().now_ms() - 1_000
    bench.history()
    return bench


def verify(bench: LedgerBench, *arguments: object) -> Result:
    words = ["verify", *([] if "--export" in arguments else ["--data-dir", str(bench.folder)]), *map(str, arguments)]
    return CliRunner().invoke(ledger_command, words)


def export(bench: LedgerBench, target: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        export_command, ["--data-dir", str(bench.folder), "--to", str(target), *arguments], catch_exceptions=False
    )


def receipt_of(bench: LedgerBench, row: DecisionRow, folder: Path) -> Path:
    file = folder / f"receipt-{row.id}.jws"
    file.write_text(sign_receipt(bench.ring.active, ReceiptBook(bench.storage, bench.settings.base_url), row))
    return file


def test_s36_a_sound_ledger_exits_0_and_says_what_was_seen(bench: LedgerBench) -> None:
    done = verify(bench)
    assert done.exit_code == 0, done.output
    assert "10 entries (7 decision, 1 erasure, 1 hold, 1 hold_released), 2 of them erased" in done.output
    assert f"key {bench.verifier.vkey} (from the key folder)" in done.output
    assert done.output.endswith("sound: everything agrees\n")


@pytest.mark.parametrize("command", [ledger_command, export_command])
def test_the_commands_teach_themselves(command: Command) -> None:
    shown = CliRunner().invoke(command, ["--help"])
    assert (shown.exit_code, "Examples:" in shown.output) == (0, True)


@by_hand
def test_a_finding_exits_1_with_a_line_and_as_json(bench: LedgerBench) -> None:
    tampered = Tampered(bench)
    tampered.run("DELETE FROM decisions WHERE id = (SELECT entry_id FROM positions WHERE position = 2)")
    tampered.close()
    done = verify(bench)
    assert done.exit_code == 1
    assert done.output.startswith("position 2, ")
    assert "NOT SOUND" in done.output
    report = verify(bench, "--json")
    assert report.exit_code == 1
    document = json.loads(report.stdout)
    assert (document["ok"], document["size"]) == (False, 10)
    assert {finding["code"] for finding in document["findings"]} == set(document["counts"])
    assert set(document["findings"][0]) == {"code", "where", "detail", "means"}


@pytest.mark.parametrize("name", ["ledger.jsonl", "ledger.jsonl.gz"])
def test_s36_an_export_is_whole_private_and_verifies_alone(bench: LedgerBench, tmp_path: Path, name: str) -> None:
    target = tmp_path / "out" / name
    target.parent.mkdir()
    assert export(bench, target).exit_code == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(target.parent.iterdir()) == [target]
    data = gzip.decompress(target.read_bytes()) if name.endswith(".gz") else target.read_bytes()
    assert data.count(b"\n") == 1 + 1 + 2 + 10 + 4 + 1
    bench.close()
    engines.remove(bench.folder)
    done = verify(bench, "--export", target)
    assert done.exit_code == 0, done.output
    assert "from the export itself; compare it with /ledger/key" in done.output
    assert verify(bench, "--export", target, "--key", bench.verifier.vkey).exit_code == 0
    assert verify(bench, "--export", target, "--key", OTHER_KEY.verifier.vkey).exit_code == 1
    bench.__init__(bench.folder)  # type: ignore[misc]


def test_an_export_that_fails_leaves_the_older_one(bench: LedgerBench, tmp_path: Path) -> None:
    target = tmp_path / "ledger.jsonl"
    target.write_text("the older one")
    (bench.folder / "keys" / FILE).unlink()
    with pytest.raises(CookiegateError):
        export(bench, target)
    assert target.read_text() == "the older one"


def test_an_export_of_one_site(bench: LedgerBench, tmp_path: Path) -> None:
    target = tmp_path / "demo.jsonl"
    assert export(bench, target, "--site", "demo").exit_code == 0
    assert verify(bench, "--export", target).exit_code == 0
    with pytest.raises(CookiegateError, match="nowhere"):
        export(bench, target, "--site", "nowhere")


def test_a_receipt_proves_its_decision_from_the_database_and_from_an_export(bench: LedgerBench, tmp_path: Path) -> None:
    row = bench.decide().row
    bench.seal()
    receipt, target = receipt_of(bench, row, tmp_path), tmp_path / "ledger.jsonl"
    export(bench, target)
    for arguments in ((), ("--export", target)):
        done = verify(bench, *arguments, "--receipt", receipt)
        assert done.exit_code == 0, done.output
        assert f"decision {row.id} of site demo: signature, record, salt and leaf agree" in done.output
        assert "position 10 of the 11 entries" in done.output
        document = json.loads(verify(bench, *arguments, "--receipt", receipt, "--json").stdout)
        assert (document["ok"], document["position"], document["size"]) == (True, 10, 11)


@by_hand
def test_a_receipt_finds_the_ledger_that_was_cut_back(bench: LedgerBench, tmp_path: Path) -> None:
    row = bench.decide().row
    bench.seal()
    receipt, target = receipt_of(bench, row, tmp_path), tmp_path / "ledger.jsonl"
    tampered = Tampered(bench)
    tampered.cut(10)
    tampered.close()
    export(bench, target)
    assert verify(bench).exit_code == 0, "by itself it looks sound"
    for arguments in ((), ("--export", target)):
        done = verify(bench, *arguments, "--receipt", receipt)
        assert done.exit_code == 1
        assert "the ledger no longer holds what it gave a receipt for [receipt_unknown]" in done.output


@by_hand
def test_a_receipt_finds_the_history_that_was_rewritten(bench: LedgerBench, tmp_path: Path) -> None:
    row = bench.decide().row
    bench.seal()
    receipt, target = receipt_of(bench, row, tmp_path), tmp_path / "ledger.jsonl"
    tampered = Tampered(bench)
    tampered.put_decision(row, leaf=b"l" * 32)
    tampered.rebuild(bench.signer)
    tampered.close()
    export(bench, target)
    for arguments in ((), ("--export", target)):
        assert "[receipt_contradicted]" in verify(bench, *arguments, "--receipt", receipt).output


def test_a_receipt_that_was_changed_is_no_receipt(bench: LedgerBench, tmp_path: Path) -> None:
    receipt = receipt_of(bench, bench.decide().row, tmp_path)
    receipt.write_text(receipt.read_text()[:-4] + "AAAA")
    done = verify(bench, "--receipt", receipt)
    assert isinstance(done.exception, CookiegateError)


@by_hand
def test_a_saved_checkpoint_finds_the_rollback(bench: LedgerBench, tmp_path: Path) -> None:
    saved, target = tmp_path / "saved.txt", tmp_path / "ledger.jsonl"
    saved.write_text(bench.ledger.checkpoint())
    export(bench, target)
    assert verify(bench, "--against", saved).exit_code == 0
    assert verify(bench, "--export", target, "--against", saved).exit_code == 0
    tampered = Tampered(bench)
    tampered.cut(8)
    tampered.close()
    export(bench, target)
    for arguments in ((), ("--export", target)):
        assert verify(bench, *arguments).exit_code == 0
        done = verify(bench, *arguments, "--against", saved)
        assert done.exit_code == 1
        assert f"checkpoint of {saved}: it was signed at size 10, the ledger has 8" in done.output


def test_a_checkpoint_of_somebody_else_proves_nothing(bench: LedgerBench, tmp_path: Path) -> None:
    saved = tmp_path / "saved.txt"
    saved.write_text(sign_checkpoint(OTHER_KEY, 3, b"r" * 32))
    assert isinstance(verify(bench, "--against", saved).exception, CookiegateError)


def test_a_folder_without_a_ledger_is_not_called_sound(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    assert CliRunner().invoke(ledger_command, ["verify", "--data-dir", str(empty)]).exit_code == 2
    empty.mkdir()
    assert isinstance(
        CliRunner().invoke(ledger_command, ["verify", "--data-dir", str(empty)]).exception, CookiegateError
    )
    assert list(empty.iterdir()) == []


def test_against_and_receipt_are_two_questions(bench: LedgerBench) -> None:
    assert verify(bench, "--against", "a", "--receipt", "b").exit_code == 2


def test_two_processes_see_what_one_sees(bench: LedgerBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookiegate.cli.ledger.FEW_ENTRIES", 0)
    target = tmp_path / "ledger.jsonl"
    export(bench, target)
    for arguments in ((), ("--export", target)):
        alone, together = (
            json.loads(verify(bench, *arguments, "--json", "--processes", str(count)).stdout) for count in (1, 2)
        )
        for report in (alone, together):
            del report["seconds"]
        assert alone == together
        assert together["ok"]
