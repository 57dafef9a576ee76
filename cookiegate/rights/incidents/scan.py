"""Who is affected by an accident: everyone whose data of certain fields was within reach in a certain time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from cookiegate.storage.contract import Storage

PAGE = 1_000
Progress = Callable[[int], None]


class _Choice(msgspec.Struct):
    acquire: dict[str, bool]


def find_affected(
    storage: Storage, site: str, from_ms: int, to_ms: int, fields: Sequence[str], progress: Progress | None = None
) -> set[int]:
    """The subject keys of everyone affected who is not erased.

    A consent given before the time and not ended by then counts: its data was there. ``record`` among the fields means
    the consent records themselves, so that everyone who had decided by ``to_ms`` is affected.

    Args:
        storage: the record; every decision of the site up to ``to_ms`` is read.
        site: where.
        from_ms, to_ms: the time, milliseconds since the epoch.
        fields: acquisition categories, or ``record``.
        progress: told after each page how many decisions it had.
    """
    wanted, reads_records = set(fields), "record" in fields
    found: set[int] = set()
    standing: set[int] = set()  # within reach by their newest decision so far
    after = ""
    while page := storage.decisions_between(0, to_ms, site=site, after=after, limit=PAGE):
        for row in page:
            if row.is_erased:
                continue
            choice = msgspec.json.decode(row.record, type=_Choice)
            within_reach = any(given and key in wanted for key, given in choice.acquire.items())
            if within_reach or reads_records:
                standing.add(row.key_id)
            elif row.decided_at_ms <= from_ms:
                standing.discard(row.key_id)
            if row.decided_at_ms >= from_ms and (row.key_id in standing):
                found.add(row.key_id)  # before or after this decision, inside the time
                if not (within_reach or reads_records):
                    standing.discard(row.key_id)
        after = page[-1].id
        if progress is not None:
            progress(len(page))
    return found | standing
