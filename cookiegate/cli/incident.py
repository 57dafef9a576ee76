"""``cookiegate incident``: the file of an accident."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from tqdm import tqdm

from cookiegate.cli.instants import Instant
from cookiegate.cli.records import data_dir_option, opened_record
from cookiegate.cli.tables import Form, form_option, print_rows
from cookiegate.clock import SystemClock, rfc3339
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.incidents.clocks import CAUSES, Cause, deadlines
from cookiegate.rights.incidents.incidents import FIELDS, Incident, Incidents, IncidentTexts, NewIncident
from cookiegate.rights.incidents.report import LANGUAGES, clock_lines, write_report
from cookiegate.storage.contract import Storage

_Function = TypeVar("_Function", bound=Callable[..., Any])
_fields = click.Choice(FIELDS)


def _by_option(function: _Function) -> _Function:
    return click.option("--by", default=getpass.getuser, metavar="NAME", help="Who acts. [default: your user name]")(
        function
    )


@click.group()
def command() -> None:
    """An accident, from the first suspicion to its end.

    Opening a file tells the responsible manager by e-mail at once. The clocks of APPI 26 and GDPR 33 run from the
    moment that anyone knew of it.

    \b
    cookiegate incident open --site shop --cause misconfiguration --fields ip --fields browsing \\
        --from 2026-11-01 --to 2026-11-20 --known-at 2026-11-21T09:00:00Z \\
        --summary "The bucket of the analytics log was readable by anyone."
    cookiegate incident affected I-7K3M-9QXT      who was within reach
    cookiegate incident notify I-7K3M-9QXT        their own page, the notice page, your systems
    cookiegate incident report I-7K3M-9QXT        what the regulator is told, with the clocks
    cookiegate incident close I-7K3M-9QXT
    """


@command.command("open")
@click.option("--site", required=True, help="Where it happened.")
@click.option("--cause", required=True, type=click.Choice(tuple(CAUSES)), help="As far as known.")
@click.option("--fields", "fields", multiple=True, required=True, type=_fields, help="What may have leaked; repeat it.")
@click.option("--from", "from_ms", type=Instant(), required=True, help="When it began.")
@click.option("--to", "to_ms", type=Instant(), required=True, help="When it was over.")
@click.option("--known-at", "known_at_ms", type=Instant(), required=True, help="When anyone first knew of it.")
@click.option("--summary", required=True, help="What happened, in a sentence or two.")
@click.option("--suspected", is_flag=True, help="Nothing is proved yet.")
@_by_option
@data_dir_option
def open_(
    site: str,
    cause: Cause,
    fields: tuple[str, ...],
    from_ms: int,
    to_ms: int,
    known_at_ms: int,
    summary: str,
    suspected: bool,
    by: str,
    data_dir: Path | None,
) -> None:
    """Open a file and tell the responsible manager."""
    new = NewIncident(site, cause, fields, from_ms, to_ms, known_at_ms, IncidentTexts(summary), suspected)
    with opened_record(data_dir) as storage:
        incident = _incidents(storage).open(new, by=by)
        email = PolicyBook(storage, SystemClock()).current(site).policy.controller.email
    click.echo(f"{incident.id} is open; {_told(email)}")
    for line in clock_lines(incident, "en", SystemClock().now_ms()):
        click.echo(line)


@command.command()
@click.argument("incident_id", metavar="ID")
@click.option("--fields", "fields", multiple=True, type=_fields, help="Better known by now; repeat it.")
@click.option("--from", "from_ms", type=Instant(), help="Better known by now.")
@click.option("--to", "to_ms", type=Instant(), help="Better known by now.")
@click.option(
    "--subjects", type=click.Path(path_type=Path, dir_okay=False), help="Also write their pseudonyms to a file."
)
@_by_option
@data_dir_option
def affected(
    incident_id: str,
    fields: tuple[str, ...],
    from_ms: int | None,
    to_ms: int | None,
    subjects: Path | None,
    by: str,
    data_dir: Path | None,
) -> None:
    """Find everyone whose data was within reach."""
    with opened_record(data_dir) as storage:
        incidents = _incidents(storage)
        total = storage.count_decisions(incidents.find(incident_id).site)
        with tqdm(total=total, unit=" decisions", disable=None, leave=False) as bar:
            found = incidents.affected(
                incident_id, by=by, from_ms=from_ms, to_ms=to_ms, fields=fields or None, progress=bar.update
            )
        if subjects is not None:
            subjects.touch(mode=0o600)
            subjects.write_text("".join(f"{sub}\n" for sub in incidents.subjects(incident_id)), encoding="utf-8")
    click.echo(f"{found.id}: {found.affected} affected")


@command.command()
@click.argument("incident_id", metavar="ID")
@_by_option
@data_dir_option
def notify(incident_id: str, by: str, data_dir: Path | None) -> None:
    """Notify: on the page of everyone affected, on the notice page, and through your systems (webhooks)."""
    with opened_record(data_dir) as storage:
        found = _incidents(storage).notify(incident_id, by=by)
    click.echo(f"{found.id}: {found.affected} notified")


@command.command()
@click.argument("incident_id", metavar="ID")
@click.option("--summary", help="What happened.")
@click.option("--harm", help="Secondary damage, or the risk of it.")
@click.option("--measures", help="What was done.")
@click.option("--prevention", help="What keeps it from happening again.")
@data_dir_option
def describe(incident_id: str, data_dir: Path | None, **texts: str | None) -> None:
    """Write more into the file."""
    given = {name: text for name, text in texts.items() if text is not None}
    with opened_record(data_dir) as storage:
        _incidents(storage).describe(incident_id, **given)
    click.echo(f"{incident_id}: {', '.join(given) or 'nothing'} written")


@command.command()
@click.argument("incident_id", metavar="ID")
@click.option("--lang", type=click.Choice(LANGUAGES), default="ja", show_default=True)
@data_dir_option
def report(incident_id: str, lang: str, data_dir: Path | None) -> None:
    """Print the regulator's report as it stands now, with its clocks."""
    clock = SystemClock()
    with opened_record(data_dir) as storage:
        incident = _incidents(storage).find(incident_id)
        policy = PolicyBook(storage, clock).current(incident.site).policy
    click.echo(write_report(incident, policy, lang, clock.now_ms()), nl=False)


@command.command()
@click.argument("incident_id", metavar="ID")
@click.option("--without-notice", metavar="REASON", help="Why nobody needed to be notified.")
@_by_option
@data_dir_option
def close(incident_id: str, without_notice: str | None, by: str, data_dir: Path | None) -> None:
    """Close the file."""
    with opened_record(data_dir) as storage:
        _incidents(storage).close(incident_id, by=by, without_notice=without_notice)
    click.echo(f"{incident_id} is closed")


@command.command("list")
@form_option
@data_dir_option
def list_(form: Form, data_dir: Path | None) -> None:
    """Show every file."""
    with opened_record(data_dir) as storage:
        rows = [_row(item) for item in _incidents(storage).every()]
    shown = ("id", "state", "site", "cause", "affected", "known_at", "next_due")
    print_rows(rows, tuple(rows[0]) if rows else shown, form, shown=shown)


@command.command()
@click.argument("incident_id", metavar="ID")
@data_dir_option
def show(incident_id: str, data_dir: Path | None) -> None:
    """Print one file as JSON."""
    with opened_record(data_dir) as storage:
        incident = _incidents(storage).find(incident_id)
    texts = {name: getattr(incident.texts, name) for name in incident.texts.__struct_fields__}
    click.echo(json.dumps({**_row(incident), **texts}, ensure_ascii=False, indent=2))


def _row(item: Incident) -> dict[str, Any]:
    now_ms = SystemClock().now_ms()
    next_due = next((due for due in deadlines(item.cause, item.known_at_ms) if due.at_ms > now_ms), None)
    return {
        "id": item.id,
        "state": item.state,
        "site": item.site,
        "cause": item.cause,
        "fields": list(item.fields),
        "affected": item.affected,
        "from": rfc3339(item.from_ms),
        "to": rfc3339(item.to_ms),
        "known_at": rfc3339(item.known_at_ms),
        "opened_by": item.opened_by,
        "next_due": rfc3339(next_due.at_ms) if next_due and item.state != "closed" else None,
    }


def _told(email: str | None) -> str:
    if email is None:
        return "the policy names no e-mail address: tell the responsible manager yourself"
    return f"a mail to {email} is in the outbox, and goes out where mail is set up"


def _incidents(storage: Storage) -> Incidents:
    clock = SystemClock()
    return Incidents(storage, PolicyBook(storage, clock), clock)
