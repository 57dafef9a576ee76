"""``cookiegate requests``: the privacy officer's desk."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import cast

import click

from cookiegate.cli.records import data_dir_option
from cookiegate.cli.request_opening import by_option, opened_office
from cookiegate.cli.request_reading import list_, report, show
from cookiegate.policy.locales import negotiate
from cookiegate.rights.delivery.mail import check_address
from cookiegate.rights.requests.case import Channel, Method
from cookiegate.rights.requests.deadlines import RESIDENCES, Residence
from cookiegate.rights.requests.files import RequestFile
from cookiegate.rights.requests.grounds import GROUNDS, Outcome
from cookiegate.rights.requests.intake import Application
from cookiegate.rights.requests.kinds import KINDS, Kind

_OUTCOMES: dict[str, Outcome] = {
    "granted": "granted", "partly": "partly", "alternative": "alternative_measure", "refused": "refused",
}  # fmt: skip
_text_option = click.option("--text", default="", help="For the person to read.")
_reference = click.argument("reference")


@click.group()
def command() -> None:
    """Requests of persons about their data: the desk's side.

    \b
    cookiegate requests list                              what waits, late ones first
    cookiegate requests show R-7K3M-9QXT                  everything about one
    cookiegate requests ask-identity R-7K3M-9QXT          ask for a document
    cookiegate requests verify R-7K3M-9QXT                it is them; documents are destroyed
    cookiegate requests decide R-7K3M-9QXT --outcome refused --ground harm_to_rights --text "…"
    cookiegate requests carry-out R-7K3M-9QXT             do it, or note that it was done
    cookiegate requests report --from 2026-01-01 --to 2027-01-01

    Mails name the address of the service: set COOKIEGATE_BASE_URL as the service has it.
    """


for _reading in (list_, show, report):
    command.add_command(_reading)


@command.command("open")
@click.option("--site", required=True, help="Whose data it is about.")
@click.option("--kind", required=True, type=click.Choice(list(KINDS)), help="What is asked for.")
@click.option("--residence", default="other", show_default=True, type=click.Choice(RESIDENCES), help="Where they live.")
@click.option("--locale", default="ja", show_default=True, help="Language of the answer.")
@click.option("--name", default="", help="Of whoever wrote.")
@click.option("--email", help="Of whoever wrote.")
@click.option("--message", default="", help="What they wrote.")
@click.option("--agent", help="Name of the agent, if one wrote.")
@click.option("--authority", help="Why the agent may act.")
@by_option
@data_dir_option
def open_(
    site: str,
    kind: str,
    residence: str,
    locale: str,
    name: str,
    email: str | None,
    message: str,
    agent: str | None,
    authority: str | None,
    by: str,
    data_dir: Path | None,
) -> None:
    """Enter a request that came by letter or telephone; prints its reference and the code for the person."""
    with opened_office(data_dir) as office:
        application = Application(
            site=site,
            kind=cast(Kind, kind),
            residence=cast(Residence, residence),
            locale=negotiate(office.book.current(site).policy, locale, None),
            message=message,
            name=name,
            email=check_address(email) if email else None,
            agent=agent,
            authority=authority,
        )
        received = office.reception.receive(application, secrets.token_urlsafe(24), by=by)
    click.echo(f"{received.file.reference}  code {received.code}")


@command.command()
@_reference
@click.option(
    "--method", type=click.Choice(["document", "desk", "address"]), help="[default: document if one was sent]"
)
@by_option
@data_dir_option
def verify(reference: str, method: str | None, by: str, data_dir: Path | None) -> None:
    """The person (and the agent) are who they say. Ends the check: documents are destroyed."""
    with opened_office(data_dir) as office:
        given = office.casebook.read(reference).case.identity == "given"
        chosen = cast(Method, method or ("document" if given else "desk"))
        _say(office.desk.verify(reference, by, chosen))


@command.command("ask-identity")
@_reference
@_text_option
@by_option
@data_dir_option
def ask_identity(reference: str, text: str, by: str, data_dir: Path | None) -> None:
    """Ask the person for a proof of identity."""
    with opened_office(data_dir) as office:
        _say(office.desk.ask_identity(reference, by, text))


@command.command()
@_reference
@click.option("--amount", required=True, help="Such as '500 JPY'.")
@_text_option
@by_option
@data_dir_option
def fee(reference: str, amount: str, text: str, by: str, data_dir: Path | None) -> None:
    """Ask for a fee; outside Japan only with a reason."""
    with opened_office(data_dir) as office:
        _say(office.desk.quote_fee(reference, by, amount, text))


@command.command()
@_reference
@click.option("--waived", is_flag=True, help="It is not asked for any more.")
@by_option
@data_dir_option
def paid(reference: str, waived: bool, by: str, data_dir: Path | None) -> None:
    """The fee was paid, or waived."""
    with opened_office(data_dir) as office:
        _say(office.desk.settle_fee(reference, by, waived=waived))


@command.command()
@_reference
@click.option("--outcome", required=True, type=click.Choice(list(_OUTCOMES)))
@click.option("--ground", type=click.Choice(list(GROUNDS)), metavar="CODE", help="Needed for all but granted.")
@_text_option
@click.option("--value", default="", help="What a correction or addition records from now on.")
@click.option("--investigation", default="", help="What was looked into and found; for the file alone.")
@by_option
@data_dir_option
def decide(
    reference: str,
    outcome: str,
    ground: str | None,
    text: str,
    value: str,
    investigation: str,
    by: str,
    data_dir: Path | None,
) -> None:
    """Decide, and tell the person: also when it is a refusal."""
    with opened_office(data_dir) as office:
        decided = office.desk.decide(
            reference, by, _OUTCOMES[outcome], ground=ground, text=text, value=value, investigation=investigation
        )
    _say(decided)


@command.command()
@_reference
@_text_option
@by_option
@data_dir_option
def extend(reference: str, text: str, by: str, data_dir: Path | None) -> None:
    """Take the longer time that the law allows, and tell the person why (--text)."""
    with opened_office(data_dir) as office:
        _say(office.desk.extend(reference, by, text))


@command.command("carry-out")
@_reference
@_text_option
@by_option
@data_dir_option
def carry_out(reference: str, text: str, by: str, data_dir: Path | None) -> None:
    """Do what was decided; where only you can, say in --text what you did."""
    with opened_office(data_dir) as office:
        file = office.serving.carry_out(reference, by, text)
    _say(file)
    if file.case.state == "decided":
        click.echo("Systems that hold the data have been told; it is carried out when they have acknowledged.")


@command.command()
@_reference
@click.option("--channel", default="letter", show_default=True, type=click.Choice(["letter", "page", "mail"]))
@by_option
@data_dir_option
def notify(reference: str, channel: str, by: str, data_dir: Path | None) -> None:
    """Note that the person was told, where no e-mail could do it."""
    with opened_office(data_dir) as office:
        _say(office.desk.notify(reference, by, cast(Channel, channel)))


@command.command()
@_reference
@_text_option
@by_option
@data_dir_option
def route(reference: str, text: str, by: str, data_dir: Path | None) -> None:
    """Note that a complaint was passed to the supervisory authority (--text: which, under which number)."""
    with opened_office(data_dir) as office:
        _say(office.desk.route(reference, by, text))


def _say(file: RequestFile) -> None:
    case = file.case
    told = f", told by {case.notified_by}" if case.notified_by else ""
    click.echo(f"{file.reference}: {case.state}{f' ({case.outcome})' if case.outcome else ''}{told}")
