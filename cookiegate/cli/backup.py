"""``cookiegate backup``: the whole record in a folder, taken while the service runs."""

from __future__ import annotations

from pathlib import Path

import click

from cookiegate.cli.records import data_dir_option, settings_of
from cookiegate.cli.stages import Stages
from cookiegate.clock import SystemClock
from cookiegate.errors import BackupError
from cookiegate.rights.copies.backing_up import UnsoundCopyError, back_up
from cookiegate.rights.copies.key_copies import keep_signing_keys, keep_subject_keys, refuse_other_keys
from cookiegate.rights.copies.manifest import RECORD

_folder = click.Path(file_okay=False, path_type=Path)


@click.command(name="backup")
@click.argument("target", type=_folder)
@data_dir_option
@click.option("--subject-keys", type=_folder, help="Also make this folder's copy of the subject keys the newest.")
@click.option("--keys", type=_folder, help="Also copy signing keys, secrets and the ledger's key to this folder.")
@click.option("--no-verify", is_flag=True, help="Do not derive the ledger again from the copy.")
@click.pass_context
def command(
    ctx: click.Context,
    target: Path,
    data_dir: Path | None,
    subject_keys: Path | None,
    keys: Path | None,
    no_verify: bool,
) -> None:
    """Copy the whole record into the new folder TARGET, while the service runs.

    TARGET appears whole, synced and verified, or not at all; the folder that it is made in must be there. It holds no
    key: without the subject keys nobody can read in it, and who is erased later cannot be read in it either. Copy the
    keys to other places, of which each holds one copy only, the newest. A copy of other keys is never replaced.

    \b
    Examples:
      cookiegate backup /backup/record/2026-11-22
      cookiegate backup /backup/record/2026-11-22 --subject-keys /elsewhere/subject-keys --keys /elsewhere/keys

    Any engine's backup can be restored on any other. Exits 1 when the record itself does not verify.
    """
    settings = settings_of(data_dir)
    for option, folder in (("--subject-keys", subject_keys), ("--keys", keys)):
        _refuse_together(option, folder, target, settings.data_dir)
    refuse_other_keys(settings.data_dir, keys, subject_keys)
    try:
        with Stages(copy="rows" if settings.database_url else "pages", verify="entries") as stages:
            made = back_up(settings, target, SystemClock(), is_verified=not no_verify, advance=stages)
    except UnsoundCopyError as error:
        for line in error.verified.findings.lines:
            click.echo(line)
        click.echo(f"Error [{error.code}]: {error.detail}", err=True)
        ctx.exit(1)
    facts, ledger = made.manifest, made.manifest.ledger
    size_mb = facts.files[RECORD].bytes / 1e6
    state = "verified, sound" if made.verified is not None else "not verified"
    click.echo(f"{target}: {ledger.size:,} sealed entries, {ledger.waiting:,} waiting, {size_mb:,.1f} MB; {state}")
    if subject_keys is not None:
        click.echo(f"subject keys: {keep_subject_keys(settings.data_dir, subject_keys)}")
    if keys is not None:
        click.echo(f"keys: {keep_signing_keys(settings.data_dir, keys)} files in {keys}")


def _refuse_together(option: str, folder: Path | None, target: Path, data_dir: Path) -> None:
    if folder is None:
        return
    for other in (target, data_dir):
        if other.absolute() in (folder.absolute(), *folder.absolute().parents):
            raise BackupError(f"{option} {folder} lies in {other}: keys that lie beside the record protect nobody")
