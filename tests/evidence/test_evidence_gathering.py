"""``cookiegate evidence``: a bundle that convinces without us."""

from __future__ import annotations

import ast
import json
import stat
import sys
import zipfile
from pathlib import Path

import pytest
from support.policies import demo_policy
from support.service import Bench

from cookiegate.errors import NotFoundError, ReceiptInvalidError
from cookiegate.web.evidence import check
from cookiegate.web.evidence.page import draw_evidence
from cookiegate.web.evidence.writing import check_evidence, write_evidence
from evidence.material import decide, erase, faults, gather, run_check


def test_s03_what_was_shown_is_proved_with_the_decision(bench: Bench) -> None:
    answer = decide(bench, "choose", purposes={"analytics": True}, acquire={"device": True})
    evidence = gather(bench, answer["decision"]["id"])
    assert faults(evidence) == []
    names = [name for name, _ in check_evidence(evidence)]
    assert "what was shown" in names
    assert json.loads(evidence["surface"])["html"]["banner"].startswith('<section class="cg-root cg-bar"')
    assert json.loads(evidence["notice"])["purposes"][0]["title"]


def test_s36_the_evidence_stands_without_the_service(bench: Bench, tmp_path: Path) -> None:
    answer = decide(bench)
    target = tmp_path / "audit.zip"
    evidence = gather(bench, answer["decision"]["id"])
    write_evidence(evidence, check_evidence(evidence), target, "en")
    with zipfile.ZipFile(target) as archive:
        assert sorted(archive.namelist()) == ["README.txt", "check.py", "evidence.html", "evidence.json"]
        archive.extractall(tmp_path / "out")
    checked = run_check(tmp_path / "out")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "FAIL" not in checked.stdout
    assert "All checks passed" in checked.stdout
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_the_script_needs_python_and_one_package() -> None:
    tree = ast.parse(Path(check.__file__).read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    foreign = {module.split(".")[0] for module in modules} - set(sys.stdlib_module_names)
    assert foreign == {"cryptography"}
    assert not {"socket", "urllib", "http", "subprocess"} & {module.split(".")[0] for module in modules}


def test_the_receipt_in_it_is_the_visitor_s(bench: Bench) -> None:
    answer = decide(bench)
    evidence = gather(bench, answer["decision"]["id"])
    assert evidence["receipt"] == answer["receipt"]
    assert not evidence["receipt_is_brought"]


def test_what_the_same_visitor_did_before_and_after_is_told_and_proved(bench: Bench) -> None:
    visitor = bench.visitor()
    first = decide(bench, "accept", visitor)
    bench.clock.advance(60)
    second = decide(bench, "withdraw", visitor)
    decide(bench, "accept")  # somebody else
    evidence = gather(bench, first["decision"]["id"])
    assert [item["id"] for item in evidence["history"]] == [second["decision"]["id"]]
    assert faults(evidence) == []
    page = draw_evidence(evidence, check_evidence(evidence), "en")
    assert "withdrew" in page


def test_an_older_version_s_decision_shows_the_older_notice(bench: Bench) -> None:
    answer = decide(bench)
    bench.publish(demo_policy(ask_again_days=20))
    evidence = gather(bench, answer["decision"]["id"])
    assert json.loads(evidence["notice"])["policy_version"] == 1
    assert faults(evidence) == []


def test_a_decision_without_a_known_screen_says_so(bench: Bench) -> None:
    answer = bench.visitor().decide("reject").get_json()
    evidence = gather(bench, answer["decision"]["id"])
    assert (evidence["surface"], faults(evidence)) == (None, [])
    assert "does not name a screen of ours" in draw_evidence(evidence, check_evidence(evidence), "en")


def test_a_decision_that_waits_to_be_sealed_is_sealed_for_its_evidence(bench: Bench) -> None:
    first = decide(bench)
    assert faults(gather(bench, first["decision"]["id"])) == []
    second = decide(bench)
    assert gather(bench, second["decision"]["id"])["inclusion"]["size"] == 2


# --- after an erasure -------------------------------------------------------------------------------------------------


def test_after_an_erasure_the_place_in_the_ledger_is_what_remains(bench: Bench) -> None:
    answer = decide(bench)
    erase(bench, answer["decision"]["id"])
    evidence = gather(bench, answer["decision"]["id"])
    assert evidence["is_erased"]
    assert [evidence[name] for name in ("record", "salt", "receipt", "notice", "surface")] == [None] * 5
    assert [item["kind"] for item in evidence["erasure"]] == ["erasure"]
    assert faults(evidence) == []
    page = draw_evidence(evidence, check_evidence(evidence), "en")
    assert "This decision was erased" in page
    assert answer["decision"]["notice"] not in page


def test_after_an_erasure_the_visitor_s_receipt_still_proves_everything(bench: Bench) -> None:
    answer = decide(bench)
    erase(bench, answer["decision"]["id"])
    evidence = gather(bench, answer["decision"]["id"], answer["receipt"])
    assert (evidence["is_erased"], evidence["receipt_is_brought"]) == (True, True)
    assert faults(evidence) == []
    assert json.loads(evidence["record"])["action"] == "accept"
    assert evidence["surface"] is not None


def test_an_erasure_that_the_ledger_does_not_tell_of_is_found(bench: Bench) -> None:
    answer = decide(bench)
    erase(bench, answer["decision"]["id"])
    evidence = gather(bench, answer["decision"]["id"])
    assert faults({**evidence, "erasure": []}) == ["erasure: no ledger entry tells of it"]
    assert any("another person" in fault for fault in faults({**evidence, "key_id": evidence["key_id"] + 1}))


def test_a_receipt_of_another_decision_is_refused(bench: Bench) -> None:
    one, other = decide(bench), decide(bench)
    with pytest.raises(ReceiptInvalidError):
        gather(bench, one["decision"]["id"], other["receipt"])
    with pytest.raises(NotFoundError):
        gather(bench, "0" * 8 + "-0000-7000-8000-" + "0" * 12)
