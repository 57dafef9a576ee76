"""``cookiegate restore``: a backup becomes the record of an empty place, and what is missing is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from cookiegate.cli.ledger import RECEIPT_LIMIT_BYTES, read_saved
from cookiegate.cli.stages import Stages
from cookiegate.clock import SystemClock
from cookiegate.ledger.receipt_reading import Receipt, read_receipt
from cookiegate.rights.copies.restoring import Order, Restored, restore
from cookiegate.settings import PREFIX, Settings, read_settings
from cookiegate.sources.places import read_source
from cookiegate.storage.places import ServingLock
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing

_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(name="restore")
@click.argument("source", type=_folder)
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder to restore into.")
@click.option(
    "--database-url",
    help="Database to restore into, of any engine; with a password better by COOKIEGATE_DATABASE_URL, since others see "
    "command lines. [default: SQLite in the data folder]",
)
@click.option("--subject-keys", type=_folder, help="Copy of the subject keys to bring; else those of the data folder.")
@click.option("--keys", type=_folder, help="Copy of the signing keys to bring; else those of the data folder.")
@click.option("--against", multiple=True, help="A checkpoint saved elsewhere, file or address; may be repeated.")
@click.option("--receipt", "receipts", multiple=True, help="A visitor's receipt, a file; may be repeated.")
@click.option("--accept-missing", is_flag=True, help="Restore although entries are missing at the end.")
@click.option("--accept-lost-keys", is_flag=True, help="Give up subject keys that every copy lacks or has damaged.")
@click.option(
    "--nothing-since", is_flag=True,
    help="You vouch that nothing was recorded after the backup: the service was stopped before it and never ran since.",
)  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    source: Path,
    data_dir: Path | None,
    database_url: str | None,
    subject_keys: Path | None,
    keys: Path | None,
    against: tuple[str, ...],
    receipts: tuple[str, ...],
    accept_missing: bool,
    accept_lost_keys: bool,
    nothing_since: bool,
) -> None:
    """Make the backup in the folder SOURCE the record of an empty place.

    The copy is compared with its manifest, derived again from its payloads up to the signed roots, and compared with
    what others kept: --against a checkpoint that was saved elsewhere, and --receipt of visitors. Record and keys appear
    whole, or not at all. No service may use the data folder meanwhile: for a drill name another one.

    Somebody may have withdrawn after the backup was taken, and nobody knows who. So no consent of the copy is used
    until its person has confirmed it, and no token from before is accepted, unless you say --nothing-since.

    \b
    Examples:
      cookiegate restore /backup/2026-11-22 --data-dir new --keys /k --subject-keys /s --against saved.txt
      cookiegate restore /backup/2026-11-22 --database-url postgresql://…/cookiegate --nothing-since

    Exits 0 when it is restored, 1 when the copy is not sound, 3 when entries are missing and --accept-missing was not
    said; then nothing was changed.
    """
    settings = _settings(data_dir, database_url)
    order = Order(
        source=source,
        keys=keys,
        subject_keys=subject_keys,
        saved=lambda verifier: [(place, read_saved(place, verifier)) for place in against],
        receipts=lambda ring: [(place, _read_receipt(place, ring)) for place in receipts],
        accept_missing=accept_missing,
        accept_lost_keys=accept_lost_keys,
        nothing_since=nothing_since,
    )
    stages = Stages(check="B", take="rows", verify="entries", confirm="consents", copy="rows")
    with ServingLock(settings, alone=True), stages:
        restored = restore(settings, order, SystemClock(), stages)
    _show(restored)
    ctx.exit(0 if restored.is_done else 1 if restored.findings else 3)


def _settings(data_dir: Path | None, database_url: str | None) -> Settings:
    overrides: dict[str, Any] = {"data_dir": data_dir} if data_dir else {}
    if database_url:
        overrides["database_url"] = database_url
    environ = {name: text for name, text in os.environ.items() if not database_url or not name.startswith(_DATABASE)}
    return read_settings(environ, **overrides)


_DATABASE = f"{PREFIX}DATABASE_URL"


def _read_receipt(place: str, ring: KeyRing) -> Receipt:
    return read_receipt(read_source(place, RECEIPT_LIMIT_BYTES).decode(errors="replace"), PublicKeys(ring.jwks()))


def _show(restored: Restored) -> None:
    manifest, size = restored.manifest, restored.size
    for line in restored.findings.lines:
        click.echo(line)
    click.echo(f"backup of {manifest.taken_at}, {manifest.engine}: {size:,} entries")
    for name, checkpoint in restored.saved:
        click.echo(_compared(name, checkpoint.size, size))
    for name, proved in restored.receipts:
        where = "is missing" if proved.position is None else f"is at position {proved.position:,}"
        click.echo(f"receipt {name}: decision {proved.receipt.decision_id} {where}")
    if restored.erased or restored.lost:
        click.echo(f"{restored.erased:,} erased since, and erased again; {restored.lost:,} keys were given up")
    if restored.findings:
        if set(restored.findings.counts) & {"payload_changed", "key_gone"}:
            click.echo(
                "The file of the record is what was backed up. Where payloads do not open, the keys may be damaged: "
                f"{restored.key_file}; try another copy of them with --subject-keys"
            )
        click.echo("NOT RESTORED: the copy is not sound")
    elif not restored.is_done:
        click.echo("NOT RESTORED: look for a newer backup, or say --accept-missing")
    elif restored.is_lossy:
        click.echo(
            f"restored; {restored.to_confirm:,} consents wait until their person confirms them. Tokens from before are "
            "refused; receipts from before verify again in 17 minutes"
        )
    else:
        click.echo("restored; every consent holds as it was")


def _compared(name: str, outside: int, here: int) -> str:
    if outside <= here:
        return f"{name}: the outside checkpoint has {outside:,} entries, and this copy holds them all"
    return (
        f"{name}: the outside checkpoint has {outside:,} entries, this copy {here:,}: {outside - here:,} "
        f"{'entry' if outside - here == 1 else 'entries'} from position {here:,} on "
        f"{'is' if outside - here == 1 else 'are'} missing"
    )
