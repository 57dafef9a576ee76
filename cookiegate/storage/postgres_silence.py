"""Lines that do not wait for ever for a server that says nothing, and what such a line leaves behind.

A server that stands still, as its machine is paused or its disk hangs, takes what is sent and answers nothing: its own
deadlines stand still with it, and the network sees nothing wrong. A commit that waits for a synchronous standby has no
deadline of the server's at all. So each exchange has one of ours. Where it passes the line is closed, and what becomes
of the transaction is not known: the server may still be at it, with its locks, for hours.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from cookiegate.errors import StorageError
from cookiegate.storage.patience import OUT_OF_REACH

RV = TypeVar("RV")

STATEMENT_TIMEOUT_MS = 10_000
#: The server ends a statement sooner by itself, if it can.
SILENCE_MAX_S = STATEMENT_TIMEOUT_MS / 1000 + 1.0
#: A writer that heard nothing for so long: others do not begin. Waiting for a lock takes two seconds at most.
STALLED_S = 3.0
_LOOK_EVERY_S = 0.1
# Whoever only reads is no matter, and who writes beside us in another program has another name.
_STILL_AT_IT = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user "
    "AND application_name = current_setting('application_name') AND backend_xid IS NOT NULL "
    "AND state = 'active' AND query_start < clock_timestamp() - make_interval(secs => %s) LIMIT 1"
)


class Line(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose every exchange ends.

    ``waits_since_s`` says since when one lasts (0: none), ``was_silent`` that one did not end by itself.
    """

    waits_since_s = 0.0
    was_silent = False

    def wait(self, gen: PQGen[RV], interval: float = _LOOK_EVERY_S, timeout: float | None = None) -> RV:
        """Waits for an answer.

        Raises:
            OperationalError: none came. The line is of no use any more.
        """
        self.waits_since_s = time.monotonic()
        try:
            if timeout is not None:
                return super().wait(gen, interval, timeout)
            return super().wait(self._in_time(gen), interval)
        finally:
            self.waits_since_s = 0.0

    def _in_time(self, gen: PQGen[RV]) -> PQGen[RV]:
        ends_s = self.waits_since_s + SILENCE_MAX_S
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > ends_s:
                    self.was_silent = True
                    raise psycopg.OperationalError("the server does not answer")
                wanted = gen.send(ready)
        except StopIteration as ended:
            found: RV = ended.value
            return found


class Writers:
    """The lines that are out for writing, and what is left of those that were given up. Safe for threads.

    A commit that hangs is one of many that would: each more takes a line, and leaves a process of the server's behind.
    """

    def __init__(self) -> None:
        self._out: set[Line] = set()
        self._left_some = False

    def refuse_stalled(self) -> None:
        """Before a line is taken for writing.

        Raises:
            StorageError: another has heard nothing for seconds.
        """
        since_s = time.monotonic() - STALLED_S
        if any(0.0 < line.waits_since_s < since_s for line in self._out.copy()):
            raise StorageError(OUT_OF_REACH)

    def begin(self, line: Line) -> None:
        """A line is about to write.

        Raises:
            StorageError: the server is still at what was left behind.
            psycopg.Error: it does not say.
        """
        if self._left_some:
            if line.execute(_STILL_AT_IT, (STALLED_S,)).fetchall():
                raise StorageError(OUT_OF_REACH)
            self._left_some = False
        self._out.add(line)

    def end(self, line: Line) -> None:
        """It is given back, whatever it was for."""
        if line in self._out:
            self._out.discard(line)
            self._left_some = self._left_some or line.was_silent
