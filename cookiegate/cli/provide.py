"""``cookiegate provide``: the one way in which data leaves without consent, coded and recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import click
import msgspec
from marshmallow import ValidationError

from cookiegate.cli.tables import Form, form_option, print_rows
from cookiegate.clock import SystemClock
from cookiegate.errors import InvalidInputError, NotFoundError
from cookiegate.ledger.receipt_reading import read_receipt
from cookiegate.policy.exceptions import LEGAL_EXCEPTIONS
from cookiegate.policy.values import read_country
from cookiegate.rights.provision.exceptions import ExceptionalProvision, provide_by_exception
from cookiegate.rights.provision.provisions import Provision, Provisions
from cookiegate.settings import read_settings
from cookiegate.storage.contract import DecisionRow, Storage
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing

COLUMNS = (
    "id", "provided_at", "site", "exception", "article", "recipient", "country", "items", "reason", "by", "sub",
    "decision", "purpose",
)  # fmt: skip
_NEEDED = {
    "site": "--site",
    "recipient_name": "--recipient-name",
    "code": "--exception",
    "reason": "--reason",
    "items": "--items",
    "by": "--by",
}
_SHOWN = ("provided_at", "site", "exception", "article", "recipient", "items", "by", "reason")


@click.command()
@click.option("--site", metavar="SITE", help="The site whose data leaves; with --list, only this one.")
@click.option("--recipient-name", metavar="TEXT", help="Who gets the data.")
@click.option("--country", metavar="CODE", default="JP", show_default=True, help="Where they are (ISO 3166).")
@click.option("--exception", "code", type=click.Choice(list(LEGAL_EXCEPTIONS)), help="The legal exception.")
@click.option("--reason", metavar="TEXT", help="Why it applies: which law, which danger, why nobody can be asked.")
@click.option("--decision", "decision_id", metavar="ID", help="A decision of the person whose data leaves.")
@click.option(
    "--receipt", "receipt_file", type=click.Path(path_type=Path, dir_okay=False), help="Or a receipt of theirs."
)
@click.option("--items", metavar="A,B", help="What is provided, item by item.")
@click.option("--by", metavar="NAME", help="Who decided.")
@click.option(
    "--list",
    "listing",
    is_flag=True,
    help="Print every use of an exception instead; with --decision or --receipt, of one person.",
)
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the database.")
@form_option
@click.pass_context
def command(
    context: click.Context, /, listing: bool, site: str | None, data_dir: Path | None, form: Form, **given: Any
) -> None:
    """Record that data is provided without consent, under a legal exception; then provide it, not before.

    The code of the exception goes into the ledger for good; who, whose, what and why are kept encrypted for as long as
    the policy keeps records of provision, and are disclosed to the person on request.

    \b
    cookiegate provide --site shop --recipient-name "Chiyoda Tax Office" --exception law \\
      --reason "Inquiry of 2026-11-20 under the National Tax General Act, article 74-2" \\
      --decision 019a… --items "access log of 2026-11-02" --by "Taro Wakaba"
    cookiegate provide --list --format csv > exceptions.csv
    cookiegate provide --list --receipt receipt.json       of one person, before the desk answers a disclosure

    The exceptions (APPI, article 27, paragraph 1): law, life_body_property, public_health_child,
    government_cooperation, academic_publication, academic_sharing, academic_research.
    """
    if not listing:
        _check_options(site, given)
    settings = read_settings(data_dir=data_dir) if data_dir else read_settings()
    storage = open_storage(settings)
    context.call_on_close(storage.close)
    keyring = KeyRing.open(settings.data_dir)
    provisions = Provisions(storage, keyring.secret("provision"), SystemClock())
    if listing:
        found = provisions.exceptional(site)
        if given["decision_id"] or given["receipt_file"]:
            sub = _subject(storage, keyring, given["decision_id"], given["receipt_file"])
            found = [provision for provision in found if provision.sub == sub]
    else:
        decision = _find(storage, keyring, str(site), given["decision_id"], given["receipt_file"])
        found = [provide_by_exception(provisions, _given(given), decision, SystemClock().now_ms())]
    print_rows([_row(provision) for provision in found], COLUMNS, form, shown=_SHOWN)


def _check_options(site: str | None, given: dict[str, Any]) -> None:
    missing = [option for name, option in _NEEDED.items() if not {"site": site, **given}[name]]
    if missing:
        raise click.UsageError(f"needed: {', '.join(missing)}")
    if bool(given["decision_id"]) == bool(given["receipt_file"]):
        raise click.UsageError("name the person by one of --decision and --receipt")


def _given(given: dict[str, Any]) -> ExceptionalProvision:
    try:
        country = read_country(given["country"])
    except ValidationError as error:
        raise click.UsageError(f"--country: {str(error.messages[0]).splitlines()[0]}") from error
    return ExceptionalProvision(
        code=given["code"],
        reason=given["reason"].strip(),
        recipient_name=given["recipient_name"].strip(),
        country=country,
        items=tuple(item.strip() for item in given["items"].split(",") if item.strip()),
        by=given["by"].strip(),
    )


def _find(
    storage: Storage, keyring: KeyRing, site: str, decision_id: str | None, receipt_file: Path | None
) -> DecisionRow:
    if receipt_file is not None:
        decision_id = read_receipt(_read(receipt_file), PublicKeys(keyring.jwks())).decision_id
    row = storage.decision(str(decision_id))
    if row is None or row.site != site:
        raise NotFoundError(f"site {site} has no such decision")
    return row


def _subject(storage: Storage, keyring: KeyRing, decision_id: str | None, receipt_file: Path | None) -> str | None:
    """Whose provisions are asked for; a receipt still tells it after the record was erased."""
    if receipt_file is not None:
        receipt = read_receipt(_read(receipt_file), PublicKeys(keyring.jwks()))
        return cast("str | None", json.loads(receipt.record)["sub"])
    row = storage.decision(str(decision_id))
    if row is None or row.sub is None:
        raise NotFoundError("no such decision, or one that names nobody")
    return row.sub


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read as text") from error


def _row(provision: Provision) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(provision)
    row["exception"], row["article"] = provision.ground, LEGAL_EXCEPTIONS.get(provision.ground, "")
    row["recipient"] = next(iter(provision.recipient_name.values()), provision.recipient)
    return {name: row[name] for name in COLUMNS}
