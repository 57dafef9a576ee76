"""``cookiegate gate``: JSON lines in, what is granted out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO, cast

import click
from tqdm import tqdm

from cookiegate.cli.fetching import FollowedStatuses, Refresher, read_jwks
from cookiegate.cli.lines import ByteStream, read_chunks
from cookiegate.gate import Gate, StatusBook, Verifier, trackers
from cookiegate.gate.allowance import IpWhenRefused
from cookiegate.gate.counts import Counts
from cookiegate.policy.document import Policy
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.reasons import Reason


@click.command()
@click.option("--tracker", type=click.Choice(trackers.NAMES), default="plain", show_default=True, help="Wire format.")
@click.option("--audience", metavar="SITE", required=True, help="The site's id: tokens of other sites are refused.")
@click.option("--purpose", metavar="KEY", required=True, help="What the data is collected for.")
@click.option("--jwks", metavar="FILE|URL", required=True, help="The public keys: <service>/.well-known/jwks.json.")
@click.option("--status", "statuses", metavar="FILE|URL", multiple=True, help="A status list; may be repeated.")
@click.option("--issuer", metavar="URL", help="Accept tokens of this service alone.")
@click.option("--policy", "policy_file", type=click.Path(path_type=Path), help="Narrow to what the policy says.")
@click.option("--recipient", metavar="KEY", help="Who gets the data, if it does not stay with you; needs --policy.")
@click.option("--ip", "ip_rule", type=click.Choice(["drop", "truncate"]), help="What becomes of a refused address.")
@click.option("--mount", "mounts", metavar="PATH", multiple=True, help="A prefix of the tracker's paths.")
@click.option("--report", is_flag=True, help="Pass every line unchanged; only count what would happen.")
@click.option("--progress/--no-progress", default=None, help="A progress bar. [default: on a terminal]")
def command(
    tracker: str,
    audience: str,
    purpose: str,
    jwks: str,
    statuses: tuple[str, ...],
    issuer: str | None,
    policy_file: Path | None,
    recipient: str | None,
    ip_rule: IpWhenRefused | None,
    mounts: tuple[str, ...],
    report: bool,
    progress: bool | None,
) -> None:
    """Check and strip events: JSON lines on stdin, the accepted ones on stdout.

    For --tracker plain a line is an event with its token in "consent_token". For other trackers a line is a request:
    {"received_at", "ip", "method", "path", "headers", "body" or "body_base64"}. What goes on has no token and no field
    that was not granted, and is stamped "consent". The closing table goes to stderr.

    \b
    Try it on a log without changing anything:
      cookiegate gate --report --audience demo --purpose analytics \\
        --jwks https://consent.example.jp/.well-known/jwks.json \\
        --status https://consent.example.jp/status/1 < events.jsonl > /dev/null

    \b
    Stand between a tracker's log and the lake:
      tail -F tracker.jsonl | cookiegate gate --tracker snowplow --audience demo \\
        --purpose analytics --jwks keys.json --status list.jwt >> lake.jsonl

    Withdrawals are known from the status lists; without --status, a withdrawn token passes until it expires. Status
    lists and keys that come from an address are read again every minute, and lists beside them when a token names one.
    """
    policy = _load_policy(policy_file, audience, purpose) if policy_file else None
    _check_recipient(policy, recipient)
    trusted = read_jwks(jwks)
    lists = FollowedStatuses(StatusBook(), lambda: PublicKeys(verifier.jwks))
    verifier = Verifier(trusted, audience=audience, issuer=issuer, status=lists if statuses else None)
    for source in statuses:
        lists.load(source)
    if not statuses:
        click.echo("Warning: no --status given, so withdrawals are not seen until a token expires.", err=True)
    gate = _make_gate(verifier, policy, tracker, purpose, recipient, ip_rule, mounts)
    with Refresher(verifier, jwks, lists):
        code = _run(gate, report=report, progress=progress)
    click.echo(_table(gate.counts, report=report), err=True)
    sys.exit(code)


def _load_policy(path: Path, audience: str, purpose: str) -> Policy:
    try:
        from cookiegate.policy.reading import load_policy  # noqa: PLC0415  the reader is in the server extra
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f'--policy needs pip install "cookiegate[server]" (missing: {error.name})'
        ) from error
    policy = load_policy(path)
    if policy.site != audience:
        raise click.UsageError(f"the policy is of site {policy.site!r}, not of {audience!r}")
    if policy.purpose(purpose) is None:
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
    verifier: Verifier,
    policy: Policy | None,
    tracker: str,
    purpose: str,
    recipient: str | None,
    ip_rule: IpWhenRefused | None,
    mounts: tuple[str, ...],
) -> Gate:
    known = policy.purpose(purpose) if policy else None
    collector = policy.collectors.get(tracker) if policy else None
    providing = policy.providing(purpose, recipient) if policy and recipient is not None else None
    if providing is not None and providing.is_recorded:
        click.echo(
            f"Warning: {providing.recipient.key} is a third party, and provision through this command is not recorded;"
            " /gate/strip records it.",
            err=True,
        )
    return Gate(
        verifier,
        purpose=purpose,
        tracker=tracker,
        categories=known.acquire if known else None,
        fields=collector.fields if collector else None,
        ip_when_refused=ip_rule or (policy.ip_when_refused if policy else "drop"),
        mounts=mounts,
        recipient=recipient,
        recipients=(providing.recipient.key,) if providing else (),
    )


def _run(gate: Gate, *, report: bool, progress: bool | None) -> int:
    """Filters stdin to stdout; gives the exit code."""
    source, sink = cast(ByteStream, sys.stdin.buffer), sys.stdout.buffer
    shown = sys.stderr.isatty() if progress is None else progress
    try:
        with tqdm(unit=" lines", file=sys.stderr, disable=not shown, leave=False) as bar:
            for chunk in read_chunks(source):
                gate.counts.dropped[Reason.BODY_TOO_LARGE] += chunk.oversized
                out = b"".join(gate.lines(chunk.lines))
                sink.write(chunk.raw if report else out)
                sink.flush()
                bar.update(len(chunk.lines))
    except BrokenPipeError:
        _close(sink)
    except KeyboardInterrupt:
        return 130
    return 0


def _close(sink: BinaryIO) -> None:
    """Lets the interpreter's last flush go nowhere: whoever read our output has left."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fileno())
    except OSError:
        sink.close()


def _table(counts: Counts, *, report: bool) -> str:
    would = "would be " if report else ""
    dropped = [(reason.value, times) for reason, times in counts.dropped.most_common() if times]
    stripped = counts.stripped.most_common()
    rows = [(f"{would}accepted", counts.accepted), (f"{would}dropped", sum(times for _, times in dropped))]
    rows += [(f"  {name}", times) for name, times in dropped]
    rows.append((f"fields {would}stripped", sum(times for _, times in stripped)))
    rows += [(f"  {name}", times) for name, times in stripped]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {times:>12,}" for name, times in rows)
