"""``cookiegate hold``: legal holds."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click

from cookiegate.cli.instants import Instant
from cookiegate.cli.records import data_dir_option, opened_record, settings_of
from cookiegate.cli.tables import Form, form_option, print_rows
from cookiegate.clock import SystemClock, rfc3339
from cookiegate.errors import NotFoundError, SiteUnknownError
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS, read_receipt
from cookiegate.rights.holds import GROUNDS, Hold, HoldGround, Holds
from cookiegate.settings import Settings
from cookiegate.sources.places import read_source
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing

COLUMNS = ("id", "site", "scope", "ground", "reason", "placed_by", "placed_at", "until", "released_at")
SHOWN = ("id", "site", "scope", "ground", "until", "released_at", "reason")
_by_option = click.option("--by", default=getpass.getuser, metavar="NAME", help="Who acts. [default: your user name]")


@click.group()
def command() -> None:
    """Keep what a court or an authority may still ask for.

    A hold stops erasure and retention for one person, or for a whole site, from the moment it is placed. Each hold and
    its end are entries of the ledger. A request for deletion meanwhile is refused with the hold's ground.

    \b
    cookiegate hold add --decision 019abcde-0000-7000-8000-000000000000 --reason "case 2026-123"
    cookiegate hold add --site shop --ground legal_obligation --reason "audit by the PPC" --until 2027-03-31
    cookiegate hold list
    cookiegate hold release 019abcde-0000-7000-8000-000000000001
    """


@command.command()
@click.option("--decision", metavar="ID", help="Of the person who took this decision.")
@click.option("--receipt", metavar="FILE", help="Of the person whose receipt this is.")
@click.option("--site", help="Of everybody at this site.")
@click.option("--reason", required=True, help="The matter. It stays readable in the ledger: name no person.")
@click.option("--ground", type=click.Choice(GROUNDS), default=GROUNDS[0], show_default=True, help="Why, as a code.")
@click.option("--until", "until_ms", type=Instant(), help="When it ends by itself. [default: when it is released]")
@_by_option
@data_dir_option
def add(
    decision: str | None,
    receipt: str | None,
    site: str | None,
    reason: str,
    ground: str,
    until_ms: int | None,
    by: str,
    data_dir: Path | None,
) -> None:
    """Place a hold: name a decision, a receipt, or a site."""
    if sum(given is not None for given in (decision, receipt, site)) != 1:
        raise click.UsageError("give one of --decision, --receipt and --site")
    settings = settings_of(data_dir)
    storage = open_storage(settings)
    try:
        held_site, key_id = _whom(storage, settings, decision, receipt, site)
        hold = Holds(storage, SystemClock()).place(
            held_site, key_id=key_id, reason=reason, by=by, ground=cast(HoldGround, ground), until_ms=until_ms
        )
    finally:
        storage.close()
    click.echo(f"{hold.id} holds {'everything of' if key_id is None else 'one person at'} {hold.site}.")


@command.command()
@click.argument("hold_id", metavar="ID")
@_by_option
@data_dir_option
def release(hold_id: str, by: str, data_dir: Path | None) -> None:
    """End the hold ID; what became due meanwhile goes with the next purge."""
    with opened_record(data_dir) as storage:
        hold = Holds(storage, SystemClock()).release(hold_id, by=by)
    click.echo(f"{hold.id} is released.")


@command.command("list")
@click.option("--site", help="Only of this site.")
@click.option("--all", "with_ended", is_flag=True, help="Those that have ended, too.")
@form_option
@data_dir_option
def list_(site: str | None, with_ended: bool, form: Form, data_dir: Path | None) -> None:
    """Show the holds that stand, oldest first."""
    with opened_record(data_dir) as storage:
        found = Holds(storage, SystemClock()).list(site, standing=not with_ended)
    print_rows([_row(hold) for hold in found], COLUMNS, form, shown=SHOWN)


def _whom(
    storage: Storage, settings: Settings, decision: str | None, receipt: str | None, site: str | None
) -> tuple[str, int | None]:
    """The site, and the person's key unless the whole site is meant."""
    if site is not None:
        if site not in storage.policies.sites():
            raise SiteUnknownError(f"no policy is published for the site {site!r}", site=site)
        return site, None
    if receipt is not None:
        keys = PublicKeys(KeyRing.open(settings.data_dir, SystemClock()).jwks())
        text = read_source(receipt, limit_bytes=4 * RECEIPT_LIMIT_CHARS).decode(errors="replace")
        decision = read_receipt(text, keys).decision_id
    row = storage.decision(str(decision))
    if row is None:
        raise NotFoundError("there is no decision with this id")
    return row.site, row.key_id


def _row(hold: Hold) -> dict[str, Any]:
    times = {name: getattr(hold, f"{name}_ms") for name in ("placed_at", "until", "released_at")}
    texts = {name: None if at_ms is None else rfc3339(at_ms) for name, at_ms in times.items()}
    return {**asdict(hold), **texts, "scope": hold.facts()["scope"]}
