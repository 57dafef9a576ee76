"""``cookiegate gate``: JSON lines in, what is granted out."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import click
from tqdm import tqdm

from cookiegate.cli.gate_page import draw_page
from cookiegate.cli.gate_report import Report, counts_table, report_table
from cookiegate.cli.lines import ByteStream, read_chunks
from cookiegate.errors import CookiegateError
from cookiegate.gate import Gate, Verifier, trackers
from cookiegate.gate.allowance import IpWhenRefused
from cookiegate.gate.event_times import EventTimeRule
from cookiegate.gate.mixed import MixedGates
from cookiegate.gate.surveying import Survey
from cookiegate.policy.document import Policy
from cookiegate.sources.following import follow

#: Who only looks at what trackers send need not know their site and purpose yet.
ANY_SITE, ANY_PURPOSE = "any-site", "any-purpose"


@dataclass(frozen=True, slots=True)
class _Asked:
    trackers: tuple[str, ...]
    audience: str
    purpose: str
    recipient: str | None
    ip_rule: IpWhenRefused | None
    mounts: tuple[str, ...]
    event_times: EventTimeRule


@click.command()
@click.option(
    "--tracker",
    "tracker_names",
    type=click.Choice(trackers.NAMES),
    multiple=True,
    default=("plain",),
    show_default="plain",
    help="Wire format; may be repeated, then each line goes by its address.",
)
@click.option("--audience", metavar="SITE", help="The site's id: tokens of other sites are refused.")
@click.option("--purpose", metavar="KEY", help="What the data is collected for.")
@click.option("--jwks", metavar="FILE|URL", help="The public keys: <service>/.well-known/jwks.json.")
@click.option("--status", "statuses", metavar="FILE|URL", multiple=True, help="A status list; may be repeated.")
@click.option(
    "--max-stale",
    "max_stale_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="How long a status list that cannot be had anew is believed.  [default: 300 from an address]",
)
@click.option("--withdrawals", metavar="REDIS", help="A Redis server that tells of withdrawals at once.")
@click.option("--issuer", metavar="URL", help="Accept tokens of this service alone.")
@click.option("--policy", "policy_file", type=click.Path(path_type=Path), help="Narrow to what the policy says.")
@click.option("--recipient", metavar="KEY", help="Who gets the data, if it does not stay with you; needs --policy.")
@click.option("--ip", "ip_rule", type=click.Choice(["drop", "truncate"]), help="What becomes of a refused address.")
@click.option("--mount", "mounts", metavar="PATH", multiple=True, help="A prefix of the tracker's paths.")
@click.option(
    "--event-times",
    type=click.Choice(["checked", "ignored"]),
    default="checked",
    show_default=True,
    help="Whether an event must have happened while its token held, or the token must hold now.",
)
@click.option("--report", is_flag=True, help="Pass every line unchanged; only count what would happen.")
@click.option("--report-html", type=click.Path(path_type=Path), help="Write the report as a page; implies --report.")
@click.option("--progress/--no-progress", default=None, help="A progress bar. [default: on a terminal]")
def command(
    tracker_names: tuple[str, ...],
    audience: str | None,
    purpose: str | None,
    jwks: str | None,
    statuses: tuple[str, ...],
    max_stale_s: float | None,
    withdrawals: str | None,
    issuer: str | None,
    policy_file: Path | None,
    recipient: str | None,
    ip_rule: IpWhenRefused | None,
    mounts: tuple[str, ...],
    event_times: EventTimeRule,
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
    them when a token names one.
    """
    is_report = report or report_html is not None
    _check_needed(is_report, audience=audience, purpose=purpose, jwks=jwks)
    names = tuple(dict.fromkeys(tracker_names))
    asked = _Asked(names, audience or ANY_SITE, purpose or ANY_PURPOSE, recipient, ip_rule, mounts, event_times)
    policy = _load_policy(policy_file, audience, purpose) if policy_file else None
    _check_recipient(policy, recipient)
    with contextlib.ExitStack() as running:
        if jwks is None:
            verifier = Verifier({"keys": []}, audience=asked.audience)
        else:
            options = {"issuer": issuer, "max_stale_s": max_stale_s, "withdrawals": withdrawals, "warn": _warn}
            following = follow(asked.audience, jwks=jwks, statuses=statuses, **options)  # type: ignore[arg-type]
            verifier = running.enter_context(following)
            if not statuses:
                click.echo("Warning: no --status given, so withdrawals are not seen until a token expires.", err=True)
        gates = MixedGates({name: _make_gate(verifier, policy, asked, name) for name in names})
        if is_report:
            surveys = {name: _survey(policy, asked, name) for name in names}
            outcome = Report(gates, surveys, knows_tokens=jwks is not None, purpose=purpose, audience=audience)
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


def _warn(error: CookiegateError) -> None:
    click.echo(f"Warning [{error.code}]: {error.detail}", err=True)


def _load_policy(path: Path, audience: str | None, purpose: str | None) -> Policy:
    try:
        from cookiegate.policy.reading import load_policy  # noqa: PLC0415  the reader is in the server extra
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f'--policy needs pip install "cookiegate[server]" (missing: {error.name})'
        ) from error
    policy = load_policy(path)
    if audience is not None and policy.site != audience:
        raise click.UsageError(f"the policy is of site {policy.site!r}, not of {audience!r}")
    if purpose is not None and policy.purpose(purpose) is None:
        known = ", ".join(item.key for item in policy.purposes)
        raise click.UsageError(f"the policy has no purpose {purpose!r}; it has {known}")
    return policy


def _check_recipient(policy: Policy | None, recipient: str | None) -> None:
    if recipient is None:
        return
    if policy is None:
        raise click.UsageError("--recipient needs --policy: the policy says whose data a recipient may have")
    if recipient not in policy.recipients:
        known = ", ".join(policy.recipients) or "none"
        raise click.UsageError(f"the policy has no recipient {recipient!r}; it has {known}")


def _make_gate(
    verifier: Verifier, policy: Policy | None, asked: _Asked, tracker: str, event_times: EventTimeRule | None = None
) -> Gate:
    known = policy.purpose(asked.purpose) if policy else None
    collector = policy.collectors.get(tracker) if policy else None
    providing = policy.providing(asked.purpose, asked.recipient) if policy and asked.recipient is not None else None
    if providing is not None and providing.is_recorded and event_times is None:
        click.echo(
            f"Warning: {providing.recipient.key} is a third party, and provision through this command is not recorded;"
            " /gate/strip records it.",
            err=True,
        )
    return Gate(
        verifier,
        purpose=asked.purpose,
        tracker=tracker,
        categories=known.acquire if known else None,
        fields=collector.fields if collector else None,
        ip_when_refused=asked.ip_rule or (policy.ip_when_refused if policy else "drop"),
        mounts=asked.mounts,
        recipient=asked.recipient,
        recipients=(providing.recipient.key,) if providing else (),
        event_times=event_times or asked.event_times,
        late_events=(collector and collector.late_events) or "while_granted",
        prior_consent=collector.prior_consent if collector else None,
    )


def _survey(policy: Policy | None, asked: _Asked, tracker: str) -> Survey:
    return Survey(lambda verifier: _make_gate(verifier, policy, asked, tracker, "ignored"), asked.purpose)


def _run(gates: MixedGates, report: Report | None, *, progress: bool | None) -> int:
    """Filters stdin to stdout; gives the exit code."""
    source, sink = cast(ByteStream, sys.stdin.buffer), sys.stdout.buffer
    shown = sys.stderr.isatty() if progress is None else progress
    try:
        with tqdm(unit=" lines", file=sys.stderr, disable=not shown, leave=False) as bar:
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
    except KeyboardInterrupt:
        return 130
    return 0


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
