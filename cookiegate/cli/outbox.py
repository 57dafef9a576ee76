"""``cookiegate outbox``: mails and webhooks that wait or could not be delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from cookiegate.cli.records import data_dir_option, opened_record
from cookiegate.cli.tables import Form, form_option, print_rows
from cookiegate.clock import SystemClock, rfc3339
from cookiegate.rights.delivery.outbox_rows import STATES, Outbox, OutboxRow, State

COLUMNS = ("id", "channel", "kind", "site", "about", "subscriber", "state", "attempts", "fault", "created_at", "due_at")
SHOWN = ("id", "kind", "about", "subscriber", "state", "attempts", "fault", "due_at")


@click.group()
def command() -> None:
    """Mails and webhooks on their way.

    What cannot be delivered is tried again for five days, then it has failed: nothing is dropped in silence. Without
    COOKIEGATE_SMTP_URL mails wait here.

    \b
    cookiegate outbox list
    cookiegate outbox list --state failed
    cookiegate outbox retry
    """


@command.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(STATES),
    default=("pending", "failed"),
    show_default=True,
    help="May be given again.",
)
@form_option
@data_dir_option
def list_(states: tuple[str, ...], form: Form, data_dir: Path | None) -> None:
    """Show what waits or has failed, oldest first; never to whom, and never what it says."""
    with opened_record(data_dir) as storage:
        found = Outbox(storage, SystemClock()).rows(cast(tuple[State, ...], states))
    print_rows([_row(row) for row in found], COLUMNS, form, shown=SHOWN)


@command.command()
@click.argument("ids", nargs=-1, metavar="[ID…]")
@data_dir_option
def retry(ids: tuple[str, ...], data_dir: Path | None) -> None:
    """Try again at once what has failed: the rows ID, or all of them."""
    with opened_record(data_dir) as storage:
        count = Outbox(storage, SystemClock()).retry(ids or None)
    click.echo(f"{count} will be tried again.")


def _row(row: OutboxRow) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in COLUMNS[:9]}
    return {**shown, "created_at": rfc3339(row.created_at_ms), "due_at": rfc3339(row.due_at_ms)}
