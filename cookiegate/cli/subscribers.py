"""``cookiegate subscribers``: your systems that are told of withdrawals, erasures, suspensions and requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cookiegate.cli.records import data_dir_option, opened_record
from cookiegate.cli.tables import Form, form_option, print_rows
from cookiegate.clock import Clock, SystemClock, rfc3339
from cookiegate.rights.delivery.state import Lag, read_lags
from cookiegate.rights.delivery.subscriber_rows import OWN_FILES, Subscriber, read_events
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.storage.contract import Storage

COLUMNS = ("name", "site", "state", "events", "url", "waiting", "oldest_s", "fault")
_ONCE = "Keep it now: it is not shown again."


@click.group()
def command() -> None:
    """Systems of yours that hold events and must be told what they may no longer use.

    A subscriber with --url gets signed webhooks (Standard Webhooks); one without asks at /v1/streams/<stream>. An
    erasure counts as carried out when every subscriber has acknowledged it.

    \b
    cookiegate subscribers add warehouse --events consent.erase,consent.withdrawn
    cookiegate subscribers add crm --events 'request.*' --url https://crm.example.jp/hooks
    cookiegate subscribers list
    """


@command.command()
@click.argument("name")
@click.option(
    "--events",
    multiple=True,
    required=True,
    metavar="KIND,…",
    help="consent.withdrawn, consent.erase, consent.suspend, consent.resume, request.*, incident.*, policy.*",
)
@click.option("--url", help="Where webhooks go. Any address is taken, also one of your own network.")
@click.option("--site", help="Only this site's events.")
@data_dir_option
def add(name: str, events: tuple[str, ...], url: str | None, site: str | None, data_dir: Path | None) -> None:
    """Add the subscriber NAME and print its secret, once.

    It is told of what happens from now on.
    """
    kinds = read_events(events)
    with opened_record(data_dir) as storage:
        secret = Subscribers(storage, SystemClock()).add(name, kinds, url=url, site=site)
    click.echo(secret)
    click.echo(f"{name} follows {', '.join(kinds)}. This is its secret. {_ONCE}", err=True)


@command.command("list")
@form_option
@data_dir_option
def list_(form: Form, data_dir: Path | None) -> None:
    """Show every subscriber, and what it has not acknowledged.

    The one named "collected" is the service's own files.
    """
    clock = SystemClock()
    with opened_record(data_dir) as storage:
        rows = _rows(storage, clock)
    print_rows(rows, COLUMNS, form)


@command.command()
@click.argument("name")
@data_dir_option
def rotate(name: str, data_dir: Path | None) -> None:
    """Give the subscriber NAME a new secret and print it, once.

    Until tomorrow messages are signed with both, and both are taken.
    """
    with opened_record(data_dir) as storage:
        secret = Subscribers(storage, SystemClock()).rotate(name)
    click.echo(secret)
    click.echo(f"This is the new secret of {name}; the one before is good for another day. {_ONCE}", err=True)


@command.command()
@click.argument("name")
@data_dir_option
def enable(name: str, data_dir: Path | None) -> None:
    """Send to the subscriber NAME again at once: after it said 410, or after you mended it."""
    with opened_record(data_dir) as storage:
        Subscribers(storage, SystemClock()).enable(name)
    click.echo(f"{name} is sent to again.")


@command.command()
@click.argument("name")
@click.confirmation_option(prompt="What it has not acknowledged will no longer be waited for. Remove it?")
@data_dir_option
def remove(name: str, data_dir: Path | None) -> None:
    """Forget the subscriber NAME, its secret and what waits for it."""
    with opened_record(data_dir) as storage:
        Subscribers(storage, SystemClock()).remove(name)
    click.echo(f"{name} is removed.")


def _rows(storage: Storage, clock: Clock) -> list[dict[str, Any]]:
    lags = read_lags(storage)
    return [
        _row(item, [lag for lag in lags if lag.subscriber == item.name], clock.now_ms())
        for item in Subscribers(storage, clock).all()
    ]


def _row(item: Subscriber, lags: list[Lag], now_ms: int) -> dict[str, Any]:
    oldest_ms = min((lag.oldest_at_ms for lag in lags if lag.oldest_at_ms is not None), default=None)
    return {
        "name": item.name,
        "site": item.site or "all",
        "state": item.state,
        "events": list(item.events),
        "url": item.url or ("own files" if item.name == OWN_FILES else "asks for itself"),
        "waiting": sum(lag.waiting for lag in lags),
        "oldest_s": None if oldest_ms is None else max(0, now_ms - oldest_ms) // 1000,
        "fault": item.fault if item.fault is None else f"{item.fault}, next try {rfc3339(item.due_at_ms)}",
    }
