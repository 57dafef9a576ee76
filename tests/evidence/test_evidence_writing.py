"""The evidence as a page, a folder or an archive, and the command that writes it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support import engines
from support.policies import ROOT, demo_policy
from support.service import Bench, make_bench

from cookiegate.cli.evidence import command
from cookiegate.web.evidence import check
from cookiegate.web.evidence.page import draw_evidence, evidence_texts
from cookiegate.web.evidence.writing import check_evidence, write_evidence
from evidence.material import decide, faults, gather


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
