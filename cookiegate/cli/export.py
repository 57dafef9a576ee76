"""``cookiegate export``: the whole ledger as a file that can be verified without us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from cookiegate.clock import SystemClock
from cookiegate.errors import SiteUnknownError
from cookiegate.ledger.exporting import Exporter, export_file
from cookiegate.ledger.keyfile import read_ledger_key
from cookiegate.settings import read_settings
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.keys import KeyRing


@click.command("export")
@click.option(
    "--data-dir", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of the service's data."
)
@click.option(
    "--to", "target", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; compressed if its name ends in .gz.",
)  # fmt: skip
@click.option("--site", help="Only this site's entries; of others the hashes, so that the tree still verifies.")
def command(data_dir: Path | None, target: Path, site: str | None) -> None:
    """Write policies, notices, every entry with its salt and leaf, and every checkpoint as JSON lines.

    The file holds personal data in clear: it is made readable for you alone, and is to be kept as such. It appears
    whole or not at all. `cookiegate ledger verify --export FILE` checks it anywhere.

    \b
    Examples:
      cookiegate export --to ledger.jsonl.gz
      cookiegate export --to shop.jsonl --site shop
    """
    overrides: dict[str, Any] = {"data_dir": data_dir} if data_dir else {}
    settings = read_settings(**overrides)
    verifier = read_ledger_key(settings.data_dir).verifier  # before a database would be made
    storage = open_storage(settings)
    try:
        if site is not None and site not in storage.policies.sites():
            raise SiteUnknownError(f"no policy is published for the site {site!r}", site=site)
        jwks = KeyRing.open(settings.data_dir).jwks()
        with export_file(target) as out, tqdm(unit=" entries", unit_scale=True, disable=None) as bar:
            exporter = Exporter(storage, out, site=site, progress=bar.update)
            bar.total = exporter.size
            exporter.run(verifier, jwks, SystemClock().now_ms())
    finally:
        storage.close()
    kinds = (kind for kind in exporter.counts if kind not in ("header", "footer"))
    counts = ", ".join(f"{exporter.counts[kind]:,} {kind}" for kind in kinds)
    click.echo(f"{target}: {counts}", err=True)
