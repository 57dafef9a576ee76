"""``cookiegate keys``: the signing keys of a service."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from cookiegate.clock import rfc3339
from cookiegate.errors import KeyFileError
from cookiegate.tokens.keys import KeyRing

_data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: os.environ.get("COOKIEGATE_DATA_DIR", ".cookiegate"),
    help="Folder of the service's data. [default: $COOKIEGATE_DATA_DIR or .cookiegate]",
)


@click.group()
def command() -> None:
    """List, rotate and disable the signing keys.

    One key is active and signs. Passive keys no longer sign, but what they signed is still accepted. A disabled key is
    taken out of /.well-known/jwks.json: what it signed is refused. A running service takes changes over by itself.

    \b
    Every few months:
      cookiegate keys rotate
    When a key may have leaked:
      cookiegate keys rotate
      cookiegate keys disable KID
    """


@command.command("list")
@_data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def list_(data_dir: Path, as_json: bool) -> None:
    """Show every key and its state, oldest first."""
    entries = _open(Path(data_dir)).list()
    if as_json:
        found = [{"kid": item.kid, "state": item.state, "created_at": rfc3339(item.created_at_ms)} for item in entries]
        click.echo(json.dumps(found))
        return
    for item in entries:
        click.echo(f"{item.kid}  {item.state:<8}  {rfc3339(item.created_at_ms)}")


@command.command()
@_data_dir_option
def rotate(data_dir: Path) -> None:
    """Make a new active key; the former one turns passive."""
    click.echo(f"{_open(Path(data_dir)).rotate().kid} is active now; the former key still verifies.")


@command.command()
@click.argument("kid")
@_data_dir_option
def disable(kid: str, data_dir: Path) -> None:
    """Take the passive key KID out of the key set: what it signed is refused."""
    _open(Path(data_dir)).disable(kid)
    click.echo(f"{kid} is disabled: tokens and receipts that it signed no longer verify.")


def _open(data_dir: Path) -> KeyRing:
    if not (data_dir / "keys").is_dir():
        raise KeyFileError(f"there are no keys in {data_dir}; the service makes them on its first start")
    return KeyRing.open(data_dir)
