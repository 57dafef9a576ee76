"""Nobody who was erased comes back with an old copy of the key file.

The key file says in its header how far shredding has come. A copy from before says less than the record, so what was
erased since is queued anew when the record is opened, before anything is read with those keys.
"""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa

from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables import shreds
from cookiegate.storage.tables_retention import erased_keys

PAGE = 10_000


def queue_undone(storage: Storage) -> None:
    """Queues every key that was erased after the key file's mark; :meth:`Storage.shred` destroys them."""
    mark = storage.vault.mark
    while page := _page_after(storage, mark):
        queued = [key_id for _sequence, key_id in page]
        storage.write(partial(_queue, queued))
        mark = page[-1][0]


def reshred_all(storage: Storage) -> int:
    """Looks at every key that was ever erased, and destroys those that are there; for a file put together by hand.

    Returns:
        How many had come back.
    """
    at, found = 0, 0
    while page := _page_after(storage, at):
        back = [key_id for _sequence, key_id in page if key_id <= storage.vault.size() and storage.vault.holds(key_id)]
        if back:
            storage.write(partial(_queue, back))
            storage.shred()
        at, found = page[-1][0], found + len(back)
    return found


def _page_after(storage: Storage, sequence: int) -> list[tuple[int, int]]:
    query = sa.select(erased_keys).where(erased_keys.c.sequence > sequence).order_by(erased_keys.c.sequence)
    return [(row["sequence"], row["key_id"]) for row in storage.read(query.limit(PAGE))]


def _queue(key_ids: list[int], transaction: WriteTransaction) -> None:
    chosen = sa.select(erased_keys.c.key_id).where(erased_keys.c.key_id.in_(key_ids))
    chosen = chosen.where(erased_keys.c.key_id.not_in(sa.select(shreds.c.key_id)))
    transaction.execute(sa.insert(shreds).from_select(["key_id"], chosen))
