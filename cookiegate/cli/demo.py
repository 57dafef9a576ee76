"""``cookiegate demo``: a shop with the banner, and beside it what the analytics log receives."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from cookiegate.cli.demo_tracker import find_snowplow
from cookiegate.cli.server import make_server
from cookiegate.cli.stopping import end_with, hear_signals
from cookiegate.clock import SystemClock
from cookiegate.errors import SettingsError
from cookiegate.policy.document import Policy
from cookiegate.policy.publishing import publish
from cookiegate.policy.reading import load_policy
from cookiegate.settings import Settings, read_settings
from cookiegate.storage.opening import open_storage
from cookiegate.storage.places import ServingLock
from cookiegate.web.demo.app import Demo, create_demo
from cookiegate.web.demo.sites import demo_policy_file

FOLDER = Path(".demo")
PORTS_TRIED = 50
READY_TIMEOUT_S = 60.0
_ANY = ("0.0.0.0", "::")  # noqa: S104  compared with, not listened on


@click.command(name="demo")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port to listen on; the next free one if it is taken.",
)
@click.option("--no-npm", is_flag=True, help="Do not fetch the real Snowplow tracker: a ten-line logger runs instead.")
@click.option("--keep", is_flag=True, help="Go on with the record of the last run on this port.")
def command(host: str, port: int, no_npm: bool, keep: bool) -> None:
    """See it work: a small shop, and what its analytics log receives.

    \b
    Open the address that it prints. On the left is a shop with one script tag and a tracker; on the right, field by
    field, what reaches the log. Answer the banner, put something into the basket, change your mind, withdraw.

    \b
    Examples:
      cookiegate demo
      cookiegate demo --port 9000 --no-npm
      cookiegate demo --host 0.0.0.0          to look at it from a telephone in the same network

    Needs no services and no configuration: everything is kept in ./.demo, which may be deleted at any time, and
    COOKIEGATE_* variables are not read. Where npm is installed, the unmodified tracker comes from it once.
    """
    click.echo("cookiegate demo", err=True)
    snowplow = None if no_npm else find_snowplow(FOLDER / "npm")
    free = find_port(host, port)
    if free != port:
        click.echo(f"  port      {port} is taken, so {free}", err=True)
    settings = prepare(host, free, keep)
    serve(host, free, settings, snowplow)


def find_port(host: str, port: int) -> int:
    """The first port from ``port`` on that nobody listens on.

    Raises:
        SettingsError: none of the next ports is free, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65_536)):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except PermissionError:
                continue
            except OSError as error:
                if isinstance(error, socket.gaierror) or error.errno in _NO_SUCH_ADDRESS:
                    raise SettingsError(f"{host} is not an address of this machine") from error
                continue
            return candidate
    raise SettingsError(f"no port from {port} on is free; name another one with --port")


_NO_SUCH_ADDRESS = (97, 99)  # EAFNOSUPPORT, EADDRNOTAVAIL


def prepare(host: str, port: int, keep: bool) -> Settings:
    """Makes the data folder and publishes the demo's policy for this address.

    Each port has its own folder, so that two demos do not disturb each other.

    Raises:
        SettingsError, PolicyError, KeyFileError, StorageError: with the sentence to show.
    """
    data_dir = (FOLDER / f"port-{port}").absolute()
    if data_dir.exists() and not keep:
        shutil.rmtree(data_dir)
    # An operator's COOKIEGATE_* variables may name a real database: the demo does not look at them.
    settings = read_settings({}, data_dir=data_dir, base_url=origins_of(host, port)[0], log_level="warning")
    storage = open_storage(settings)
    try:
        publish(storage, demo_policy(origins_of(host, port)), SystemClock())
    finally:
        storage.close()
    click.echo(
        f"  data      {FOLDER / data_dir.name} ({'kept' if keep else 'fresh; --keep goes on with it'})", err=True
    )
    return settings


def origins_of(host: str, port: int) -> tuple[str, ...]:
    """Every origin under which a browser may see the demo, the one to print first."""
    if host in ("127.0.0.1", "localhost"):
        names = ["127.0.0.1", "localhost"]
    elif host in _ANY:
        names = [_own_address(), "127.0.0.1", "localhost", socket.gethostname().lower()]
    else:
        names = [f"[{host}]" if ":" in host else host]
    return tuple(dict.fromkeys(f"http://{name}:{port}" for name in names))


def _own_address() -> str:
    """This machine's address in its network: where a packet to the outside would leave. None is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def demo_policy(origins: tuple[str, ...]) -> Policy:
    """The demo's policy for these origins. Its links lead to the pages that the service makes of it."""
    return replace(load_policy(demo_policy_file()), origins=origins, policy_url=None)


def serve(host: str, port: int, settings: Settings, snowplow: Path | None) -> None:
    """Serves until Ctrl-C."""
    server = make_server("cookiegate.web.demo.app", host, port, settings.threads)
    with ServingLock(settings):
        hear_signals()
        server.serve(target_loader=partial(load, os.getpid(), host, port, settings, snowplow), wrap_loader=False)
    click.echo("\nThe demo has ended.", err=True)


def load(server: int, host: str, port: int, settings: Settings, snowplow: Path | None) -> Demo:
    """Makes the application inside the server's worker.

    The thread that announces it belongs here: the server forks, and a fork beside a running thread may copy a lock
    that nobody will ever open.
    """
    end_with(server)
    hear_signals()
    demo = create_demo(settings, snowplow)
    threading.Thread(target=announce, args=(host, port, settings.base_url), daemon=True).start()
    return demo


def announce(host: str, port: int, base_url: str) -> None:
    """Prints the address once it answers."""
    near = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{near}:{port}/readyz", timeout=2):
                click.echo(f"\n  open      {base_url}/demo/\n\n  Ctrl-C ends it.", err=True)
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
