"""Following what other processes withdraw, through the record, also when the record itself goes back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.storage.contract import DecisionRow, Revocation, StatusSlot, Storage, WriteTransaction
from cookiegate.storage.tables import decisions
from cookiegate.web.logs import get_logger

#: The newest grants of this process that are remembered (7 MB), and how many are looked up at once.
GRANTS_KEPT = 50_000
PAGE = 1_000


class _Given(NamedTuple):
    """A grant for which a token was given out."""

    decision_id: str
    slot: StatusSlot
    site: str
    sub: str
    epoch: int

    @classmethod
    def read(cls, text: str) -> _Given:
        """From the one text as which it is remembered: its parts on their own take three times the memory."""
        decision_id, list_id, index, site, sub, epoch = text.split(" ")
        return cls(decision_id, StatusSlot(int(list_id), int(index)), site, sub, int(epoch))


class Following:
    """How far this process has followed the record's revocations.

    A standby that is promoted, or a backup that is brought back under running processes, may lack what was recorded
    last: new revocations then get numbers that were passed long ago. So each turn asks whether the record is still in
    the history that was followed, and holds the last revocation that was read. If not, everything is read again from
    the beginning. What was known of lost revocations stays: it denies. Tokens of grants that are lost are ended, since
    the record cannot know who withdraws them.

    Args:
        storage: the record.
        note: takes a revocation in; one that is told twice changes nothing.
        clock: dates what is ended.
    """

    def __init__(self, storage: Storage, note: Callable[[Revocation], None], clock: Clock) -> None:
        self._storage = storage
        self._note = note
        self._clock = clock
        self._history: str | None = None
        self._last: Revocation | None = None
        self._given: deque[str] = deque(maxlen=GRANTS_KEPT)
        self._untold: deque[_Given] = deque()

    @property
    def sequence(self) -> int:
        """The newest revocation that is known; 0 for none."""
        return self._last.sequence if self._last else 0

    def remember(self, row: DecisionRow) -> None:
        """This process gives out a token for a decision."""
        slot = row.slot
        if slot is not None and row.sub is not None:
            self._given.append(f"{row.id} {slot.list_id} {slot.index} {row.site} {row.sub} {row.epoch}")

    def catch_up(self) -> None:
        """Takes in every revocation that the record holds now.

        Raises:
            StorageError: it cannot be read now; the next turn goes on.
        """
        history = self._storage.read_history()
        if self._is_replaced(history):
            lost = self._lost_grants()
            get_logger().warning("record_replaced", followed=self.sequence, lost_grants=len(lost))
            for given in lost:
                self._note(Revocation(0, given.slot, given.site, given.sub, given.epoch, self._clock.now_ms()))
            self._untold.extend(lost)
            self._last = None
        self._history = history
        while fresh := self._storage.revocations(self.sequence):
            for revocation in fresh:
                self._note(revocation)
            self._last = fresh[-1]

    def tell(self) -> None:
        """Records what was ended here, so that other processes hear of it.

        Raises:
            StorageError: the record cannot be written now; the next turn goes on.
        """
        while some := list(islice(self._untold, PAGE)):
            self._storage.write(partial(_revoke, some, self._clock.now_ms()))
            for _ in some:
                self._untold.popleft()

    def _is_replaced(self, history: str) -> bool:
        if self._history is not None and history != self._history:
            return True
        return self._last is not None and not _same(self._last, self._storage.revocation(self._last.sequence))

    def _lost_grants(self) -> list[_Given]:
        given, lost = list(self._given), []
        for first in range(0, len(given), PAGE):
            page = {each.decision_id: each for each in map(_Given.read, given[first : first + PAGE])}
            query = sa.select(decisions.c.id).where(decisions.c.id.in_(list(page)))
            found = {row["id"] for row in self._storage.read(query)}
            lost += [each for decision_id, each in page.items() if decision_id not in found]
        return lost


def _same(known: Revocation, found: Revocation | None) -> bool:
    return found is not None and replace(found, sub=None) == replace(known, sub=None)  # ``sub`` is emptied in time


def _revoke(some: list[_Given], at_ms: int, transaction: WriteTransaction) -> None:
    for given in some:
        transaction.revoke(given.slot, given.site, given.sub, given.epoch, at_ms)
