"""Taking rows out of the outbox: one at a time, by one process at a time, until each has an end.

A row is ``pending`` until it is ``delivered``, has ``failed`` (and can be retried), or was ``dropped`` because nobody
can be told any more. Its content is emptied at the end.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.errors import InvalidInputError
from cookiegate.storage.contract import Record, Storage
from cookiegate.storage.tables_deliveries import outbox, subscribers

Channel = Literal["mail", "webhook"]
State = Literal["pending", "delivered", "failed", "dropped"]
STATES: tuple[State, ...] = ("pending", "failed", "delivered", "dropped")
FIRST_WAIT_S = 60
LONGEST_WAIT_S = 21_600
GIVE_UP_MS = 5 * 86_400_000
#: Longer than any attempt takes: after it, another process may take the row over.
CLAIM_MS = 300_000
ENDED_KEPT_MS = 30 * 86_400_000
#: What failed may name people that an accident affected: it is not kept for ever.
FAILED_KEPT_MS = 180 * 86_400_000


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One mail, or one event for one subscriber."""

    id: str
    message_id: str
    channel: Channel
    kind: str
    site: str | None
    about: str
    subscriber: str | None
    key_id: int | None
    content: bytes
    state: State
    attempts: int
    fault: str | None
    failing_since_ms: int | None
    created_at_ms: int
    due_at_ms: int
    claim: str | None
    claimed_until_ms: int | None
    ended_at_ms: int | None

    @property
    def way(self) -> str:
        """Which way it goes: rows of one way wait for one another when it is closed."""
        return self.subscriber or self.channel


class Outbox:
    """What waits, and what became of it.

    Args:
        storage: the record.
        clock: tells what is due.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def claim(self, channels: Collection[Channel], closed: Collection[str]) -> OutboxRow | None:
        """The row that is due longest, for this caller alone during the next minutes.

        Args:
            channels: which are open.
            closed: ways that are not to be tried now.
        """
        due = self._due(channels, closed)
        if not self._storage.read(due):
            return None
        now_ms = self._clock.now_ms()
        mine = {"claim": secrets.token_hex(16), "claimed_until_ms": now_ms + CLAIM_MS}
        take = sa.update(outbox).where(outbox.c.id == due.scalar_subquery()).values(**mine).returning(*outbox.c)
        found = self._storage.write(lambda transaction: transaction.execute(take))
        return _row(found[0]) if found else None

    def _due(self, channels: Collection[Channel], closed: Collection[str]) -> sa.Select[Any]:
        now_ms, table = self._clock.now_ms(), outbox
        active = sa.select(subscribers.c.name).where(subscribers.c.state == "active")
        way = sa.func.coalesce(table.c.subscriber, table.c.channel)
        return (
            sa.select(table.c.id)
            .where(table.c.state == "pending", table.c.due_at_ms <= now_ms, table.c.channel.in_(list(channels)))
            .where(sa.or_(table.c.claimed_until_ms.is_(None), table.c.claimed_until_ms < now_ms))
            .where(sa.or_(table.c.subscriber.is_(None), table.c.subscriber.in_(active)))
            .where(way.not_in(list(closed)))
            .order_by(table.c.due_at_ms, table.c.id)
            .limit(1)
        )

    def end(self, row: OutboxRow, state: State, fault: str | None = None) -> None:
        """Notes the outcome. Content of what was delivered or dropped is emptied, of what failed it is kept."""
        ended = {"state": state, "fault": fault, "attempts": row.attempts + 1, "ended_at_ms": self._clock.now_ms()}
        self._change(row, **ended, **({} if state == "failed" else {"content": b""}))

    def postpone(self, row: OutboxRow, fault: str) -> State:
        """Tries again later, each time after a longer while; after five days of failing it has failed.

        Returns:
            The state that it is in now.
        """
        now_ms = self._clock.now_ms()
        since_ms = row.failing_since_ms if row.failing_since_ms is not None else now_ms
        if now_ms - since_ms >= GIVE_UP_MS:
            self.end(row, "failed", fault)
            return "failed"
        due_at_ms = now_ms + int(wait_s(row.attempts) * 1000)
        self._change(row, attempts=row.attempts + 1, fault=fault, failing_since_ms=since_ms, due_at_ms=due_at_ms)
        return "pending"

    def _change(self, row: OutboxRow, **values: Any) -> None:
        # Only while the claim is ours: whoever took the row over after it ended notes the outcome himself.
        mine = sa.update(outbox).where(outbox.c.id == row.id, outbox.c.claim == row.claim)
        change = mine.values(claim=None, claimed_until_ms=None, **values)
        self._storage.write(lambda transaction: transaction.execute(change))

    def rows(self, states: Sequence[State] = STATES, limit: int = 1_000) -> list[OutboxRow]:
        """Rows in these states, oldest first."""
        query = sa.select(outbox).where(outbox.c.state.in_(list(states))).order_by(outbox.c.id).limit(limit)
        return [_row(found) for found in self._storage.read(query)]

    def retry(self, ids: Collection[str] | None = None) -> int:
        """Tries failed rows again, at once; returns how many.

        Args:
            ids: which; all that failed when None. Of pending ones too, the waiting ends.

        Raises:
            InvalidInputError: an id is not of a row that waits or has failed.
        """
        table, now_ms = outbox, self._clock.now_ms()
        wanted = table.c.state == "failed" if ids is None else table.c.id.in_(list(ids))
        again = sa.update(table).where(wanted, table.c.state.in_(("failed", "pending")))
        fresh = {"state": "pending", "attempts": 0, "failing_since_ms": None, "due_at_ms": now_ms, "ended_at_ms": None}
        change = again.values(**fresh).returning(table.c.id)
        found = {row["id"] for row in self._storage.write(lambda transaction: transaction.execute(change))}
        if missing := sorted(set(ids or ()) - found):
            raise InvalidInputError(f"nothing waits or has failed under {', '.join(missing)}", errors={"id": missing})
        return len(found)

    def forget_ended(self) -> int:
        """Deletes rows that were delivered or dropped a month ago, or that failed and nobody retried in half a year.

        Returns:
            How many.
        """
        now_ms = self._clock.now_ms()
        ended = sa.and_(outbox.c.state.in_(("delivered", "dropped")), outbox.c.ended_at_ms < now_ms - ENDED_KEPT_MS)
        failed = sa.and_(outbox.c.state == "failed", outbox.c.ended_at_ms < now_ms - FAILED_KEPT_MS)
        old = sa.or_(ended, failed)
        if not self._storage.read(sa.select(outbox.c.id).where(old).limit(1)):
            return 0
        gone = sa.delete(outbox).where(old).returning(outbox.c.id)
        return len(self._storage.write(lambda transaction: transaction.execute(gone)))


def wait_s(attempts: int) -> float:
    """How long to wait after an attempt that so many failed ones preceded: from a minute to six hours.

    It is up to a quarter more or less, by chance, so that what failed together does not come back together.
    """
    doubled = FIRST_WAIT_S * 2.0 ** min(attempts, 16)
    return min(doubled, LONGEST_WAIT_S) * (0.75 + secrets.randbelow(501) / 1000)


def _row(found: Record) -> OutboxRow:
    return OutboxRow(**found)
