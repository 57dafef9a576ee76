"""``cookiegate requests list``, ``show`` and ``report``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from cookiegate.cli.instants import Instant
from cookiegate.cli.records import data_dir_option
from cookiegate.cli.request_lines import describe, file_facts, list_text, sort_urgent
from cookiegate.cli.request_opening import opened_office
from cookiegate.cli.tables import table_text
from cookiegate.rights.requests.documents import IdentityDocument, open_documents
from cookiegate.rights.requests.report import report_requests

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")


@click.command("list")
@click.option("--site", help="Only this site's.")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@_json_option
@data_dir_option
def list_(site: str | None, everything: bool, as_json: bool, data_dir: Path | None) -> None:
    """What is open, late ones first. Nothing about the persons."""
    with opened_office(data_dir) as office:
        now_ms = office.casebook.now_ms()
        files = sort_urgent(office.casebook.files(site=site, open_only=not everything), now_ms)
        rows = [file_facts(file, now_ms) for file in files]
    click.echo(json.dumps(rows, indent=2) if as_json else list_text(list(rows)))


@click.command()
@click.argument("reference")
@click.option(
    "--documents", type=click.Path(path_type=Path, file_okay=False), help="Write the proofs of identity to a folder."
)
@_json_option
@data_dir_option
def show(reference: str, documents: Path | None, as_json: bool, data_dir: Path | None) -> None:
    """Everything about a request, the person and their words included."""
    with opened_office(data_dir) as office:
        file, now_ms = office.casebook.read(reference), office.casebook.now_ms()
        found = open_documents(office.casebook.storage, file.id) if documents else []
    if as_json:
        steps = [{**asdict(note.step), "by": note.by, "words": dict(note.words)} for note in file.notes]
        shown = {**file_facts(file, now_ms), "person": asdict(file.person), "steps": steps}
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        click.echo(describe(file, now_ms))
    if documents:
        _write_documents(documents, reference, found)


def _write_documents(folder: Path, reference: str, documents: list[IdentityDocument]) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number, document in enumerate(documents, 1):
        path = folder / f"{reference}-{number}.{document.media_type.partition('/')[2]}"
        path.touch(mode=0o600)
        path.write_bytes(document.content)
        click.echo(f"{path}: destroy it when you have seen it", err=True)


@click.command()
@click.option("--from", "from_ms", type=Instant(), required=True, help="First day.")
@click.option("--to", "to_ms", type=Instant(), required=True, help="Day after the last.")
@click.option("--site", help="Only this site's.")
@_json_option
@data_dir_option
def report(from_ms: int, to_ms: int, site: str | None, as_json: bool, data_dir: Path | None) -> None:
    """How many of each kind came in a period, how they ended, and how long it took."""
    with opened_office(data_dir) as office:
        cases = [file.case for file in office.casebook.files(site=site, open_only=False)]
        within = [case for case in cases if from_ms <= case.received_at_ms < to_ms]
        rows = [asdict(row) for row in report_requests(within, office.casebook.now_ms())]
    if as_json or not rows:
        click.echo(json.dumps(rows, indent=2) if as_json else "No requests were received in this period.")
    else:
        click.echo(table_text(rows, list(rows[0])))
