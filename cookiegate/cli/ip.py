"""``cookiegate ip``: break-glass look-ups of addresses."""

from __future__ import annotations

from pathlib import Path

import click

from cookiegate.cli.instants import Instant
from cookiegate.cli.passphrases import ask_passphrase, passphrase_option
from cookiegate.cli.records import data_dir_option, opened_record
from cookiegate.cli.tables import Form, form_option, print_rows
from cookiegate.clock import SystemClock, rfc3339
from cookiegate.rights.addresses.evidence import IpEvidence
from cookiegate.rights.addresses.lookups import OPEN_MAX_S, IpLookups
from cookiegate.rights.addresses.officers import Officers
from cookiegate.storage.contract import Storage

MINUTE_S = 60
_by_option = click.option("--by", required=True, metavar="OFFICER", help="Who acts; their passphrase is asked for.")


@click.group()
def command() -> None:
    """Look up addresses that a policy keeps as evidence (retention: ip_evidence_days).

    An address serves the protection of the site alone. A look-up needs a reason, a second person and ends by itself;
    each step is an entry of the ledger. What is shown is what an address did by the minute, never who it was: it is
    joined to no decision and no visitor.

    \b
    cookiegate ip ask --site shop --from 2026-11-20 --to 2026-11-21 --by aoki \\
        --reason "flood of refused decisions, ticket 4711"
    cookiegate ip approve L-7K3M-9QXT --by tanaka
    cookiegate ip show L-7K3M-9QXT --by aoki
    """


@command.command()
@click.option("--site", required=True, help="Whose visitors.")
@click.option("--from", "from_ms", type=Instant(), required=True, help="First moment.")
@click.option("--to", "to_ms", type=Instant(), required=True, help="Moment after the last, at most 31 days later.")
@click.option("--address", help="One address; all of that time when not given.")
@click.option("--reason", required=True, help="Why. It goes into the ledger as it stands: name no visitor.")
@_by_option
@passphrase_option
@data_dir_option
def ask(
    site: str,
    from_ms: int,
    to_ms: int,
    address: str | None,
    reason: str,
    by: str,
    passphrase_file: Path | None,
    data_dir: Path | None,
) -> None:
    """Ask for a look-up. Nothing is shown before a second person approves."""
    passphrase = ask_passphrase(passphrase_file, by)
    with opened_record(data_dir) as storage:
        officer = Officers(storage, SystemClock()).authenticate(by, passphrase, "look-up")
        lookup = _lookups(storage).ask(officer, site, from_ms, to_ms, reason, address)
    click.echo(f"{lookup.id} waits for a second person: cookiegate ip approve {lookup.id} --by NAME")


@command.command()
@click.argument("lookup_id", metavar="ID")
@click.option(
    "--for-minutes",
    type=click.IntRange(1, OPEN_MAX_S // MINUTE_S),
    default=60,
    show_default=True,
    help="How long it may be used.",
)
@_by_option
@passphrase_option
@data_dir_option
def approve(lookup_id: str, for_minutes: int, by: str, passphrase_file: Path | None, data_dir: Path | None) -> None:
    """Allow the look-up ID, as someone other than who asked."""
    passphrase = ask_passphrase(passphrase_file, by)
    with opened_record(data_dir) as storage:
        officer = Officers(storage, SystemClock()).authenticate(by, passphrase, "approve")
        lookup = _lookups(storage).approve(officer, lookup_id, for_minutes * MINUTE_S)
    click.echo(f"{lookup.id} may be used by {lookup.asked_by} until {rfc3339(lookup.open_until_ms or 0)}")


@command.command()
@click.argument("lookup_id", metavar="ID")
@_by_option
@form_option
@passphrase_option
@data_dir_option
def show(lookup_id: str, by: str, form: Form, passphrase_file: Path | None, data_dir: Path | None) -> None:
    """Show what the approved look-up ID finds. That it was shown is recorded first."""
    passphrase = ask_passphrase(passphrase_file, by)
    with opened_record(data_dir) as storage:
        officer = Officers(storage, SystemClock()).authenticate(by, passphrase, "look-up")
        found = _lookups(storage).use(officer, lookup_id)
    rows = [
        {
            "minute": rfc3339(item.minute_ms),
            "address": item.address,
            "act": item.act,
            "status": item.status,
            "count": item.count,
        }
        for item in found
    ]
    print_rows(rows, ("minute", "address", "act", "status", "count"), form)


@command.command("list")
@form_option
@data_dir_option
def list_(form: Form, data_dir: Path | None) -> None:
    """Show every look-up that was asked for, without its address."""
    clock = SystemClock()
    with opened_record(data_dir) as storage:
        found = _lookups(storage).every()
    rows = [
        {
            "id": item.id,
            "state": item.state(clock.now_ms()),
            "site": item.site,
            "from": rfc3339(item.from_ms),
            "to": rfc3339(item.to_ms),
            "asked_by": item.asked_by,
            "asked_at": rfc3339(item.asked_at_ms),
            "approved_by": item.approved_by,
            "used": item.used,
            "reason": item.reason,
        }
        for item in found
    ]
    columns = ("id", "state", "site", "from", "to", "asked_by", "asked_at", "approved_by", "used", "reason")
    print_rows(rows, columns, form)


def _lookups(storage: Storage) -> IpLookups:
    clock = SystemClock()
    return IpLookups(storage, IpEvidence(storage, clock), clock)
