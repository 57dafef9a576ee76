"""``cookiegate evidence``: one decision with everything that proves it, for someone who need not believe us."""

from __future__ import annotations

import re
from pathlib import Path

import click

from cookiegate.cli.records import data_dir_option, settings_of
from cookiegate.clock import SystemClock
from cookiegate.ledger.checkpoint import origin_of_ledger
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS, Receipt, read_receipt
from cookiegate.sources.places import read_source
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.jws import PublicKeys
from cookiegate.web.evidence.gathering import EvidenceRoom
from cookiegate.web.evidence.page import LANGUAGES
from cookiegate.web.evidence.writing import check_evidence, write_evidence

_DECISION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@click.command(name="evidence")
@click.argument("decision")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    help="What to write: FILE.zip, FILE.html (one page with everything inside) or a folder. "
    "[default: evidence-DECISION.zip]",
)
@click.option(
    "--lang", type=click.Choice(LANGUAGES), default=LANGUAGES[0], show_default=True, help="Of the page's words."
)
@data_dir_option
@click.pass_context
def command(context: click.Context, decision: str, to: Path | None, lang: str, data_dir: Path | None) -> None:
    """Write the evidence of DECISION: its id, or the file of a receipt.

    What was decided and shown, the whole notice, record, receipt, inclusion proof and checkpoint, public keys, what
    happened since, and a small script that checks all of it without this program. Needs the data folder alone: neither
    the running service nor the network. After an erasure it shows what remains provable; with the visitor's own
    receipt that is everything.

    \b
    Examples:
      cookiegate evidence 019abcde-0000-7000-8000-000000000000
      cookiegate evidence receipt.json --to audit/ --lang ja

    Exits with 1 if a check fails: then the record was damaged, and the evidence says where.
    """
    settings, clock = settings_of(data_dir), SystemClock()
    storage = open_storage(settings)
    try:
        room = EvidenceRoom(settings, storage, clock)
        if room.ledger_name != origin_of_ledger(settings.base_url):
            click.echo(
                f"The ledger is named {room.ledger_name}, and COOKIEGATE_BASE_URL is {settings.base_url}: "
                "set it to the service's address, so that the receipt names it.",
                err=True,
            )
        receipt = None if _DECISION.fullmatch(decision) else _read(decision, room)
        evidence = room.gather(receipt.decision_id if receipt else decision, receipt)
    finally:
        storage.close()
    results = check_evidence(evidence)
    for path in write_evidence(evidence, results, to or Path(f"evidence-{evidence['id']}.zip"), lang):
        click.echo(path)
    faults = [f"{name}: {fault}" for name, fault in results if fault is not None]
    click.echo(f"{len(results) - len(faults)} of {len(results)} checks passed", err=True)
    for fault in faults:
        click.echo(f"FAIL {fault}", err=True)
    if faults:
        context.exit(1)


def _read(source: str, room: EvidenceRoom) -> Receipt:
    text = read_source(source, 4 * RECEIPT_LIMIT_CHARS).decode(errors="replace")
    return read_receipt(text, PublicKeys(room.keyring.jwks()))
