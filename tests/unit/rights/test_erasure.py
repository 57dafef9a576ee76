"""Erasing people."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import engines
from support.keeping import DAY_S, Keeping

from cookiegate.errors import NotFoundError, OnHoldError, RecordDamagedError
from cookiegate.ledger.hashing import leaf_hash
from cookiegate.rights.restored import erase_again
from cookiegate.settings import Settings
from cookiegate.storage.opening import open_storage
from cookiegate.storage.vault import FILE, FOLDER, KEY_BYTES

DEVICE = {"browser": "Zweitbrowser", "browser_version": "4711", "system": "Plan9", "kind": "desktop"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Keeping]:
    bench = Keeping(tmp_path / "data")
    yield bench
    bench.close()


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def key_bytes(bench: Keeping, key_id: int) -> bytes:
    return bench.storage.vault.path.read_bytes()[key_id * KEY_BYTES :][:KEY_BYTES]


def test_s18_erasing_leaves_no_byte_of_the_person_and_the_ledger_still_verifies(bench: Keeping) -> None:
    gone, stays = bench.decide(device=DEVICE), bench.decide(device=DEVICE)
    bench.decide("choose", gone.handle, purposes={"analytics": True}, acquire={"browsing": True}, device=DEVICE)
    bench.seal()
    before = bench.storage.decisions_of_key(gone.row.key_id)
    ciphertexts = [bench.storage._read("SELECT sealed FROM decisions WHERE id = ?", (row.id,))[0][0] for row in before]
    key = key_bytes(bench, gone.row.key_id)
    bench.erasure.erase(gone.row.key_id, site="demo", by="self")
    bench.acknowledge()
    bench.days(2)
    bench.streams.forget_subjects(bench.clock.now_ms())
    bench.seal()
    bench.storage.empty_log()
    secrets = [key, *ciphertexts, *(row.salt for row in before), *(row.record for row in before)]
    secrets += [str(gone.row.sub).encode(), b"Zweitbrowser", b"Plan9"]
    for name, data in {**files_of(bench.folder), "the record": engines.stored(bench.folder)}.items():
        for secret in secrets:
            assert secret not in data, f"{name} holds {secret!r}"
    assert [row.is_erased for row in bench.storage.decisions_of_key(gone.row.key_id)] == [True, True]
    assert bench.storage.decisions_of_key(stays.row.key_id) == [stays.row]
    verified = bench.verify()
    assert not verified.findings
    assert verified.erased == 2


@pytest.mark.parametrize(
    "way",
    ["backup", pytest.param("files", marks=engines.sqlite_only("a server's files are not ours to copy"))],
)
def test_s18_a_copy_from_before_the_erasure_yields_nothing_with_the_keys_of_today(
    bench: Keeping, way: str, tmp_path: Path
) -> None:
    gone, stays = bench.decide(device=DEVICE), bench.decide(device=DEVICE)
    bench.seal()
    copy = tmp_path / "copy"
    copy.mkdir()
    if way == "backup":
        engines.Copy(bench.folder, tmp_path / "backup").put_back(copy)
    else:  # as a careless operator copies: database and log, while it runs
        for path in bench.folder.glob("cookiegate.db*"):
            shutil.copy(path, copy)
    bench.erasure.erase(gone.row.key_id, site="demo", by="self")
    (copy / FOLDER).mkdir(mode=0o700)
    shutil.copy(bench.folder / FOLDER / FILE, copy / FOLDER)
    for data in (*files_of(copy).values(), engines.stored(copy)):
        for secret in (str(gone.row.sub).encode(), b"Zweitbrowser", gone.row.salt, gone.row.record):
            assert secret not in data
    restored = open_storage(Settings(data_dir=copy))
    row = restored.decision(gone.row.id)
    assert row is not None
    assert (row.is_erased, row.sub, row.salt, row.leaf) == (True, None, b"", gone.row.leaf)
    assert restored.consents_of_key(gone.row.key_id) == []
    assert restored.decision(stays.row.id) == stays.row
    restored.close()


def test_an_old_copy_of_the_key_file_brings_nobody_back(bench: Keeping, tmp_path: Path) -> None:
    first, second, stays = bench.decide(), bench.decide(), bench.decide()
    bench.erasure.erase(first.row.key_id, site="demo", by="self")
    old = tmp_path / "keys.bin"
    shutil.copy(bench.storage.vault.path, old)
    bench.erasure.erase(second.row.key_id, site="demo", by="self")
    with pytest.raises(AssertionError):  # the old copy does hold the key
        assert key_bytes(bench, second.row.key_id) == old.read_bytes()[second.row.key_id * KEY_BYTES :][:KEY_BYTES]
    bench.storage.close()
    shutil.copy(old, bench.folder / FOLDER / FILE)
    bench.reopen()
    assert not bench.storage.vault.holds(first.row.key_id)
    assert not bench.storage.vault.holds(second.row.key_id)
    assert bench.storage.decision(stays.row.id) == stays.row
    assert bench.storage.vault.mark == 2


def test_a_number_that_an_old_key_file_never_had_is_not_given_out_again(bench: Keeping) -> None:
    stays = bench.decide()
    old = bench.storage.vault.path.read_bytes()
    key_ids = [bench.storage.vault.new_key() for _ in range(300)]  # beyond the block of the copy
    bench.storage.write(lambda transaction: transaction.erase_key(key_ids[-1]))
    bench.storage.shred()
    bench.storage.close()
    (bench.folder / FOLDER / FILE).write_bytes(old)
    bench.reopen()
    assert not bench.storage.vault.holds(key_ids[-1])
    assert bench.storage.vault.new_key() > key_ids[-1]
    assert bench.storage.decision(stays.row.id) == stays.row


def test_an_erasure_ends_tokens_and_tells_others_and_is_an_entry(bench: Keeping) -> None:
    decided = bench.decide()
    erased = bench.erasure.erase(decided.row.key_id, site="demo", by="self", request_id="R-1")
    assert bench.revoked == [(decided.row.slot, decided.row.sub, 2)]
    event = bench.streams.read(["erase"], after=0)[0]
    assert (event.sequence, event.sub, event.epoch, event.request_id) == (erased.sequence, decided.row.sub, 2, "R-1")
    entry = bench.entries("erasure")[0]
    assert {name: entry[name] for name in ("erased_keys", "decisions", "request", "by")} == {
        "erased_keys": [decided.row.key_id],
        "decisions": 1,
        "request": "R-1",
        "by": "self",
    }
    assert str(decided.row.sub) not in json.dumps(entry)
    assert not bench.streams.is_acknowledged(erased.sequence or 0)
    bench.acknowledge()
    assert bench.streams.is_acknowledged(erased.sequence or 0)


def test_erasing_twice_answers_the_same_and_changes_nothing(bench: Keeping) -> None:
    decided = bench.decide()
    first = bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    second = bench.erasure.erase(decided.row.key_id, site="demo", by="desk")
    assert first == second
    assert len(bench.entries("erasure")) == 1
    assert len(bench.streams.read(["erase"], after=0)) == 1


def test_a_crash_before_the_key_is_destroyed_is_made_good_at_the_next_start(
    bench: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = bench.decide()
    with monkeypatch.context() as patch:
        patch.setattr(bench.storage.vault, "destroy", lambda *_: (_ for _ in ()).throw(RecordDamagedError("power cut")))
        with pytest.raises(RecordDamagedError):
            bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    assert bench.storage.vault.holds(decided.row.key_id)
    bench.reopen()
    assert bench.is_gone(decided)


def test_a_refusal_is_erased_without_telling_anyone(bench: Keeping) -> None:
    refused = bench.decide("reject")
    erased = bench.erasure.erase(refused.row.key_id, site="demo", by="self")
    assert erased.sequence is None
    assert bench.revoked == []
    assert bench.is_gone(refused)


def test_a_withdrawn_consent_is_erased_and_its_events_too(bench: Keeping) -> None:
    given = bench.decide()
    bench.decide("withdraw", given.handle)
    bench.revoked.clear()
    erased = bench.erasure.erase(given.row.key_id, site="demo", by="desk")
    assert bench.revoked == []  # the withdrawal ended the tokens already
    assert (erased.decisions, erased.sequence) == (2, 1)
    assert bench.streams.read(["erase"], after=0)[0].sub == given.row.sub


@pytest.mark.parametrize("key_id", [999, 0])
def test_a_key_of_nobody_is_not_found(bench: Keeping, key_id: int) -> None:
    with pytest.raises(NotFoundError):
        bench.erasure.erase(key_id, site="demo", by="self")


def test_a_key_of_another_site_is_not_found(bench: Keeping) -> None:
    decided = bench.decide()
    with pytest.raises(NotFoundError):
        bench.erasure.erase(decided.row.key_id, site="other", by="self")
    assert not bench.is_gone(decided)


def test_after_an_erasure_the_same_handle_is_nobody_and_a_new_yes_is_somebody_new(bench: Keeping) -> None:
    decided = bench.decide()
    bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    assert bench.consent(decided) is None
    again = bench.decide("accept", decided.handle)
    assert again.row.sub not in (None, decided.row.sub)
    assert again.row.key_id != decided.row.key_id


def test_what_a_person_keeps_as_proof_still_fits_the_ledger(bench: Keeping) -> None:
    decided = bench.decide()
    bench.seal()
    bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    bench.seal()
    row = bench.storage.decision(decided.row.id)
    assert row is not None
    assert leaf_hash(decided.row.salt, decided.row.record) == row.leaf


def test_entries_about_the_person_go_too(bench: Keeping) -> None:
    decided = bench.decide()
    bench.restriction.restrict("demo", decided.row.key_id, by="self")
    bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    assert [row.is_erased for row in bench.storage.entries(kind="restriction")] == [True]
    bench.seal()
    assert not bench.verify().findings


def test_a_hold_stops_an_erasure_with_its_ground(bench: Keeping) -> None:
    decided = bench.decide()
    hold = bench.holds.place("demo", key_id=decided.row.key_id, reason="case 1", by="aoki", ground="legal_obligation")
    with pytest.raises(OnHoldError) as stopped:
        bench.erasure.erase(decided.row.key_id, site="demo", by="self")
    assert stopped.value.evidence == {"hold": hold.id, "ground": "legal_obligation"}
    assert bench.consent(decided) is not None
    assert bench.revoked == []


def test_a_restored_backup_says_again_who_was_erased(bench: Keeping, tmp_path: Path) -> None:
    gone, stays = bench.decide(), bench.decide()
    bench.seal()
    backup = engines.Copy(bench.folder, tmp_path / "backup.db")
    bench.clock.advance(DAY_S)
    bench.erasure.erase(gone.row.key_id, site="demo", by="self")
    bench.storage.close()
    backup.put_back(bench.folder)
    bench.reopen()
    bench.seal()
    assert bench.verify().findings  # nothing says yet why the payload is gone
    assert erase_again(bench.storage, bench.clock) == 1
    bench.seal()
    assert not bench.verify().findings
    assert bench.entries("disposal")[0]["rule"] == "restored"
    assert bench.storage.decision(stays.row.id) == stays.row
    assert erase_again(bench.storage, bench.clock) == 0
    later = bench.decide()
    bench.erasure.erase(later.row.key_id, site="demo", by="self")  # numbers rise from where the record is now
    assert bench.is_gone(later)
    assert bench.storage.vault.mark == 2
