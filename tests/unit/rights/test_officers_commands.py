"""``cookiegate officers``, ``ip`` and ``incident``, as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.policies import demo_policy
from support.service import Bench, make_bench

from cookiegate.cli.main import cli
from cookiegate.errors import CookiegateError
from cookiegate.policy.document import Retention

ADDRESS = "203.0.113.77"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A site that keeps addresses, with one visitor's decision in its log; the service has stopped."""
    bench = make_bench(tmp_path, policies=(demo_policy(retention=Retention(ip_evidence_days=7)),))
    visitor = bench.visitor()
    body = {"notice": visitor.notice()["notice"], "action": "accept"}
    headers, path = {"Idempotency-Key": "k" * 22}, "/v1/sites/demo/decisions"
    visitor.send("POST", path, json=body, headers=headers, environ_overrides={"REMOTE_ADDR": ADDRESS})
    bench.service.ip_evidence.flush()
    bench.service.close()
    return bench


def run(bench: Bench, *words: str, passphrase: str | None = None) -> Result:
    given = [*words, "--data-dir", str(bench.folder)]
    if passphrase is not None:
        file = bench.folder / "passphrase"
        file.touch(mode=0o600)
        file.write_text(f"{passphrase}\n", encoding="utf-8")
        given += ["--passphrase-file", str(file)]
    return CliRunner().invoke(cli, given, catch_exceptions=False)


def test_two_officers_look_an_address_up(bench: Bench) -> None:
    for name, role in (("aoki", "look-up"), ("tanaka", "approve")):
        assert run(bench, "officers", "add", name, "--role", role, passphrase=f"{name} has a long one").exit_code == 0
    asked = run(
        bench, "ip", "ask", "--site", "demo", "--from", "2026-11-18", "--to", "2026-11-19", "--by", "aoki",
        "--reason", "flood of refused decisions", passphrase="aoki has a long one",
    )  # fmt: skip
    lookup = asked.output.split()[0]
    run(bench, "ip", "approve", lookup, "--by", "tanaka", "--for-minutes", "240", passphrase="tanaka has a long one")
    listed = json.loads(run(bench, "ip", "list", "--format", "json").output)
    assert (listed[0]["id"], listed[0]["approved_by"], listed[0]["state"]) == (lookup, "tanaka", "open")
    shown = run(bench, "ip", "show", lookup, "--by", "aoki", "--format", "json", passphrase="aoki has a long one")
    assert [row["address"] for row in json.loads(shown.output)] == [ADDRESS]


def test_a_wrong_passphrase_opens_nothing(bench: Bench) -> None:
    run(bench, "officers", "add", "aoki", "--role", "look-up", passphrase="aoki has a long one")
    with pytest.raises(CookiegateError, match="no active officer"):
        run(bench, "ip", "show", "L-2222-2222", "--by", "aoki", passphrase="a wrong passphrase")
    run(bench, "officers", "disable", "aoki")
    assert "aoki" in run(bench, "officers", "list").output


def test_a_passphrase_that_others_can_read_is_none(bench: Bench) -> None:
    file = bench.folder / "open"
    file.write_text("a long passphrase\n", encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(CookiegateError, match="chmod 600"):
        run(bench, "officers", "add", "aoki", "--role", "look-up", "--passphrase-file", str(file))


def test_an_accident_is_handled_from_the_command_line(bench: Bench) -> None:
    opened = run(
        bench, "incident", "open", "--site", "demo", "--cause", "attack", "--fields", "browsing",
        "--from", "2026-11-01", "--to", "2026-12-31", "--known-at", "2026-11-01",
        "--summary", "Someone broke in.", "--by", "aoki",
    )  # fmt: skip
    incident = opened.output.split()[0]
    assert "final report to the PPC" in opened.output
    subjects = bench.folder / "affected.txt"
    found = run(bench, "incident", "affected", incident, "--subjects", str(subjects))
    assert "1 affected" in found.output
    assert len(subjects.read_text().split()) == 1
    assert subjects.stat().st_mode & 0o077 == 0
    assert "1 notified" in run(bench, "incident", "notify", incident).output
    run(bench, "incident", "describe", incident, "--harm", "none found")
    assert "none found" in run(bench, "incident", "report", incident, "--lang", "en").output
    assert json.loads(run(bench, "incident", "show", incident).output)["state"] == "notified"
    assert run(bench, "incident", "close", incident).exit_code == 0
    assert "closed" in run(bench, "incident", "list").output


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01"])
def test_a_moment_that_is_none_is_named(bench: Bench, moment: str) -> None:
    refused = run(bench, "incident", "open", "--from", moment)
    assert refused.exit_code == 2
    assert moment in refused.output
