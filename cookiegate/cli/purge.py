"""``cookiegate purge``: disposes of what is past its retention period."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from tqdm import tqdm

from cookiegate.cli.records import data_dir_option, settings_of
from cookiegate.cli.tables import print_rows
from cookiegate.clock import SystemClock
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.holds import Holds
from cookiegate.rights.provision.provisions import Provisions
from cookiegate.rights.requests.casebook import Casebook
from cookiegate.rights.requests.links import RequestLinks
from cookiegate.rights.requests.messages import Messenger
from cookiegate.rights.restored import erase_again
from cookiegate.rights.retention.believed_time import BelievedTime
from cookiegate.rights.retention.record_types import open_retention
from cookiegate.rights.retention.retention import PurgeReport, Retention
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage
from cookiegate.storage.reshredding import reshred_all
from cookiegate.tokens.keys import KeyRing

COLUMNS = ("record_type", "site", "rule", "days", "count", "kept")


@click.command(name="purge")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option("--site", help="Of this site alone; else of every site, and what belongs to none.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write the report, as JSON, to this file too.",
)
@click.option("--clock-is-right", is_flag=True, help="Confirm the machine's clock where it is not believed.")
@data_dir_option
def command(
    dry_run: bool,
    site: str | None,
    as_json: bool,
    report_file: Path | None,
    clock_is_right: bool,
    data_dir: Path | None,
) -> None:
    """Dispose of what is past its retention period, for good.

    How long is in each policy, under `retention` and each purpose's `retention_days`. The service does the same every
    hour. What a legal hold or a restriction of use keeps stays, and is counted as kept. Cut off at any point, the next
    purge goes on; each finished piece is an entry of the ledger.

    \b
    cookiegate purge --dry-run
    cookiegate purge --site shop --report purge-2026-11.json

    A clock that is far from the time at which the record was last in use is not believed, and nothing is destroyed:
    look at `date`, then confirm it with --clock-is-right.

    It also looks at every key that was ever erased, and destroys again what an old copy of the key file brought back.
    """
    with _opened(data_dir) as (storage, retention):
        if not dry_run:
            time = BelievedTime(storage, SystemClock())
            (time.confirm if clock_is_right else time.insist)()
            _check_keys(storage)
        report = _purge(retention, site, dry_run)
    if report_file is not None:
        report_file.write_text(json.dumps(report.shown(), indent=2) + "\n", encoding="utf-8")
    if as_json:
        click.echo(json.dumps(report.shown(), indent=2))
    else:
        _print(report)


def _purge(retention: Retention, site: str | None, dry_run: bool) -> PurgeReport:
    shows_progress = sys.stderr.isatty() and not dry_run
    total = sum(tally.count for tally in retention.due(site)) if shows_progress else None
    with tqdm(total=total, unit=" records", desc="disposed", disable=not shows_progress, file=sys.stderr) as bar:
        return retention.purge(site=site, dry_run=dry_run, progress=bar.update)


def _check_keys(storage: Storage) -> None:
    if again := reshred_all(storage):
        click.echo(f"{again} erased keys had come back with an old copy of the key file; they are destroyed.", err=True)
    if lost := erase_again(storage, SystemClock()):
        click.echo(f"{lost} keys were destroyed after the backup that this record comes from; noted.", err=True)


def _print(report: PurgeReport) -> None:
    rows = [asdict(tally) for tally in report.tallies if tally.count or tally.kept]
    if rows:
        print_rows(rows, COLUMNS, "table")
    for hold in report.held:
        click.echo(f"Nothing of the site {hold.site} was looked at: hold {hold.id} ({hold.ground}).")
    word = "would be disposed of" if report.dry_run else "disposed of"
    click.echo(f"{report.count} records {word}.")


@contextmanager
def _opened(data_dir: Path | None) -> Iterator[tuple[Storage, Retention]]:
    settings, clock = settings_of(data_dir), SystemClock()
    storage = open_storage(settings)
    try:
        book, keyring = PolicyBook(storage, clock), KeyRing.open(settings.data_dir, clock)
        links = RequestLinks(keyring.secret("request"), settings.base_url)
        casebook = Casebook(storage, book, Messenger(storage.vault, book, links, settings.document_days), clock)
        provisions = Provisions(storage, keyring.secret("provision"), clock)
        holds = Holds(storage, clock)
        yield storage, open_retention(settings, storage, book, holds, clock, casebook=casebook, provisions=provisions)
    finally:
        storage.close()
