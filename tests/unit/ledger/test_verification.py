"""What a verification finds, and what it says of it."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.ledger import LedgerBench
from support.policies import demo_policy
from unit.ledger.tampering import OTHER_KEY, Tampered, by_hand

from cookiegate.errors import SourceUnreadableError
from cookiegate.ledger.database_source import DatabaseSource
from cookiegate.ledger.export_source import ExportSource
from cookiegate.ledger.exporting import Exporter
from cookiegate.ledger.findings import KEPT_PER_CODE, MEANINGS, Findings
from cookiegate.ledger.verifying import verify
from cookiegate.policy.publishing import publish
from cookiegate.storage.tables import leases

ROOT = Path(__file__).parents[3]


def test_s36_a_ledger_with_everything_in_it_is_sound(bench: LedgerBench) -> None:
    bench.history()
    waiting = bench.decide()
    verified = bench.verify(bench.saved())
    assert verified.findings.lines == []
    assert (verified.size, verified.checkpoints, verified.erased, verified.waiting) == (10, 4, 2, 1)
    assert verified.kinds == {"decision": 7, "hold": 1, "hold_released": 1, "erasure": 1}
    assert waiting.row.id not in str(bench.ledger.checkpoint())


def test_s36_an_export_is_verified_without_the_database(bench: LedgerBench) -> None:
    bench.history()
    bench.decide()
    verified, from_database = bench.verify_export(bench.export(), bench.saved()), bench.verify()
    assert verified.findings.lines == []
    assert (verified.size, verified.root, verified.kinds) == (
        from_database.size, from_database.root, from_database.kinds,
    )  # fmt: skip
    assert (verified.erased, verified.waiting, verified.checkpoints) == (2, 1, 4)


def test_an_empty_ledger_is_sound(bench: LedgerBench) -> None:
    assert bench.verify().findings.lines == []
    assert bench.verify_export(bench.export()).findings.lines == []


@by_hand
def test_larger_ledgers_verify_over_tiles_and_pieces(bench: LedgerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookiegate.ledger.database_source.PIECE", 128)
    for count in (100, 170, 30):
        bench.decide_many(count)
        bench.seal()
    counted: list[int] = []
    source = DatabaseSource(bench.storage)
    verified = verify(source, bench.verifier, now_ms=bench.clock.now_ms(), progress=counted.append)
    assert (verified.findings.lines, counted) == ([], [128, 128, 44])
    tampered = Tampered(bench)
    tampered.run("UPDATE ledger_tiles SET hashes = zeroblob(8192) WHERE level = 0 AND number = 0")
    (line,) = bench.verify().findings.lines
    assert line.startswith("tile 0/000: its hash over position 0 is not")
    tampered.close()


def test_a_site_is_exported_without_the_others_and_the_tree_still_verifies(bench: LedgerBench) -> None:
    bench.history()
    bench.decide()
    data = bench.export("other")
    verified = bench.verify_export(data, bench.saved(), verifier=bench.verifier)
    assert (verified.findings.lines, verified.kinds) == ([], {"withheld": 10})
    assert b"decided_at" not in data
    assert b'"id"' not in data
    assert bench.verify_export(bench.export("demo"), bench.saved()).kinds["decision"] == 7


def told(bench: LedgerBench, **options: Any) -> str:
    return "\n".join(bench.verify(**options).findings.lines)


@by_hand
def test_every_finding_names_the_entry_what_is_wrong_and_what_it_means(bench: LedgerBench) -> None:
    rows = bench.decide_many(3)
    bench.seal()
    tampered = Tampered(bench)
    tampered.run("UPDATE decisions SET epoch = 9 WHERE id = ?", rows[1].id)
    assert told(bench) == (
        f"position 1, decision {rows[1].id}: its id, site, subject, epoch or time is not that of its record; "
        "the row was changed beside its record [columns_differ]"
    )
    tampered.close()


def test_an_erasure_that_the_ledger_does_not_tell_of_is_found(bench: LedgerBench) -> None:
    rows = bench.decide_many(2)
    bench.seal()
    bench.erase(rows[0].key_id, told=False)
    assert f"position 0, decision {rows[0].id}: its payload is gone, and no later entry says" in told(bench)
    assert "[payload_unaccounted]" in told(bench)
    bench.storage.vault.destroy([rows[1].key_id])
    assert "[key_gone]" in told(bench)


def test_an_erasure_that_is_still_to_be_sealed_counts(bench: LedgerBench) -> None:
    row = bench.decide().row
    bench.seal()
    bench.erase(row.key_id)
    assert told(bench) == ""
    assert bench.verify_export(bench.export()).findings.lines == []


def test_somebody_may_be_erased_while_the_ledger_is_verified(bench: LedgerBench) -> None:
    rows = bench.decide_many(3)
    bench.seal()
    source = DatabaseSource(bench.storage)
    bench.erase(rows[0].key_id)
    bench.seal()
    bench.decide_many(5)
    bench.seal()
    verified = verify(source, bench.verifier, now_ms=bench.clock.now_ms())
    assert (verified.findings.lines, verified.size) == ([], 3)


def test_somebody_may_be_erased_while_the_ledger_is_exported(bench: LedgerBench) -> None:
    rows = bench.decide_many(3)
    bench.seal()

    class Meddling:
        """Erases somebody when the first entry is written."""

        def __init__(self) -> None:
            self.data = bytearray()
            self.done = False

        def write(self, data: bytes) -> int:
            if b'"entry"' in data and not self.done:
                self.done = True
                bench.erase(rows[2].key_id)
                bench.seal()
            self.data += data
            return len(data)

    out: Any = Meddling()
    exporter = Exporter(bench.storage, out)
    exporter.run(bench.verifier, bench.ring.jwks(), bench.clock.now_ms())
    assert bench.verify_export(bytes(out.data)).findings.lines == []


def test_an_entry_that_waits_for_more_than_a_minute_is_found(bench: LedgerBench) -> None:
    bench.decide()
    bench.clock.advance(59)
    assert told(bench) == ""
    bench.clock.advance(2)
    assert "[unsealed_late]" in told(bench)
    assert "[unsealed_late]" in "\n".join(bench.verify_export(bench.export()).findings.lines)


def test_what_was_recorded_after_the_last_sealer_stopped_waits_without_fault(bench: LedgerBench) -> None:
    led = {"name": "seal", "holder": "a service", "until_ms": bench.clock.now_ms() + 10_000}
    bench.storage.write(lambda transaction: transaction.execute(sa.insert(leases).values(**led)))
    bench.decide()
    bench.clock.advance(86_400)
    bench.note("hold")
    assert not bench.verify().findings
    longer = sa.update(leases).values(until_ms=bench.clock.now_ms())
    bench.storage.write(lambda transaction: transaction.execute(longer))
    assert "[unsealed_late]" in told(bench)


def test_a_policy_published_later_changes_nothing(bench: LedgerBench) -> None:
    bench.history()
    publish(bench.storage, replace(demo_policy(), ask_again_days=90), bench.clock)
    bench.book.refresh()
    bench.decide("accept")
    bench.seal()
    assert told(bench) == ""


@by_hand
def test_epochs_of_a_subject_must_rise(bench: LedgerBench) -> None:
    """Two acts of one person, sealed in the wrong order by whoever has the key."""
    first = bench.decide()
    bench.decide("choose", first.handle, purposes={"analytics": True}, acquire={"browsing": True})
    tampered = Tampered(bench)
    tampered.run("UPDATE unsealed SET sequence = sequence + 10 WHERE sequence = 1")
    bench.seal()
    assert "[epoch_not_rising]" in told(bench)
    tampered.close()


@by_hand
def test_a_rollback_and_a_fork_are_told_apart(bench: LedgerBench) -> None:
    bench.history()
    saved = bench.saved()
    tampered = Tampered(bench)
    tampered.cut(4)
    assert told(bench) == ""
    assert [finding.code for finding in bench.verify(saved).findings.kept] == ["rolled_back"]
    bench.sealer = type(bench.sealer)(bench.storage, bench.signer, bench.clock)
    bench.decide_many(9)
    bench.seal()
    assert [finding.code for finding in bench.verify(saved).findings.kept] == ["forked"]
    tampered.close()


def test_a_ledger_of_another_key_is_not_this_ledger(bench: LedgerBench) -> None:
    bench.history()
    codes = {finding.code for finding in bench.verify(verifier=OTHER_KEY.verifier).findings.kept}
    assert codes == {"checkpoint_invalid"}


def test_findings_of_one_kind_are_counted_when_they_are_many() -> None:
    found, other = Findings(), Findings()
    for number in range(KEPT_PER_CODE + 5):
        found.add("row_missing", f"position {number}", "gone")
        other.add("row_missing", f"position {number}", "gone")
    found.merge(other)
    assert len(found.kept) == KEPT_PER_CODE
    assert found.lines[-1] == f"… and {KEPT_PER_CODE + 10} more of [row_missing]"
    assert found.counts.total() == 2 * (KEPT_PER_CODE + 5)


def test_every_finding_is_documented() -> None:
    reference = (ROOT / "docs" / "reference" / "ledger.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", reference, re.MULTILINE))
    assert {code: documented.get(code) for code in MEANINGS} == MEANINGS


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]\n", b'{"type":"entry","leaf":""}\n', b"\x1f\x8b", b"\x1f\x8b" + b"\0" * 30, b"\xff\n"]
)
def test_what_is_no_export_is_refused(data: bytes) -> None:
    with pytest.raises(SourceUnreadableError):
        ExportSource(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["policy", "entry", "checkpoint", "footer"])
def test_a_byte_that_is_no_text_is_found_wherever_it_is(bench: LedgerBench, kind: str) -> None:
    bench.history()
    data = bench.export()
    changed = data.replace(f'"type":"{kind}'.encode(), f'"type":"{kind[:-1]}'.encode() + b"\x83", 1)
    assert changed != data
    try:
        found = bench.verify_export(changed).findings
    except SourceUnreadableError:
        return
    assert found


def test_an_export_of_another_version_is_refused(bench: LedgerBench) -> None:
    header, _, rest = bench.export().partition(b"\n")
    newer = json.dumps({**json.loads(header), "version": 2}).encode()
    with pytest.raises(SourceUnreadableError):
        ExportSource(io.BytesIO(newer + b"\n" + rest))
