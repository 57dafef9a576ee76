"""Passphrases of officers: typed unseen, or read from a file by a program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cookiegate.errors import SourceUnreadableError

_Function = TypeVar("_Function", bound=Callable[..., Any])


def passphrase_option(function: _Function) -> _Function:
    """The option ``--passphrase-file``."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Read the passphrase from the first line of a file instead of asking.",
    )(function)


def ask_passphrase(file: Path | None, name: str) -> str:
    """An officer's passphrase."""
    return _first_line(file) if file else str(click.prompt(f"Passphrase of {name}", hide_input=True, err=True))


def ask_new_passphrase(file: Path | None) -> str:
    """A passphrase that is to be set: asked for twice."""
    if file:
        return _first_line(file)
    return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True))


def _first_line(file: Path) -> str:
    try:
        if file.stat().st_mode & 0o077:
            raise SourceUnreadableError(f"{file} can be read by others; run chmod 600 {file}")
        return file.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise SourceUnreadableError(f"{file} holds no passphrase that can be read") from error
