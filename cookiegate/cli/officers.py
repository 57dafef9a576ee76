"""``cookiegate officers``: the persons in charge."""

from __future__ import annotations

from pathlib import Path

import click

from cookiegate.cli.passphrases import ask_new_passphrase, passphrase_option
from cookiegate.cli.records import data_dir_option, opened_record
from cookiegate.cli.tables import Form, form_option, print_rows
from cookiegate.clock import SystemClock, rfc3339
from cookiegate.rights.addresses.officers import ROLES, Officers


@click.group()
def command() -> None:
    """Who may ask for a look-up of addresses, and who may allow one.

    Each officer has a passphrase; only its Argon2id hash is stored. One person asks, another approves, and every step
    is in the ledger under their names.

    \b
    cookiegate officers add aoki --role look-up
    cookiegate officers add tanaka --role approve
    """


@command.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be given twice.")
@passphrase_option
@data_dir_option
def add(name: str, roles: tuple[str, ...], passphrase_file: Path | None, data_dir: Path | None) -> None:
    """Add the officer NAME; the passphrase is asked for."""
    passphrase = ask_new_passphrase(passphrase_file)
    with opened_record(data_dir) as storage:
        officer = Officers(storage, SystemClock()).add(name, passphrase, roles)
    click.echo(f"{officer.name} may: {', '.join(officer.roles)}")


@command.command("list")
@form_option
@data_dir_option
def list_(form: Form, data_dir: Path | None) -> None:
    """Show every officer, disabled ones too."""
    with opened_record(data_dir) as storage:
        found = Officers(storage, SystemClock()).every()
    rows = [
        {
            "name": item.name,
            "roles": list(item.roles),
            "added_at": rfc3339(item.added_at_ms),
            "disabled_at": None if item.disabled_at_ms is None else rfc3339(item.disabled_at_ms),
        }
        for item in found
    ]
    print_rows(rows, ("name", "roles", "added_at", "disabled_at"), form)


@command.command()
@click.argument("name")
@data_dir_option
def disable(name: str, data_dir: Path | None) -> None:
    """End what the officer NAME may do; the name stays listed, since the ledger mentions it."""
    with opened_record(data_dir) as storage:
        Officers(storage, SystemClock()).disable(name)
    click.echo(f"{name} may do nothing any more")
