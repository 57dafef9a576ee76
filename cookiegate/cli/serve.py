"""``cookiegate serve``: the service in one process of several threads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from cookiegate.cli.server import make_server, refuse_taken_port
from cookiegate.clock import SystemClock
from cookiegate.errors import SettingsError
from cookiegate.policy.reading import load_policy
from cookiegate.rights.delivery.announcing import publish_and_announce
from cookiegate.settings import PREFIX, Settings, is_loopback, read_settings
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.keys import KeyRing


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of database, keys and collected events.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Policy to publish before serving; repeat for several sites. A policy that did not change is left alone.",
)
def command(host: str, port: int, data_dir: Path | None, policies: tuple[Path, ...]) -> None:
    """Run the service.

    \b
    Examples:
      cookiegate serve --policy examples/policies/demo.yaml
      COOKIEGATE_BASE_URL=https://www.example.jp cookiegate serve --port 8700 --policy shop.yaml

    Everything else is set by COOKIEGATE_* variables; docs/reference/settings.md lists them. Behind a proxy set
    COOKIEGATE_BASE_URL to the public address and COOKIEGATE_TRUSTED_PROXIES to the proxy's.
    """
    settings = prepare(host, port, data_dir, policies)
    run_server(host, port, settings)


def prepare(host: str, port: int, data_dir: Path | None, policies: tuple[Path, ...]) -> Settings:
    """Checks everything that could stop the start, and publishes the policies.

    Raises:
        SettingsError, PolicyError, KeyFileError, StorageError: with the sentence to show.
    """
    overrides: dict[str, Any] = {"data_dir": data_dir} if data_dir else {}
    if f"{PREFIX}BASE_URL" not in os.environ:
        if not is_loopback(host):
            raise SettingsError(f"--host {host} is open to others: set {PREFIX}BASE_URL to the public https:// address")
        overrides["base_url"] = f"http://{host}:{port}"
    refuse_taken_port(host, port)
    settings = read_settings(**overrides)
    KeyRing.open(settings.data_dir, SystemClock())
    loaded = [load_policy(path) for path in policies]
    storage = open_storage(settings)
    try:
        for policy in loaded:
            published = publish_and_announce(storage, policy, SystemClock())
            click.echo(f"policy {policy.site}: version {published.version}", err=True)
        if not storage.policies.sites():
            click.echo("No policy is published yet: start again with --policy FILE.", err=True)
    finally:
        storage.close()
    return settings


def run_server(host: str, port: int, settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; the worker reads its settings from the environment."""
    os.environ[f"{PREFIX}DATA_DIR"] = str(settings.data_dir.absolute())
    os.environ[f"{PREFIX}BASE_URL"] = settings.base_url
    click.echo(f"cookiegate serves at {settings.base_url} (listening on {host}:{port})", err=True)
    make_server("cookiegate.web.app:create_wsgi", host, port, settings.threads, factory=True).serve()
