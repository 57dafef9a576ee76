"""``cookiegate requests`` as the privacy officer types it, beside a running service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.asking import PDF, Asker
from support.service import Bench, make_bench

from cookiegate.cli.request_lines import describe, file_facts, list_text, sort_urgent
from cookiegate.cli.requests import command
from cookiegate.clock import SystemClock

DAY_S = 86_400


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The demo site's service, today: commands have the machine's clock."""
    bench = make_bench(tmp_path, RATE_LIMIT_REQUESTS="100000/minute")
    bench.clock.at_ms = SystemClock().now_ms() - 60_000
    yield bench
    bench.service.close()


@pytest.fixture
def asker(bench: Bench) -> Asker:
    """Someone of whom only an e-mail address is known."""
    return Asker(bench, bench.visitor())


def run(bench: Bench, *words: str) -> Result:
    done = CliRunner().invoke(command, [*words, "--data-dir", str(bench.folder)])
    assert done.exit_code == 0, done.output
    return done


def test_the_whole_way_by_command(asker: Asker, bench: Bench, tmp_path: Path) -> None:
    asker.by_mail("disclosure", locale="en")
    reference = asker.reference
    assert reference in run(bench, "list").output
    run(bench, "ask-identity", reference, "--text", "A passport.", "--by", "hana")
    bench.service.requests.counter.give_document(asker.file, PDF, 65_536)
    run(bench, "show", reference, "--documents", str(tmp_path / "seen"))
    (seen,) = (tmp_path / "seen").iterdir()
    assert (seen.read_bytes(), seen.stat().st_mode & 0o077) == (PDF, 0)
    assert "deciding" in run(bench, "verify", reference, "--by", "hana").output
    assert asker.file.case.verified_by == "document"
    run(bench, "fee", reference, "--amount", "500 JPY")
    run(bench, "paid", reference)
    run(bench, "extend", reference, "--text", "The archive is being moved.")
    run(bench, "decide", reference, "--outcome", "granted", "--by", "hana")
    assert "notified (granted), told by mail" in run(bench, "carry-out", reference, "--text", "By post.").output
    assert asker.file.notes[2].by == "hana"
    shown = run(bench, "show", reference).output
    for part in ("mori@example.org (not confirmed)", "森 はな", "A passport.", "By post.", "APPI 33"):
        assert part in shown


def test_a_refusal_names_its_ground_and_a_wrong_one_is_answered_with_those_that_fit(asker: Asker, bench: Bench) -> None:
    asker.by_mail("disclosure")
    run(bench, "verify", asker.reference)
    words = ["decide", asker.reference, "--outcome", "refused", "--data-dir", str(bench.folder)]
    wrong = CliRunner().invoke(command, [*words, "--ground", "too_costly"])
    assert "harm_to_rights" in str(wrong.exception)
    run(bench, "decide", asker.reference, "--outcome", "refused", "--ground", "no_data")
    assert asker.state == "notified"


def test_a_letter_is_entered_by_the_desk_and_told_by_letter(bench: Bench, asker: Asker) -> None:
    entered = run(
        bench, "open", "--site", "demo", "--kind", "complaint", "--residence", "jp", "--locale", "ja-JP",
        "--name", "森 はな", "--message", "遅い。", "--by", "hana",
    )  # fmt: skip
    match = re.fullmatch(r"(R-\S+)  code (\S+)\n", entered.output)
    assert match is not None
    asker.reference, asker.code = match[1], match[2]
    assert asker.look().status_code == 200
    run(bench, "verify", match[1])
    run(bench, "route", match[1], "--text", "PPC, number 7")
    run(bench, "decide", match[1], "--outcome", "granted", "--text", "You are right.")
    assert "carried_out" in run(bench, "carry-out", match[1], "--text", "Trained.").output
    assert "told by letter" in run(bench, "notify", match[1]).output


def test_an_erasure_by_command_ends_the_running_service_s_tokens_and_waits_for_subscribers(
    bench: Bench, asker: Asker
) -> None:
    visitor = bench.visitor()
    answer = visitor.decide("accept").get_json()
    asker.by_mail("deletion", receipt=answer["receipt"], agent={"name": "A. Gent", "authority": "lawyer"})
    run(bench, "verify", asker.reference)
    run(bench, "decide", asker.reference, "--outcome", "granted")
    assert "when they have acknowledged" in run(bench, "carry-out", asker.reference).output
    bench.service.follow()
    check = bench.visitor().send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": answer["token"]})
    assert check.status_code in (401, 403)


def test_the_list_puts_late_ones_first_and_names_nobody(asker: Asker, bench: Bench) -> None:
    bench.clock.advance(-40 * DAY_S)
    asker.by_mail("complaint", message="Slow.")
    late = asker.reference
    bench.clock.advance(38 * DAY_S)
    asker.by_mail("disclosure")
    rows = json.loads(run(bench, "list", "--json").output)
    assert [(row["reference"], row["urgency"]) for row in rows] == [(late, "overdue"), (asker.reference, None)]
    assert "mori" not in run(bench, "list").output
    now_ms = bench.clock.now_ms()
    files = sort_urgent(bench.service.requests.casebook.files(), now_ms)
    coloured = list_text([file_facts(file, now_ms) for file in files]).splitlines()
    assert "\x1b[31m" in coloured[1]
    assert "\x1b[31m" not in coloured[2]


def test_a_stranger_s_words_cannot_command_the_terminal(asker: Asker, bench: Bench) -> None:
    asker.by_mail("complaint", message="one\ntwo\tthree")
    shown = describe(asker.file, bench.clock.now_ms())
    assert "one\n                   two three" in shown
    hostile = asker.ask("complaint", message="\x1b[2J")
    assert hostile.status_code == 422


def test_the_report_is_a_table_or_json(asker: Asker, bench: Bench) -> None:
    asker.by_mail("disclosure")
    period = ("--from", "2020-01-01", "--to", "2100-01-01")
    (row,) = json.loads(run(bench, "report", *period, "--json").output)
    assert (row["kind"], row["received"], row["open"]) == ("disclosure", 1, 1)
    assert "alternative measure" in run(bench, "report", *period).output
    assert "No requests" in run(bench, "report", "--from", "2020-01-01", "--to", "2020-02-01").output


@pytest.mark.parametrize("word", [*command.commands])
def test_every_word_of_the_desk_explains_itself(word: str) -> None:
    shown = CliRunner().invoke(command, [word, "--help"])
    assert shown.exit_code == 0
    assert "Usage:" in shown.output
