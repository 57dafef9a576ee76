"""``cookiegate keys``: the signing keys of a service."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click

from cookiegate.cli.records import settings_of
from cookiegate.clock import SystemClock, rfc3339
from cookiegate.errors import KeyFileError
from cookiegate.rights.copies.losses import accept_loss as give_up
from cookiegate.rights.copies.losses import count_lost
from cookiegate.storage.places import ServingLock
from cookiegate.tokens.keys import PUBLISHED_AHEAD_S, KeyEntry, KeyRing

#: Even in a hurry every node of this service knows a key before another one signs with it.
NODES_KNOW_S = 2

_data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: os.environ.get("COOKIEGATE_DATA_DIR", ".cookiegate"),
    help="Folder of the service's data. [default: $COOKIEGATE_DATA_DIR or .cookiegate]",
)


@click.group()
def command() -> None:
    """List, rotate and disable the signing keys; say that subject keys are lost.

    One key is active and signs. The next one is published, and signs when its time has come. Passive keys no longer
    sign, but what they signed is still accepted. A disabled key is taken out of /.well-known/jwks.json: what it signed
    is refused. A running service takes changes over by itself.

    \b
    Every few months:
      cookiegate keys rotate
    When a key may have leaked:
      cookiegate keys rotate --now
      cookiegate keys disable --now KID
    """


@command.command("list")
@_data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def list_(data_dir: Path, as_json: bool) -> None:
    """Show every key and its state, oldest first."""
    entries = _open(Path(data_dir)).list()
    if as_json:
        click.echo(json.dumps([_document(item) for item in entries]))
        return
    for item in entries:
        due = f"  {_BECOMES[item.state]} at {rfc3339(item.due_at_ms)}" if item.due_at_ms else ""
        click.echo(f"{item.kid}  {item.state:<8}  {rfc3339(item.created_at_ms)}{due}")


def _document(item: KeyEntry) -> dict[str, str | None]:
    due_at = rfc3339(item.due_at_ms) if item.due_at_ms else None
    return {"kid": item.kid, "state": item.state, "created_at": rfc3339(item.created_at_ms), "due_at": due_at}


_BECOMES = {"next": "active", "resting": "passive"}


@command.command()
@_data_dir_option
@click.option("--now", is_flag=True, help="Let the new key sign at once: the active one may be known to others.")
def rotate(data_dir: Path, now: bool) -> None:
    """Publish a new key, which becomes the active one in ten minutes; the former one turns passive.

    By then everybody who verifies has read the new key set, so that no valid token is refused. With --now it signs in
    two seconds: readers that keep the old key set refuse its tokens until they read it again, five minutes at most.
    """
    ring = _open(Path(data_dir))
    entry = ring.rotate(ahead_s=NODES_KNOW_S if now else PUBLISHED_AHEAD_S)
    if not now:
        click.echo(f"{entry.kid} is published; it becomes active at {rfc3339(entry.due_at_ms)}.")
        return
    while _find(ring, entry.kid).state == "next":
        time.sleep(0.1)
    click.echo(f"{entry.kid} is active now; the former key still verifies.")


@command.command()
@click.argument("kid")
@_data_dir_option
@click.option("--now", is_flag=True, help="Although tokens that it signed are still good: others may have the key.")
def disable(kid: str, data_dir: Path, now: bool) -> None:
    """Take the key KID, which does not sign, out of the key set: what it signed is refused.

    Refused while tokens that it signed may still be good, 17 minutes after its last one.
    """
    _open(Path(data_dir)).disable(kid, now=now)
    click.echo(f"{kid} is disabled: tokens and receipts that it signed no longer verify.")


@command.command("accept-loss")
@_data_dir_option
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
def accept_loss(data_dir: Path, yes: bool) -> None:
    """Go on although the newest copy of the subject keys is older than the record.

    The keys that it lacks are lost for good: what they encrypted cannot be read by anybody any more. Their people's
    payloads are emptied as if they had been erased, an entry of kind loss in the ledger says so, and the keys' numbers
    are never given out again. Stop the service first; look for a newer copy of keys.bin before that.
    """
    settings = settings_of(Path(data_dir))
    with ServingLock(settings, alone=True):
        count = count_lost(settings)
        if count and not yes:
            click.confirm(
                f"Give up {count:,} subject keys, and all that they encrypted, for good?", abort=True, err=True
            )
        told = give_up(settings, SystemClock())
    click.echo(f"{told:,} subject keys were given up; the ledger says so." if told else "No subject key is missing.")


def _find(ring: KeyRing, kid: str) -> KeyEntry:
    return next(item for item in ring.list() if item.kid == kid)


def _open(data_dir: Path) -> KeyRing:
    if not (data_dir / "keys").is_dir():
        raise KeyFileError(f"there are no keys in {data_dir}; the service makes them on its first start")
    return KeyRing.open(data_dir)
