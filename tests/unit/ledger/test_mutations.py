"""Every change of a ledger is found. ``make ledger-mutations`` tries 10,000; here a few of each kind."""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from support.ledger import LedgerBench
from unit.ledger import database_mutations, export_mutations
from unit.ledger.export_mutations import Export
from unit.ledger.tampering import Tampered, by_hand

from cookiegate.errors import CookiegateError
from cookiegate.ledger.checkpoint import Checkpoint
from cookiegate.ledger.verification import Verified
from cookiegate.rights.restriction import Restriction

#: Whoever has the real key can write another history: only what others kept tells. The rest is found without it.
NEEDS_SAVED = {
    "rebuilt_with_the_real_key", "taken_out_and_rebuilt", "reordered_and_rebuilt", "truncated", "rolled_back",
    "entry_dropped_and_renumbered", "entry_repeated_and_rebuilt", "entries_swapped",
}  # fmt: skip
#: Changes of the database; of the export twice as many, since they are cheaper.
COUNT = int(os.environ.get("LEDGER_MUTATIONS", "300"))
SEED = int(os.environ.get("LEDGER_SEED", "1"))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerBench]:
    bench = LedgerBench(tmp_path_factory.mktemp("ledger"))
    body = b'{"surface":"banner"}'
    digest = hashlib.sha256(body).hexdigest()
    bench.storage.keep_artifact(digest, "demo", "banner", body)
    bench.decide(ui=digest)
    bench.decide_many(5)
    bench.history()
    bench.decide_many(3)
    bench.note("incident", step="opened")
    restrict_some(bench)
    bench.seal()
    assert not bench.verify(bench.saved()).findings
    yield bench
    bench.close()


def restrict_some(bench: LedgerBench) -> None:
    """One person's data is restricted, another's was; a third one withdrew meanwhile."""
    restriction = Restriction(bench.storage, lambda slot, sub, epoch: None, bench.clock)
    first, second, third = bench.decide(), bench.decide(), bench.decide()
    for decided in (first, second, third):
        bench.clock.advance(0.01)
        restriction.restrict("demo", decided.row.key_id, by="self")
    bench.clock.advance(0.01)
    restriction.lift("demo", second.row.key_id, by="self")
    bench.decide("withdraw", third.handle)


@pytest.fixture(scope="module")
def saved(bench: LedgerBench) -> tuple[str, Checkpoint]:
    """What somebody kept before the attack."""
    return bench.saved()


@by_hand
@pytest.mark.timeout(0)
def test_s34_every_change_of_the_database_is_found(bench: LedgerBench, saved: tuple[str, Checkpoint]) -> None:
    tampered, missed, count = Tampered(bench), Counter[str](), 0
    for number in range(COUNT):
        mutate = database_mutations.MUTATIONS[number % len(database_mutations.MUTATIONS)]
        tampered.rng = random.Random(f"{SEED}-{number}")
        mutate(tampered)
        try:
            found = bool(bench.verify(*[saved] if mutate.__name__ in NEEDS_SAVED else []).findings)
        except CookiegateError:
            found = True
        if not found:
            missed[f"{mutate.__name__} {number}"] += 1
        tampered.restore()
        count += 1
    assert not bench.verify(saved).findings
    tampered.close()
    assert (count, missed) == (COUNT, {})


@pytest.mark.timeout(0)
def test_s34_every_change_of_an_export_is_found(bench: LedgerBench, saved: tuple[str, Checkpoint]) -> None:
    data, missed = bench.export(), Counter[str]()
    assert not bench.verify_export(data, saved).findings
    for number in range(2 * COUNT):
        mutate = export_mutations.MUTATIONS[number % len(export_mutations.MUTATIONS)]
        changed = mutate(Export(data, random.Random(f"{SEED}-{number}"), bench.signer))
        kept = [saved] if mutate.__name__ in NEEDS_SAVED else []
        if changed == data or _is_sound(bench, changed, kept):
            missed[f"{mutate.__name__} {number}"] += 1
    assert missed == {}


def _is_sound(bench: LedgerBench, data: bytes, saved: list[tuple[str, Checkpoint]]) -> bool:
    """Whether an auditor who knows the log's key would believe an export."""
    try:
        verified: Verified = bench.verify_export(data, *saved, verifier=bench.verifier)
    except CookiegateError:
        return False
    return not verified.findings
