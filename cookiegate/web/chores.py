"""Background work of a service: each chore by a thread of its own, led by one process at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cookiegate.errors import CookiegateError
from cookiegate.web.leads import LEAD_S, Leads
from cookiegate.web.logs import get_logger

#: The rare ones, too, begin soon after the start: a process that is started anew each hour must still come to them.
FIRST_WITHIN_S = 60.0
CLOSE_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Chore:
    """A piece of work that comes back.

    ``work`` is done every ``every_s`` seconds; with ``leased``, by the one process that leads. It must be safe to
    repeat after a crash at any point.
    """

    name: str
    every_s: float
    work: Callable[[], object]
    leased: bool = True


class Chores:
    """Runs chores until it is stopped.

    Args:
        leads: tell whether this process leads.
    """

    def __init__(self, leads: Leads) -> None:
        self._leads = leads
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, chores: list[Chore], begin: Callable[[], None] | None = None) -> None:
        """Starts a thread for each.

        Args:
            chores: to be done.
            begin: what each thread does first.
        """
        for chore in chores:
            thread = threading.Thread(
                target=self._run, args=(chore, begin), name=f"cookiegate-{chore.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Lets what is being done end, within a few seconds, and starts nothing more."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(CLOSE_WAIT_S)

    def _run(self, chore: Chore, begin: Callable[[], None] | None) -> None:
        if begin is not None:
            begin()
        leads_until, wait_s = 0.0, min(chore.every_s, FIRST_WITHIN_S)
        while not self._stopped.wait(wait_s):
            wait_s = chore.every_s
            try:
                if chore.leased and time.monotonic() > leads_until - LEAD_S / 2:
                    now = time.monotonic()
                    leads_until = now + LEAD_S if self._leads.take(chore.name) else 0.0
                if not chore.leased or leads_until:
                    chore.work()
            except Exception as error:  # whatever it is, the next turn must come
                _report(chore.name, error)


def _report(chore: str, error: Exception) -> None:
    with suppress(Exception):  # a log that is gone must not stop the work
        if isinstance(error, CookiegateError):
            get_logger().warning("chore_failed", chore=chore, code=error.code)
        else:
            get_logger().error("chore_failed", chore=chore, exc_info=error)
