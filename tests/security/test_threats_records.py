"""The operator fakes records: what visitors and outsiders saved over HTTP convicts every change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from support.ledger import LedgerBench
from support.service import Bench, make_bench
from unit.ledger import database_mutations as mutations
from unit.ledger.tampering import Tampered
from werkzeug.test import Client

from cookiegate.cli.ledger import command
from security.people import ROOM, TWO_SITES


@dataclass
class Saved:
    """What people outside kept: a checkpoint, the log's key, and every visitor's receipt."""

    bench: Bench
    checkpoint: Path
    key: Path
    receipts: list[Path]

    def verify(self, *arguments: str) -> Result:
        """``cookiegate ledger verify`` on the operator's own folder."""
        line = ["verify", "--data-dir", str(self.bench.folder), "--key", str(self.key), *arguments]
        return CliRunner().invoke(command, line, env={"COOKIEGATE_BASE_URL": self.bench.service.settings.base_url})

    def is_sound(self) -> bool:
        """Whether the ledger agrees with everything that was kept."""
        whole = self.verify("--against", str(self.checkpoint))
        assert whole.exit_code in (0, 1, 2), whole.output
        return whole.exit_code == 0 and all(self.proves(receipt) for receipt in self.receipts)

    def proves(self, receipt: Path) -> bool:
        """Whether the ledger proves a visitor's receipt."""
        return self.verify("--receipt", str(receipt)).exit_code == 0


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Saved]:
    """A service with a history, and what its visitors kept of it."""
    bench = make_bench(tmp_path / "service", policies=TWO_SITES, **ROOM)
    receipts = []
    for number in range(6):
        visitor = bench.visitor()
        bench.clock.advance(1)
        for action in ("accept", "withdraw") if number % 2 else ("accept",):
            receipt = tmp_path / f"receipt-{len(receipts)}.txt"
            receipt.write_text(visitor.decide(action).get_json()["receipt"])
            receipts.append(receipt)
        bench.service.sealer.run()
    client, checkpoint, key = Client(bench.front), tmp_path / "checkpoint.txt", tmp_path / "key.txt"
    checkpoint.write_text(client.get("/ledger/checkpoint").text)
    key.write_text(client.get("/ledger/key").text)
    yield Saved(bench, checkpoint, key, receipts)
    bench.service.close()


def hands_on(saved: Saved) -> Tampered:
    """The operator, who has database, subject keys and the log's own key."""
    service = saved.bench.service
    bench: Any = SimpleNamespace(
        database=saved.bench.folder / "cookiegate.db", storage=service.storage, signer=service.sealer._signer
    )
    return Tampered(cast(LedgerBench, bench))


ATTACKS = {
    "mutates a decision": mutations.record_by_insider,
    "mutates a decision and its leaf": mutations.record_and_leaf_by_insider,
    "rebuilds the tree with the real key": mutations.rebuilt_with_the_real_key,
    "drops a decision": mutations.dropped_row,
    "drops one and rebuilds": mutations.taken_out_and_rebuilt,
    "reorders": mutations.reordered,
    "reorders and rebuilds": mutations.reordered_and_rebuilt,
    "rolls back": mutations.rolled_back,
    "cuts the end off": mutations.truncated,
    "makes a decision up": mutations.forged_decision,
    "empties it": mutations.emptied,
    "widens a consent": mutations.consent_widened_by_insider,
}


def test_operator_fakes_records_nothing_is_found_where_nothing_was_done(saved: Saved) -> None:
    assert saved.is_sound()


@pytest.mark.parametrize("attack", ATTACKS)
def test_operator_fakes_records_the_verifier_fails_against_what_was_saved(saved: Saved, attack: str) -> None:
    operator = hands_on(saved)
    operator.rng = random.Random(attack)
    ATTACKS[attack](operator)
    operator.close()
    assert not saved.is_sound()


def test_operator_fakes_records_nothing_more_is_signed_over_them(saved: Saved) -> None:
    operator = hands_on(saved)
    mutations.record_and_leaf_by_insider(operator)
    operator.close()
    bench = saved.bench
    bench.visitor().decide("reject")
    assert not saved.is_sound()
    checkpoint = Client(bench.front).get("/ledger/checkpoint").text
    assert checkpoint.splitlines()[1] == saved.checkpoint.read_text().splitlines()[1]


def test_operator_fakes_records_another_service_s_receipt_proves_nothing(saved: Saved, tmp_path: Path) -> None:
    other = make_bench(tmp_path / "other", **ROOM)
    receipt = tmp_path / "other.txt"
    receipt.write_text(other.visitor().decide("accept").get_json()["receipt"])
    other.service.close()
    assert not saved.proves(receipt)
    head, body, tail = saved.receipts[0].read_text().split(".")
    receipt.write_text(f"{head}.{body[:-2]}AA.{tail}")
    assert not saved.proves(receipt)
