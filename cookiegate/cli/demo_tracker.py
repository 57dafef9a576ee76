"""The real Snowplow tracker for the demo, from npm into an ignored folder; it is never part of this project."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click

PACKAGE = "@snowplow/browser-tracker"
VERSION = "4.10.1"
#: SHA-256 of the file as it was published: what the demo calls unmodified is.
SHA256 = "80360c5da827e321eaf262d635141a2b241aae8dde82e8b91a2d95fc42b44089"
TIMEOUT_S = 90.0
_TICK_S = 0.2
_INSTEAD = "the ten-line logger runs instead"


def find_snowplow(folder: Path) -> Path | None:
    """The tracker's file, fetched by npm if it is not there yet.

    Args:
        folder: where npm installs it.

    Returns:
        The file, or None where it cannot be had; a line on stderr tells which.
    """
    file = (folder / "node_modules" / PACKAGE / "dist" / "index.umd.min.js").absolute()
    if _is_genuine(file):
        _say(f"{PACKAGE} {VERSION}")
        return file
    npm = shutil.which("npm")
    if npm is None:
        _say(f"npm is not installed, so {_INSTEAD}")
        return None
    fault = _install(npm, folder)
    if fault is None and not _is_genuine(file):
        fault = "the file is not the published one"
    _say(f"{PACKAGE} {VERSION}" if fault is None else f"npm could not fetch {PACKAGE} ({fault}), so {_INSTEAD}")
    return file if fault is None else None


def _is_genuine(file: Path) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == SHA256


def _install(npm: str, folder: Path) -> str | None:
    """Runs npm and shows that time passes.

    Returns:
        None, or in a few words what went wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"]
    command += ["--no-package-lock", "--no-save", "--loglevel=error", f"{PACKAGE}@{VERSION}"]
    try:
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603  every word is ours
    except OSError as error:
        return error.strerror or type(error).__name__
    status = _wait(process)
    if status is None:
        return f"no answer in {TIMEOUT_S:.0f} seconds"
    return f"exit status {status}" if status else None


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    is_terminal = sys.stderr.isatty()
    started = time.monotonic()
    if not is_terminal:
        _say(f"fetching {PACKAGE} {VERSION} with npm …")
    try:
        while (passed := time.monotonic() - started) < TIMEOUT_S:
            if is_terminal:
                click.echo(f"\r  tracker   fetching {PACKAGE} {VERSION} with npm … {passed:.0f} s ", nl=False, err=True)
            try:
                return process.wait(_TICK_S)
            except subprocess.TimeoutExpired:
                continue
        return None
    finally:
        if is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)
        if process.poll() is None:
            process.kill()
            process.wait()


def _say(text: str) -> None:
    click.echo(f"  tracker   {text}", err=True)
