"""Opening the record for a command that works beside a running service, or without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from cookiegate.settings import Settings, read_settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage
from cookiegate.storage.places import database_file

_Function = TypeVar("_Function", bound=Callable[..., Any])


def data_dir_option(function: _Function) -> _Function:
    """The option ``--data-dir``."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the database. [default: $COOKIEGATE_DATA_DIR or .cookiegate]",
    )(function)


def settings_of(data_dir: Path | None) -> Settings:
    """The settings of the environment, with the folder of the command line."""
    return read_settings(data_dir=data_dir) if data_dir else read_settings()


@contextmanager
def opened_record(data_dir: Path | None) -> Iterator[Storage]:
    """The record, closed afterwards. Where there was none, whoever asks hears that an empty one began."""
    settings = settings_of(data_dir)
    file = database_file(settings)
    if file is not None and not file.exists():
        begun = f"There was no record in {file.parent}; an empty one begins. Is it the service's --data-dir?"
        click.echo(begun, err=True)
    storage = open_storage(settings)
    try:
        yield storage
    finally:
        storage.close()
