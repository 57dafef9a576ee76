"""Background work of a service: each chore by a thread of its own, led by one process at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cookiegate.errors import CookiegateError
from cookiegate.web.leads import LEAD_S, Leads
from cookiegate.web.logs import get_logger

#: The rare ones, too, begin soon after the start: a process that is started anew each hour must still come to them.
FIRST_WITHIN_S = 60.0
CLOSE_WAIT_S = 5.0
REMIND_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Chore:
    """A piece of work that comes back.

    ``work`` is done every ``every_s`` seconds; with ``leased``, by the one process that leads. It must be safe to
    repeat after a crash at any point. With ``by_time`` it destroys what is old enough, and is left undone, and to other
    processes, while the clock cannot be believed. ``begins`` says whether its thread does first what the others do.
    """

    name: str
    every_s: float
    work: Callable[[], object]
    leased: bool = True
    by_time: bool = False
    begins: bool = True


class Chores:
    """Runs chores until it is stopped.

    Args:
        leads: tell whether this process leads.
        insist: raises while the clock cannot be believed.
    """

    def __init__(self, leads: Leads, insist: Callable[[], object] = lambda: None) -> None:
        self._leads = leads
        self._insist = insist
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, chores: list[Chore], begin: Callable[[], None] | None = None) -> None:
        """Starts a thread for each.

        Args:
            chores: to be done.
            begin: what each thread does first, but for chores that say otherwise.
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
        if begin is not None and chore.begins:
            begin()
        leads_until, wait_s, failures = 0.0, min(chore.every_s, FIRST_WITHIN_S), _Failures(chore.name)
        while not self._stopped.wait(wait_s):
            wait_s = chore.every_s
            try:
                if chore.by_time:
                    self._insist()
                if chore.leased and time.monotonic() > leads_until - LEAD_S / 2:
                    now = time.monotonic()
                    leads_until = now + LEAD_S if self._leads.take(chore.name) else 0.0
                if not chore.leased or leads_until:
                    chore.work()
            except Exception as error:  # whatever it is, the next turn must come
                failures.tell(error)
            else:
                failures.end()


class _Failures:
    """Tells of a chore's failures: the first of each kind, a reminder now and then, and the end of them.

    A chore comes ten times a second. On a full disk its log would take what room comes free.
    """

    def __init__(self, chore: str) -> None:
        self._chore = chore
        self._kind: tuple[str, ...] = ()
        self._told_at_s = 0.0

    def tell(self, error: Exception) -> None:
        facts: dict[str, Any] = {}
        if isinstance(error, CookiegateError):
            facts = {"code": error.code, "cause": error.evidence.get("cause")}
        kind, now_s = (type(error).__name__, *map(str, facts.values())), time.monotonic()
        if kind == self._kind and now_s < self._told_at_s + REMIND_EVERY_S:
            return
        self._kind, self._told_at_s = kind, now_s
        with suppress(Exception):  # a log that is gone must not stop the work
            if facts:
                get_logger().warning("chore_failed", chore=self._chore, **facts)
            else:
                get_logger().error("chore_failed", chore=self._chore, exc_info=error)

    def end(self) -> None:
        if self._kind:
            self._kind = ()
            with suppress(Exception):
                get_logger().info("chore_works_again", chore=self._chore)
