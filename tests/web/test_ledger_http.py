"""The ledger over HTTP: what anybody may read, and how it is checked without us."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from support import engines
from support.service import Bench, Visitor
from werkzeug.test import TestResponse

from cookiegate.ledger.checkpoint import read_checkpoint
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.tree import verify_consistency, verify_inclusion


def decided(visitor: Visitor, action: str = "accept") -> str:
    return str(visitor.decide(action).get_json()["decision"]["id"])


def sealed(bench: Bench, count: int) -> list[str]:
    ids = [decided(bench.visitor()) for _ in range(count)]
    bench.service.sealer.run()
    return ids


def tamper(bench: Bench, statement: str, *values: Any) -> None:
    engines.change(bench.folder, statement, *values)


def hashes(answer: TestResponse) -> list[bytes]:
    return [base64.b64decode(part) for part in answer.get_json()["proof"]]


def test_s36_a_stranger_proves_a_decision_with_key_checkpoint_and_proof_alone(bench: Bench, visitor: Visitor) -> None:
    answer = visitor.decide("accept").get_json()
    sealed(bench, 4)
    stranger = bench.visitor(origin="https://auditor.example")
    verifier = NoteVerifier.read(stranger.send("GET", "/ledger/key").text)
    proof = stranger.send("GET", f"/ledger/proof/{answer['decision']['id']}").get_json()
    checkpoint = read_checkpoint(proof["checkpoint"], verifier)
    assert checkpoint.origin == "127.0.0.1:8000/ledger"
    path = [base64.b64decode(part) for part in proof["proof"]]
    claims = answer["receipt"].split(".")[1]
    receipt = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert verify_inclusion(bytes.fromhex(receipt["leaf"]), proof["index"], checkpoint.size, path, checkpoint.root)
    assert (proof["leaf"], proof["size"], proof["root"]) == (receipt["leaf"], 5, checkpoint.root.hex())
    assert set(proof) == {"entry", "leaf", "index", "size", "root", "proof", "checkpoint"}


def test_the_checkpoint_is_a_signed_note_that_is_not_kept_long(bench: Bench, visitor: Visitor) -> None:
    sealed(bench, 3)
    answer = visitor.send("GET", "/ledger/checkpoint")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.headers["Cache-Control"] == "public, max-age=1"
    assert read_checkpoint(answer.text, bench.service.sealer.verifier).size == 3


def test_consistency_over_http_proves_that_nothing_was_rewritten(bench: Bench, visitor: Visitor) -> None:
    heads = []
    for count in (2, 3, 6):
        sealed(bench, count)
        heads.append(read_checkpoint(visitor.send("GET", "/ledger/checkpoint").text, bench.service.sealer.verifier))
    newest = heads[-1]
    for old in heads:
        answer = visitor.send("GET", f"/ledger/consistency?from={old.size}&to={newest.size}")
        assert verify_consistency(old.size, newest.size, old.root, newest.root, hashes(answer))
        assert (answer.get_json()["from"], answer.get_json()["to"]) == (old.size, newest.size)


@pytest.mark.parametrize(
    "query", ["", "from=1", "from=5&to=2", "from=1&to=9", "from=-1&to=2", "from=x&to=2", "from=1&to=²"]
)
def test_sizes_that_do_not_fit_are_refused(bench: Bench, visitor: Visitor, query: str) -> None:
    sealed(bench, 2)
    answer = visitor.send("GET", f"/ledger/consistency?{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "input_invalid")


def test_what_is_recorded_but_not_sealed_is_told_to_come_back(bench: Bench, visitor: Visitor) -> None:
    early = visitor.send("GET", "/ledger/checkpoint")
    assert (early.status_code, early.get_json()["code"], early.headers["Retry-After"]) == (409, "not_sealed_yet", "1")
    decision = decided(visitor)
    answer = visitor.send("GET", f"/ledger/proof/{decision}")
    assert (answer.status_code, answer.get_json()["code"], answer.headers["Retry-After"]) == (
        409,
        "not_sealed_yet",
        "1",
    )
    bench.service.sealer.run()
    assert visitor.send("GET", f"/ledger/proof/{decision}").status_code == 200


@pytest.mark.parametrize("entry", ["nothing", "01900000-0000-7000-8000-000000000000", "%00", "'; drop table positions"])
def test_an_unknown_entry_is_not_found(bench: Bench, visitor: Visitor, entry: str) -> None:
    sealed(bench, 1)
    answer = visitor.send("GET", f"/ledger/proof/{entry}")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_tiles_are_hashes_for_ever(bench: Bench, visitor: Visitor) -> None:
    ids = sealed(bench, 5)
    answer = visitor.send("GET", "/ledger/tile/0/000.p/5")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/octet-stream")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    leaves = [bytes.fromhex(visitor.send("GET", f"/ledger/proof/{entry}").get_json()["leaf"]) for entry in ids]
    assert answer.data == b"".join(leaves)
    sealed(bench, 2)
    assert visitor.send("GET", "/ledger/tile/0/000.p/5").data == answer.data
    assert visitor.send("GET", "/ledger/tile/0/000.p/7").data.startswith(answer.data)


@pytest.mark.parametrize(
    "path",
    ["0/000", "0/000.p/6", "0/001.p/1", "1/000.p/1", "entries/000.p/5", "0/x000/000", "0/0", "9/000", "0/000.p/0"],
)
def test_tiles_that_the_tree_does_not_have_are_not_found(bench: Bench, visitor: Visitor, path: str) -> None:
    sealed(bench, 5)
    answer = visitor.send("GET", f"/ledger/tile/{path}")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_any_script_may_read_the_ledger_and_nothing_in_it_says_who(bench: Bench, visitor: Visitor) -> None:
    (entry,) = sealed(bench, 1)
    subject = bench.service.storage.decision(entry)
    assert subject is not None
    for path in (
        "/ledger/checkpoint", "/ledger/key", f"/ledger/proof/{entry}", "/ledger/consistency?from=1&to=1",
        "/ledger/tile/0/000.p/1", "/ledger/proof/unknown",
    ):  # fmt: skip
        answer = visitor.send("GET", path)
        assert answer.headers["Access-Control-Allow-Origin"] == "*", path
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert str(subject.sub).encode() not in answer.data
        assert subject.record not in answer.data


def test_a_damaged_ledger_is_not_ready_and_says_so_to_its_operator(bench: Bench, visitor: Visitor) -> None:
    sealed(bench, 2)
    assert visitor.send("GET", "/readyz").get_json()["checks"]["ledger"] == "ok"
    decided(visitor)
    tamper(bench, "UPDATE ledger_tiles SET hashes = ?", bytes(64))
    with pytest.raises(Exception, match="stored tree"):
        bench.service.sealer.run()
    ready = visitor.send("GET", "/readyz")
    assert (ready.status_code, ready.get_json()["checks"]["ledger"]) == (503, "ledger_damaged")
    metrics = visitor.send("GET", "/metrics").text
    assert "cookiegate_ledger_damaged 1.0" in metrics
    assert "cookiegate_ledger_unsealed 1.0" in metrics


def test_while_the_ledger_is_damaged_saying_no_still_works_and_nothing_is_granted(
    bench: Bench, visitor: Visitor
) -> None:
    decided(visitor)
    bench.service.sealer.run()
    tamper(bench, "UPDATE checkpoints SET root = ?", bytes(32))
    decided(bench.visitor(), "reject")
    with pytest.raises(Exception, match="signed"):
        bench.service.sealer.run()
    refused = bench.visitor().decide("accept")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "record_damaged")
    chosen = bench.visitor().decide("choose", purposes={"analytics": True}, acquire={"browsing": True})
    assert chosen.status_code == 503
    assert visitor.decide("withdraw").status_code == 201
    assert bench.visitor().decide("reject").status_code == 201
    assert bench.visitor().decide("choose", purposes={"analytics": False}).status_code == 201


def test_metrics_tell_how_far_sealing_is(bench: Bench, visitor: Visitor) -> None:
    sealed(bench, 3)
    decided(visitor)
    bench.clock.advance(2.5)
    text = visitor.send("GET", "/metrics").text
    for line in (
        "cookiegate_ledger_size 3.0", "cookiegate_ledger_unsealed 1.0", "cookiegate_ledger_unsealed_age_seconds 2.5",
        "cookiegate_ledger_damaged 0.0",
    ):  # fmt: skip
        assert line in text


def test_the_service_seals_by_itself(bench: Bench) -> None:
    chore = next(chore for chore in bench.service.chores if chore.name == "seal")
    assert (chore.every_s, chore.leased) == (0.25, True)
    decided(bench.visitor())
    assert chore.work() == 1


def test_a_damaged_ledger_is_known_from_the_start(bench: Bench, visitor: Visitor) -> None:
    from support.service import make_bench

    sealed(bench, 2)
    tamper(bench, "UPDATE checkpoints SET root = ?", bytes(32))
    again: Any = make_bench(bench.folder)
    assert again.visitor().send("GET", "/readyz").get_json()["checks"]["ledger"] == "ledger_damaged"
    again.service.close()
