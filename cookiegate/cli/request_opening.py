"""Opening the office of requests for a command, beside a running service or without one."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from cookiegate.cli.records import settings_of
from cookiegate.clock import SystemClock
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.erasure import Erasure
from cookiegate.rights.requests.office import RequestOffice, open_office
from cookiegate.rights.restriction import Restriction
from cookiegate.storage.contract import StatusSlot
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.keys import KeyRing

_Function = TypeVar("_Function", bound=Callable[..., Any])


def by_option(function: _Function) -> _Function:
    """The option ``--by``."""
    return click.option("--by", default=getpass.getuser, metavar="NAME", help="Who acts. [default: your user name]")(
        function
    )


@contextmanager
def opened_office(data_dir: Path | None) -> Iterator[RequestOffice]:
    """The office, closed afterwards."""
    settings, clock = settings_of(data_dir), SystemClock()
    keyring, storage = KeyRing.open(settings.data_dir, clock), open_storage(settings)
    try:
        yield open_office(
            settings,
            storage,
            PolicyBook(storage, clock),
            clock,
            secret=keyring.secret("request"),
            jwks=keyring.jwks,
            erasure=Erasure(storage, _leave_to_service, clock),
            restriction=Restriction(storage, _leave_to_service, clock),
        )
    finally:
        storage.close()


def _leave_to_service(slot: StatusSlot, sub: str, epoch: int) -> None:
    """A running service reads revocations from the record within half a second; this process has no gates."""
