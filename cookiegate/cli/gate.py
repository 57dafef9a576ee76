"""``cookiegate gate``: JSON lines in, what is granted out."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
from tqdm import tqdm

from cookiegate.cli.gate_options import GateOptions, followed, gate_options, load_policy, make_gate
from cookiegate.cli.gate_page import draw_page
from cookiegate.cli.gate_report import Report, counts_table, report_table
from cookiegate.cli.lines import read_chunks
from cookiegate.cli.stopping import UntilTold
from cookiegate.gate import Verifier
from cookiegate.gate.mixed import MixedGates
from cookiegate.gate.surveying import Survey
from cookiegate.policy.document import Policy

#: Who only looks at what trackers send need not know their site and purpose yet.
ANY_SITE, ANY_PURPOSE = "any-site", "any-purpose"


@click.command()
@gate_options
@click.option("--report", is_flag=True, help="Pass every line unchanged; only count what would happen.")
@click.option("--report-html", type=click.Path(path_type=Path), help="Write the report as a page; implies --report.")
@click.option("--progress/--no-progress", default=None, help="A progress bar. [default: on a terminal]")
def command(
    options: GateOptions,
    report: bool,
    report_html: Path | None,
    progress: bool | None,
) -> None:
    """Check and strip events: JSON lines on stdin, the accepted ones on stdout.

    For --tracker plain a line is an event with its token in "consent_token". For other trackers a line is a request:
    {"received_at", "ip", "method", "path", "headers", "body" or "body_base64"}. What goes on has no token and no field
    that was not granted, and is stamped "consent". The closing table goes to stderr.

    \b
    See what a log holds and what a grant would leave of it, before there is any token:
      cookiegate gate --report --tracker matomo --report-html report.html < requests.jsonl > /dev/null

    \b
    Try it on a log with tokens, without changing anything:
      cookiegate gate --report --audience demo --purpose analytics \\
        --jwks https://consent.example.jp/.well-known/jwks.json \\
        --status https://consent.example.jp/status/1 < events.jsonl > /dev/null

    \b
    Stand between a tracker's log and the lake:
      tail -F tracker.jsonl | cookiegate gate --tracker snowplow --audience demo \\
        --purpose analytics --jwks keys.json --status list.jwt >> lake.jsonl

    Withdrawals are known from the status lists; without --status, a withdrawn token passes until it expires, and no
    event may come later than that. Addresses are asked again every minute, files when they change, and lists beside
    them when a token names one. SIGTERM and Ctrl-C let what was read go on its way; then comes the closing table.
    """
    is_report = report or report_html is not None
    if report_html is not None:
        _check_writable(report_html)
    _check_needed(is_report, audience=options.audience, purpose=options.purpose, jwks=options.jwks)
    policy = load_policy(options)
    asked = replace(options, audience=options.audience or ANY_SITE, purpose=options.purpose or ANY_PURPOSE)
    with contextlib.ExitStack() as running:
        if options.jwks is None:
            verifier = Verifier({"keys": []}, audience=asked.audience or ANY_SITE)
        else:
            verifier = running.enter_context(followed(options))
        gates = MixedGates({name: make_gate(verifier, policy, asked, name) for name in options.trackers})
        if is_report:
            surveys = {name: _survey(policy, asked, name) for name in options.trackers}
            told: dict[str, Any] = {"purpose": options.purpose, "audience": options.audience}
            outcome = Report(gates, surveys, knows_tokens=options.jwks is not None, **told)
            code = _run(gates, outcome, progress=progress)
            click.echo(report_table(outcome), err=True)
        else:
            outcome = None
            code = _run(gates, None, progress=progress)
            click.echo(counts_table(gates.counts), err=True)
    if outcome is not None and report_html is not None:
        _write_page(report_html, outcome)
    sys.exit(code)


def _check_needed(is_report: bool, **options: str | None) -> None:
    missing = [f"--{name}" for name, value in options.items() if value is None]
    if missing and not is_report:
        raise click.UsageError(f"{', '.join(missing)} needed; --report works without, to see what a log holds")
    if options["jwks"] is not None and missing:
        raise click.UsageError(f"{', '.join(missing)} needed to check tokens against --jwks")


def _survey(policy: Policy | None, asked: GateOptions, tracker: str) -> Survey:
    return Survey(lambda verifier: make_gate(verifier, policy, asked, tracker, "ignored"), asked.purpose or "")


def _run(gates: MixedGates, report: Report | None, *, progress: bool | None) -> int:
    """Filters stdin to stdout; gives the exit code."""
    source, sink = UntilTold(cast(BufferedReader, sys.stdin.buffer)), sys.stdout.buffer
    shown = sys.stderr.isatty() if progress is None else progress
    try:
        bar = tqdm(unit=" lines", file=sys.stderr, disable=not shown, leave=False)
        with bar, source:
            for chunk in read_chunks(source):
                gates.skip(chunk.oversized)
                out = b"".join(gates.lines(chunk.lines))
                if report is not None:
                    report.look(chunk.lines)
                sink.write(chunk.raw if report else out)
                sink.flush()
                bar.update(len(chunk.lines))
    except BrokenPipeError:
        _close(sink)
    except KeyboardInterrupt:  # told twice
        pass
    return 128 + source.signal if source.signal else 0


def _check_writable(path: Path) -> None:
    if path.is_dir() or not path.absolute().parent.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise click.UsageError(f"--report-html: {path} cannot be written; name a file in a folder that is there")


def _write_page(path: Path, outcome: Report) -> None:
    try:
        path.write_text(draw_page(outcome), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"--report-html: {path} cannot be written ({error.strerror})") from error
    click.echo(f"The report is in {path}", err=True)


def _close(sink: BinaryIO) -> None:
    """Lets the interpreter's last flush go nowhere: whoever read our output has left."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fileno())
    except OSError:
        sink.close()
