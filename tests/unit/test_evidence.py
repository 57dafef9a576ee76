"""``cookiegate evidence``: a bundle that convinces without us, and that no changed byte survives."""

from __future__ import annotations

import ast
import copy
import json
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support import engines
from support.policies import ROOT, demo_policy
from support.service import Bench, make_bench

from cookiegate.cli.evidence import command
from cookiegate.errors import NotFoundError, ReceiptInvalidError
from cookiegate.ledger.receipt_reading import read_receipt
from cookiegate.rights.erasure import Erasure
from cookiegate.tokens.jws import PublicKeys
from cookiegate.web.evidence import check
from cookiegate.web.evidence.gathering import EvidenceRoom
from cookiegate.web.evidence.page import draw_evidence, evidence_texts
from cookiegate.web.evidence.writing import check_evidence, write_evidence

BASE_URL = "https://consent.example.jp"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A service with an address of its own."""
    bench = make_bench(tmp_path, BASE_URL=BASE_URL)
    yield bench
    bench.service.close()


def decide(bench: Bench, action: str = "accept", visitor: Any = None, **body: Any) -> dict[str, Any]:
    """A decision on the widget's English banner; the answer."""
    ui = bench.service.surfaces.current("demo", "en", "widget").digest
    answer = (visitor or bench.visitor()).decide(action, ui=ui, **body)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.get_json()
    return found


def gather(bench: Bench, decision_id: str, receipt: str | None = None) -> dict[str, Any]:
    room = EvidenceRoom(bench.service.settings, bench.service.storage, bench.clock)
    read = receipt and read_receipt(receipt, PublicKeys(room.keyring.jwks()))
    return room.gather(decision_id, read or None)


def faults(evidence: dict[str, Any]) -> list[str]:
    return [f"{name}: {fault}" for name, fault in check_evidence(evidence) if fault is not None]


def erase(bench: Bench, decision_id: str) -> None:
    """Erases whoever made a decision."""
    row = bench.service.storage.decision(decision_id)
    assert row is not None
    Erasure(bench.service.storage, lambda *_: None, bench.clock).erase(row.key_id, site="demo", by="self")


def run_check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The script as an auditor runs it: isolated, without this program's folders."""
    command = [sys.executable, "-I", "check.py", "evidence.json", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


# --- what is in it ----------------------------------------------------------------------------------------------------


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


# --- nothing can be changed -------------------------------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Evidence out of a ledger of some size."""
    bench = make_bench(tmp_path_factory.mktemp("whole"), BASE_URL=BASE_URL, RATE_LIMIT_WRITES="100000/minute")
    wanted = decide(bench)["decision"]["id"]
    for _ in range(6):
        decide(bench, "reject")
    evidence = gather(bench, wanted)
    bench.service.close()
    assert faults(evidence) == []
    return evidence


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


# --- the page and the command -----------------------------------------------------------------------------------------


def test_the_page_alone_is_enough_for_the_check(bench: Bench, tmp_path: Path) -> None:
    evidence = gather(bench, decide(bench)["decision"]["id"])
    [page] = write_evidence(evidence, check_evidence(evidence), tmp_path / "one.html", "ja")
    text = page.read_text(encoding="utf-8")
    shown = re.search(r'<pre id="check-py">(.*?)</pre>', text, re.DOTALL)
    assert shown is not None
    (tmp_path / "check.py").write_text(check.html.unescape(shown[1]))
    checked = subprocess.run(
        [sys.executable, "-I", "check.py", "one.html"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_page_loads_nothing_and_runs_nothing(bench: Bench, lang: str) -> None:
    evidence = gather(bench, decide(bench)["decision"]["id"])
    page = draw_evidence(evidence, check_evidence(evidence), lang)
    assert f'<html lang="{lang}">' in page
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in page
    assert "unsafe-inline" not in page
    assert not re.search(r"<(script|link|img|object|embed)\b", page)
    assert 'sandbox=""' in page


def test_a_hostile_text_stays_text(tmp_path: Path) -> None:
    bench = make_bench(
        tmp_path, policies=(demo_policy(texts={"accept": {"ja": "x", "en": "</pre><script>1</script>"}}),)
    )
    evidence = gather(bench, decide(bench)["decision"]["id"])
    page = draw_evidence(evidence, check_evidence(evidence), "en")
    assert "<script" not in page
    bench.service.close()


def test_every_language_has_every_text() -> None:
    assert evidence_texts("en").keys() == evidence_texts("ja").keys()
    for key, text in evidence_texts("en").items():
        placeholders = [set(re.findall(r"\{\w+\}", words)) for words in (text, evidence_texts("ja")[key])]
        assert placeholders[0] == placeholders[1], key


@pytest.mark.parametrize(("to", "written"), [("x.zip", 1), ("x.html", 1), ("folder", 3)])
def test_the_command_writes_what_its_name_says(tmp_path: Path, to: str, written: int) -> None:
    bench = make_bench(tmp_path / "data")
    decision = decide(bench)["decision"]["id"]
    bench.service.close()
    target = str(tmp_path / to)
    given = [decision, "--to", target, "--data-dir", str(tmp_path / "data")]
    done = CliRunner().invoke(command, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == written
    assert "checks passed" in done.stderr
    again = CliRunner().invoke(command, given)
    assert getattr(again.exception, "code", None) == "output_refused"


def test_the_command_takes_a_receipt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(tmp_path / "data")
    answer = decide(bench)
    bench.service.close()
    (tmp_path / "receipt.txt").write_text(answer["receipt"])
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, ["receipt.txt", "--data-dir", "data", "--lang", "ja"], catch_exceptions=False)
    assert done.stdout.strip() == f"evidence-{answer['decision']['id']}.zip"


def test_the_command_says_when_the_record_was_damaged(tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "data")
    decision = decide(bench)["decision"]["id"]
    assert faults(gather(bench, decision)) == []  # it is sealed now
    bench.service.close()
    engines.change(tmp_path / "data", "UPDATE decisions SET leaf = ?", bytes(32))
    given = [decision, "--to", str(tmp_path / "x.html"), "--data-dir", str(tmp_path / "data")]
    done = CliRunner().invoke(command, given, catch_exceptions=False)
    assert done.exit_code == 1
    assert "FAIL decision: record and leaf: the leaf is not the hash of this salt and this record" in done.stderr
    assert "FAIL" in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_the_reference_names_every_member(whole: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "reference" / "evidence.md").read_text(encoding="utf-8")
    listed = text.partition("## `evidence.json`")[2].partition("## `check.py`")[0]
    named = {name for row in re.findall(r"^\| (`.+?) \|", listed, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(whole)
