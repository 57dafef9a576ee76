"""The time that things are destroyed by. A clock that is years ahead must destroy nothing.

What retention destroys is gone for good, also where the machine's clock was wrong for a minute only. So the clock is
compared with others: with the server's, where the record has one, and always with what the record remembers, the newest
time that was believed (in ``leases``, so that a restored record begins anew). Time that goes on from there is believed.
A time far from it is believed when the clock has held for a day, or when an operator says that it is right: a service
that was off for months loses nothing by waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from cookiegate.clock import Clock, rfc3339, seconds_awake_or_not
from cookiegate.errors import ClockImplausibleError
from cookiegate.ledger.ids import time_of_id
from cookiegate.ledger.stored import last_checkpoint
from cookiegate.rights.retention.disposals import DAY_MS
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables import decisions, leases

#: How far from the last time that was believed the next may be. What is due goes at most so much too early.
FAR_MS = DAY_MS
#: How long a clock that is far off must hold until it is believed all the same.
HELD_MS = DAY_MS
#: How far apart two clocks may be, and how far a clock may run from the seconds that passed.
APART_MAX_MS = 300_000
#: The record hears of time that goes on so often.
NOTE_EVERY_MS = 600_000
NAME = "believed-time"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the record remembers.

    Args:
        believed_ms: the newest time that was believed.
        began_ms: since when, by itself, a clock is watched that is far off; None while none is.
        seen_ms: when it was last seen.
    """

    believed_ms: int
    began_ms: int | None = None
    seen_ms: int = 0

    def next(self, now_ms: int, *, steady: bool) -> Mark:
        """What to remember now.

        Args:
            now_ms: what the clock says.
            steady: whether it ran with the seconds that passed since it was last looked at.
        """
        if abs(now_ms - self.believed_ms) <= FAR_MS:
            return Mark(now_ms)
        goes_on = steady and -APART_MAX_MS <= now_ms - self.seen_ms <= FAR_MS
        began_ms = self.began_ms if self.began_ms is not None and goes_on else now_ms
        return Mark(now_ms) if now_ms - began_ms >= HELD_MS else Mark(self.believed_ms, began_ms, now_ms)

    def is_news(self, before: Mark | None) -> bool:
        """Whether the record must hear of it."""
        if before is None or before.began_ms != self.began_ms:
            return True
        return abs(self.latest_ms - before.latest_ms) >= NOTE_EVERY_MS

    @property
    def latest_ms(self) -> int:
        """The time at which the clock was looked at."""
        return self.believed_ms if self.began_ms is None else self.seen_ms


class BelievedTime:
    """Says whether the clock may be believed by what destroys.

    Args:
        storage: the record.
        clock: the machine's.
        seconds: seconds that only rise, whatever the clock does.
    """

    def __init__(self, storage: Storage, clock: Clock, seconds: Callable[[], float] = seconds_awake_or_not) -> None:
        self._storage = storage
        self._clock = clock
        self._seconds = seconds
        self._mutex = threading.Lock()
        self._offset_ms: int | None = None

    def insist(self) -> None:
        """Looks at the clock, for whoever is about to destroy something because its time is over.

        Raises:
            ClockImplausibleError: it cannot be believed now.
            StorageError: the record cannot be asked.
        """
        doubt = self.look()
        if doubt is not None:
            raise doubt

    def look(self) -> ClockImplausibleError | None:
        """Looks at the clock, and lets the record remember what it said; why it is not believed, if it is not.

        Raises:
            StorageError: the record cannot be asked.
        """
        with self._mutex:
            now_ms, steady = self._now()
            if (doubt := self._compare(now_ms)) is not None:
                return doubt
            before = self._read()
            mark = (before or Mark(newest_witness(self._storage) or now_ms)).next(now_ms, steady=steady)
            if mark.is_news(before):
                self._write(mark)
            return None if mark.began_ms is None else _far_off(mark, now_ms)

    def confirm(self) -> None:
        """An operator says that the clock is right.

        Raises:
            ClockImplausibleError: the server of the record says otherwise.
            StorageError: the record cannot be asked.
        """
        with self._mutex:
            now_ms, _ = self._now()
            if (doubt := self._compare(now_ms)) is not None:
                raise doubt
            self._write(Mark(now_ms))

    def _now(self) -> tuple[int, bool]:
        """The time, and whether the clock ran on steadily since this process looked at it before."""
        now_ms = self._clock.now_ms()
        before, self._offset_ms = self._offset_ms, now_ms - int(self._seconds() * 1000)
        return now_ms, before is None or abs(self._offset_ms - before) <= APART_MAX_MS

    def _compare(self, now_ms: int) -> ClockImplausibleError | None:
        theirs_ms = self._storage.now_ms()
        if theirs_ms is None or abs(theirs_ms - now_ms) <= APART_MAX_MS:
            return None
        return ClockImplausibleError(
            f"this machine's clock says {rfc3339(now_ms)}, the database server's {rfc3339(theirs_ms)}: nothing is "
            "destroyed because of its age until they agree; set the one that is wrong",
            now=rfc3339(now_ms),
            server=rfc3339(theirs_ms),
        )

    def _read(self) -> Mark | None:
        query = sa.select(leases.c.holder, leases.c.until_ms).where(leases.c.name == NAME)
        for row in self._storage.read(query):
            began_ms, _, seen_ms = row["holder"].partition(" ")
            return Mark(row["until_ms"], int(began_ms), int(seen_ms)) if began_ms else Mark(row["until_ms"])
        return None

    def _write(self, mark: Mark) -> None:
        holder = "" if mark.began_ms is None else f"{mark.began_ms} {mark.seen_ms}"

        def work(transaction: WriteTransaction) -> None:
            transaction.execute(sa.delete(leases).where(leases.c.name == NAME))
            transaction.execute(sa.insert(leases).values(name=NAME, holder=holder, until_ms=mark.believed_ms))

        self._storage.write(work)


def newest_witness(storage: Storage) -> int | None:
    """The newest time that a record without a mark bears witness to: its last checkpoint's, or its last decision's."""
    checkpoint = last_checkpoint(storage)
    found = storage.read(sa.select(sa.func.max(decisions.c.id).label("newest")))[0]["newest"]
    times = [checkpoint.sealed_at_ms] if checkpoint else []
    return max(times + ([time_of_id(found)] if found else []), default=None)


def _far_off(mark: Mark, now_ms: int) -> ClockImplausibleError:
    last, until = rfc3339(mark.believed_ms), rfc3339((mark.began_ms or now_ms) + HELD_MS)
    return ClockImplausibleError(
        f"this machine's clock says {rfc3339(now_ms)}, and the record was last in use at {last}: nothing is destroyed "
        "because of its age. If the clock is right, say so with `cookiegate purge --clock-is-right`, or let the "
        f"service run until {until}: then it is believed",
        now=rfc3339(now_ms),
        believed=last,
        until=until,
    )
