"""After a backup of the record was restored: those who were erased since stay erased, and the ledger says so again.

Their keys are destroyed, so their payloads cannot be read; but the restored ledger does not know why. The key file
tells: it says how far shredding has come, and that is further than the record knows. Requests and subscribers that
came back with the backup go again as wholes: nobody can open them any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.ledger.entries import record_entry
from cookiegate.rights.retention.disposals import Tally, batches, record_disposal
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables_deliveries import subscribers, subscriptions
from cookiegate.storage.tables_requests import request_documents, request_steps, requests
from cookiegate.storage.tables_retention import erased_keys

PAGE = 10_000
BATCH = 200
#: Puts an entry about these keys into the ledger.
Telling = Callable[[WriteTransaction, list[int], int], None]


def _tell_restored(transaction: WriteTransaction, key_ids: list[int], at_ms: int) -> None:
    record_disposal(transaction, Tally("key", None, "restored", 0, len(key_ids)), key_ids, at_ms)


def erase_again(storage: Storage, clock: Clock) -> int:
    """Erases, with a ledger entry, whoever's key is destroyed without this record knowing.

    Returns:
        How many keys; 0 at once when the record is as new as its keys. Repeating it does no harm.
    """
    return erase_unknown(storage, clock) if storage.vault.mark > _newest(storage) else 0


def erase_unknown(storage: Storage, clock: Clock, tell: Telling = _tell_restored) -> int:
    """The same, whatever the key file's mark says: it looks at every key.

    Args:
        storage: the record.
        clock: dates the entries.
        tell: puts the entry into the ledger that says why.
    """
    count = 0
    for lost in _lost_keys(storage):
        for batch in batches(lost, BATCH):
            storage.write(partial(_erase, list(batch), clock.now_ms(), tell))
        count += len(lost)
    storage.shred()
    storage.vault.destroy((), mark=_newest(storage))  # from here on both count from the same place
    return count


def tell_lost(transaction: WriteTransaction, key_ids: list[int], at_ms: int) -> None:
    """Says in the ledger that these keys were lost with their file, not destroyed on purpose."""
    body = {"erased_keys": key_ids, "count": len(key_ids), "reason": "subject_keys_lost"}
    record_entry(transaction, kind="loss", site=None, body=body, at_ms=at_ms)


def _newest(storage: Storage) -> int:
    return storage.read(sa.select(sa.func.max(erased_keys.c.sequence).label("newest")))[0]["newest"] or 0


def _lost_keys(storage: Storage) -> Iterator[list[int]]:
    for after in range(0, storage.vault.size(), PAGE):
        destroyed = storage.vault.destroyed(after, PAGE)
        if destroyed:
            query = sa.select(erased_keys.c.key_id).where(erased_keys.c.key_id.in_(destroyed))
            known = {row["key_id"] for row in storage.read(query)}
            yield [key_id for key_id in destroyed if key_id not in known]


def _erase(key_ids: list[int], at_ms: int, tell: Telling, transaction: WriteTransaction) -> None:
    tell(transaction, key_ids, at_ms)
    for key_id in key_ids:
        transaction.erase_key(key_id)
    request_ids = sa.select(requests.c.id).where(requests.c.key_id.in_(key_ids))
    names = sa.select(subscribers.c.name).where(subscribers.c.key_id.in_(key_ids))
    for table, where in (
        (request_steps, request_steps.c.request_id.in_(request_ids)),
        (request_documents, request_documents.c.key_id.in_(key_ids)),
        (requests, requests.c.key_id.in_(key_ids)),
        (subscriptions, subscriptions.c.subscriber.in_(names)),
        (subscribers, subscribers.c.key_id.in_(key_ids)),
    ):
        transaction.execute(sa.delete(table).where(where))
