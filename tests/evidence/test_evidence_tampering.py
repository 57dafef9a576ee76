"""Evidence that no changed byte survives."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.service import Bench, make_bench

from cookiegate.web.evidence.writing import check_evidence, write_evidence
from evidence.material import BASE_URL, decide, faults, gather, run_check


def changes(text: str) -> Iterator[str]:
    """The text with each of its characters changed, and some left out, doubled or in the other case."""
    for place, char in enumerate(text):
        yield text[:place] + chr(ord(char) ^ 1) + text[place + 1 :]
        if char.isalpha():
            yield text[:place] + char.swapcase() + text[place + 1 :]
        if place % 7 == 0:
            yield text[:place] + text[place + 1 :]
            yield text[:place] + char + text[place:]


PROVED: dict[str, Callable[[dict[str, Any]], tuple[Any, Any]]] = {
    "record": lambda evidence: (evidence, "record"),
    "salt": lambda evidence: (evidence, "salt"),
    "leaf": lambda evidence: (evidence, "leaf"),
    "proof's leaf": lambda evidence: (evidence["inclusion"], "leaf"),
    "proof's root": lambda evidence: (evidence["inclusion"], "root"),
    "first hash of the proof": lambda evidence: (evidence["inclusion"]["proof"], 0),
    "last hash of the proof": lambda evidence: (evidence["inclusion"]["proof"], -1),
    "checkpoint": lambda evidence: (evidence["inclusion"], "checkpoint"),
    "receipt": lambda evidence: (evidence, "receipt"),
    "notice": lambda evidence: (evidence, "notice"),
    "surface": lambda evidence: (evidence, "surface"),
}


@pytest.mark.parametrize("part", PROVED)
def test_no_changed_character_passes(whole: dict[str, Any], part: str) -> None:
    evidence = copy.deepcopy(whole)
    place, name = PROVED[part](evidence)
    right = place[name]
    tried = list(changes(right))
    if len(tried) > 3000:  # the long texts are hashed as a whole: every few characters will do
        tried = tried[:: len(tried) // 3000 + 1]
    for text in tried:
        place[name] = text
        assert faults(evidence), f"{part} may be {text!r}"
    place[name] = right
    assert faults(evidence) == []


@pytest.mark.parametrize("name", ["index", "size"])
@pytest.mark.parametrize("change", [-8, -1, 1, 2, 8, 2**40])
def test_no_other_place_in_the_tree_passes(whole: dict[str, Any], name: str, change: int) -> None:
    evidence = copy.deepcopy(whole)
    evidence["inclusion"][name] += change
    assert faults(evidence)


def test_a_proof_with_a_hash_more_or_less_fails(whole: dict[str, Any]) -> None:
    path = whole["inclusion"]["proof"]
    for other in (path[:-1], path[1:], [*path, path[0]], [], path[::-1]):
        assert faults({**whole, "inclusion": {**whole["inclusion"], "proof": other}})


@pytest.mark.parametrize("name", ["record", "receipt", "notice", "surface", "style"])
def test_what_was_taken_out_is_missed(whole: dict[str, Any], name: str) -> None:
    assert faults({**whole, name: None})


def test_a_change_in_the_history_is_found(bench: Bench) -> None:
    visitor = bench.visitor()
    first = decide(bench, "accept", visitor)
    decide(bench, "withdraw", visitor)
    evidence = gather(bench, first["decision"]["id"])
    evidence["history"][0]["record"] = evidence["history"][0]["record"].replace("withdraw", "accept")
    assert any("history" in fault or "leaf" in fault for fault in faults(evidence))


@pytest.mark.parametrize("part", ["record", "leaf", "receipt"])
def test_the_script_says_what_does_not_fit(bench: Bench, tmp_path: Path, part: str) -> None:
    evidence = gather(bench, decide(bench)["decision"]["id"])
    write_evidence(evidence, check_evidence(evidence), tmp_path / "out", "en")
    evidence[part] = ("f" if evidence[part][40] != "f" else "0").join((evidence[part][:40], evidence[part][41:]))
    (tmp_path / "out" / "evidence.json").write_text(json.dumps(evidence))
    checked = run_check(tmp_path / "out")
    assert (checked.returncode, checked.stderr) == (1, "")
    assert re.search(r"^FAIL  .+: .+", checked.stdout, re.MULTILINE)
    assert "this evidence was changed" in checked.stdout


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"kind": "other"}', '{"kind": "cookiegate-evidence", "v": 1}', "\x00"]
)
def test_the_script_answers_anything_with_a_line(bench: Bench, tmp_path: Path, text: str) -> None:
    evidence = gather(bench, decide(bench)["decision"]["id"])
    write_evidence(evidence, check_evidence(evidence), tmp_path / "out", "en")
    (tmp_path / "out" / "evidence.json").write_text(text)
    checked = run_check(tmp_path / "out")
    assert (checked.returncode, checked.stderr) == (1, "")
    assert checked.stdout.startswith("FAIL  the evidence cannot be read")


def test_keys_of_ones_own_are_believed_and_no_others(bench: Bench, tmp_path: Path) -> None:
    evidence = gather(bench, decide(bench)["decision"]["id"])
    out = tmp_path / "out"
    write_evidence(evidence, check_evidence(evidence), out, "en")
    (out / "jwks.json").write_text(json.dumps(evidence["keys"]["jwks"]))
    (out / "ledger.vkey").write_text(evidence["keys"]["ledger"] + "\n")
    checked = run_check(out, "--jwks", "jwks.json", "--vkey", "ledger.vkey")
    assert (checked.returncode, "with your keys" in checked.stdout) == (0, True)
    other = make_bench(tmp_path / "other", BASE_URL=BASE_URL)
    decide(other)
    foreign = gather(other, other.service.storage.decisions("demo")[0].id)["keys"]
    other.service.close()
    (out / "ledger.vkey").write_text(foreign["ledger"])
    assert "not signed by the ledger's key" in run_check(out, "--vkey", "ledger.vkey").stdout
    (out / "jwks.json").write_text(json.dumps(foreign["jwks"]))
    assert "the receipt's key is not in the set" in run_check(out, "--jwks", "jwks.json").stdout
