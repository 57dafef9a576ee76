"""``cookiegate serve``: the service, in one process of several threads or in several of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import click

from cookiegate.cli.server import make_server, refuse_taken_port
from cookiegate.cli.slow_clients import SlowClients
from cookiegate.cli.stopping import end_with, hear_signals
from cookiegate.clock import SystemClock
from cookiegate.errors import PolicyError, SettingsError
from cookiegate.gate.mapping import FIELD_RULES
from cookiegate.hosts import is_loopback
from cookiegate.policy.document import Policy
from cookiegate.policy.publishing import find_earlier, read_row
from cookiegate.policy.reading import load_policy
from cookiegate.rights.delivery.announcing import publish_and_announce
from cookiegate.settings import PREFIX, Settings, read_settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage, refuse_lost
from cookiegate.storage.places import ServingLock, database_file
from cookiegate.tokens.keys import KeyRing
from cookiegate.web.app import create_wsgi
from cookiegate.web.front import WsgiApp
from cookiegate.web.iab import VendorList, insist_on_frameworks
from cookiegate.web.metrics import SHARED_FOLDER
from cookiegate.web.service import open_signer
from cookiegate.web.sinks.upstreams import check_trackers

POLICY_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of database, keys and collected events.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Policy to publish before serving, or a folder of them (*.yaml, *.yml, *.json); repeat for several. What did "
    "not change is left alone, and so is a site that has got a newer version than the file's since.",
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64),
    help="Processes that serve; more than one needs PostgreSQL. A good number is that of the processor's cores.",
)  # fmt: skip
def command(host: str, port: int, data_dir: Path | None, policies: tuple[Path, ...], workers: int) -> None:
    """Run the service.

    \b
    Examples:
      cookiegate serve --policy examples/policies/demo.yaml
      COOKIEGATE_BASE_URL=https://www.example.jp cookiegate serve --port 8700 --policy shop.yaml

    Everything else is set by COOKIEGATE_* variables; docs/reference/settings.md lists them. Behind a proxy set
    COOKIEGATE_BASE_URL to the public address and COOKIEGATE_TRUSTED_PROXIES to the proxy's.

    A stop (SIGTERM, Ctrl-C) lets requests under way end. A worker that dies is started anew. On SQLite one service at a
    time serves a record; commands such as backup, purge or keys may run beside it.
    """
    settings = read_serving_settings(host, port, data_dir, workers)
    with ServingLock(settings):
        prepare(settings, policies)
        run_server(host, port, settings, workers)


def read_serving_settings(host: str, port: int, data_dir: Path | None, workers: int) -> Settings:
    """The settings of a service that listens there.

    Raises:
        SettingsError: with the sentence to show.
    """
    overrides: dict[str, Any] = {"data_dir": data_dir} if data_dir else {}
    if f"{PREFIX}BASE_URL" not in os.environ:
        if not is_loopback(host):
            raise SettingsError(f"--host {host} is open to others: set {PREFIX}BASE_URL to the public https:// address")
        overrides["base_url"] = f"http://{host}:{port}"
    refuse_taken_port(host, port)
    settings = read_settings(**overrides)
    check_trackers(settings)
    if workers > 1 and database_file(settings) is not None:
        raise SettingsError(
            f"--workers {workers} needs PostgreSQL: two processes that write one SQLite file wait for each other. Set "
            f"{PREFIX}DATABASE_URL to postgresql://…, or serve with --workers 1 and more {PREFIX}THREADS"
        )
    return settings


def prepare(settings: Settings, policies: tuple[Path, ...]) -> None:
    """Checks everything that could stop the start, and publishes the policies.

    Raises:
        SettingsError, PolicyError, KeyFileError, StorageError: with the sentence to show.
    """
    KeyRing.open(settings.data_dir, SystemClock())
    vendor_list = VendorList(settings.vendor_list)
    loaded = [policy for path in policies for policy in _read_policies(path, vendor_list)]
    storage = open_storage(settings)
    try:
        refuse_lost(storage)
        open_signer(settings, storage)
        for policy in loaded:
            _publish(storage, policy)
        _warn_of_frameworks(storage, vendor_list)
        if not storage.policies.sites():
            click.echo("No policy is published yet: start again with --policy FILE.", err=True)
    finally:
        storage.close()


def _read_policies(path: Path, vendor_list: VendorList) -> Iterator[Policy]:
    """The policy in a file; those in a folder, of which a faulty one costs the other sites nothing."""
    if not path.is_dir():
        yield _read_policy(path, vendor_list)
        return
    for file in sorted(item for item in path.iterdir() if item.suffix in POLICY_SUFFIXES):
        try:
            yield _read_policy(file, vendor_list)
        except PolicyError as error:
            click.echo(f"Error [{error.code}]: {error.detail}", err=True)
            click.echo(f"{file} is left out: its site keeps what was published before.", err=True)


def _read_policy(path: Path, vendor_list: VendorList) -> Policy:
    policy = load_policy(path, rules=FIELD_RULES)
    insist_on_frameworks(policy, vendor_list)
    return policy


def _warn_of_frameworks(storage: Storage, vendor_list: VendorList) -> None:
    """Says which published policies ask for what is not here: their sites go on, and their vendors hear no yes."""
    for site in storage.policies.sites():
        row = storage.policies.latest(site)
        try:
            if row is not None:
                insist_on_frameworks(read_row(row).policy, vendor_list)
        except (PolicyError, SettingsError) as error:
            click.echo(f"Error [{error.code}]: {error.detail} Until then {site} tells vendors nothing.", err=True)


def _publish(storage: Storage, policy: Policy) -> None:
    # A start never takes a site back: the file may be from before somebody published, or another node's old one.
    if (earlier := find_earlier(storage, policy)) is not None:
        click.echo(
            f"policy {policy.site}: the file is the older version {earlier}, so the newer one stays; to go back, "
            "use `cookiegate policy publish`",
            err=True,
        )
        return
    published = publish_and_announce(storage, policy, SystemClock())
    click.echo(f"policy {policy.site}: version {published.version}", err=True)


def run_server(host: str, port: int, settings: Settings, workers: int = 1) -> None:
    """Serves until SIGTERM or SIGINT; the workers read their settings from the environment."""
    os.environ[f"{PREFIX}DATA_DIR"] = str(settings.data_dir.absolute())
    os.environ[f"{PREFIX}BASE_URL"] = settings.base_url
    click.echo(f"cookiegate serves at {settings.base_url} (listening on {host}:{port})", err=True)
    server = make_server("cookiegate.web.app", host, port, settings.threads, workers=workers)
    with shared_metrics() if workers > 1 else nullcontext():
        hear_signals()
        server.serve(target_loader=partial(load, os.getpid(), port), wrap_loader=False)


def load(server: int, port: int) -> WsgiApp:
    """Makes the application inside a worker of the process ``server`` that listens on ``port``."""
    end_with(server)
    hear_signals()
    SlowClients(port).watch()
    return create_wsgi()


@contextmanager
def shared_metrics() -> Iterator[None]:
    """A folder in memory or on a local disk in which the workers of this service keep their counters together."""
    folder = tempfile.mkdtemp(prefix="cookiegate-metrics-")
    os.environ[SHARED_FOLDER] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
