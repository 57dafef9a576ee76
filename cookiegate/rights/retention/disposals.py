"""What retention asks of every kind of record: say what is due, and dispose of it in small, finished pieces."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cookiegate.ledger.entries import record_entry
from cookiegate.policy.document import Policy
from cookiegate.storage.contract import WriteTransaction

T = TypeVar("T")
DAY_MS = 86_400_000
#: Told how many records more were dealt with.
Advance = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a purge is about.

    Args:
        now_ms: the time that everything is judged by, milliseconds since the epoch.
        policies: the current policy of every site that is looked at; sites under a legal hold are not among them.
        is_whole: whether records that belong to no site are looked at too.
    """

    now_ms: int
    policies: Mapping[str, Policy]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records of one type and site fall under a rule.

    ``count`` are due (or were disposed of), ``kept`` would be, but a hold or a restriction keeps them.
    """

    record_type: str
    site: str | None
    rule: str
    days: int
    count: int
    kept: int = 0


class Disposal(Protocol):
    """One type of record. ``dispose`` may be cut off at any point: calling it again goes on, and loses nothing."""

    def due(self, scope: Scope) -> list[Tally]:
        """What would go now. Changes nothing."""
        ...

    def dispose(self, scope: Scope, advance: Advance) -> list[Tally]:
        """Disposes of what is due, each piece in a transaction of its own with one ledger entry.

        Raises:
            StorageError: what was finished stays finished.
        """
        ...


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def record_disposal(
    transaction: WriteTransaction, tally: Tally, erased_keys: Collection[int], at_ms: int, **facts: Any
) -> None:
    """Says in the ledger what is disposed of in this transaction, and which subject keys are destroyed with it."""
    body = {
        "record_type": tally.record_type,
        "rule": tally.rule,
        "days": tally.days,
        "count": tally.count,
        "erased_keys": list(erased_keys),
        **facts,
    }
    record_entry(transaction, kind="disposal", site=tally.site, body=body, at_ms=at_ms)
