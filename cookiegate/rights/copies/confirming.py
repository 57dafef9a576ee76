"""After a restore that lacks what came after its backup: nothing that may have been withdrawn meanwhile is used.

Nobody knows who withdrew in the time that is lost. So every consent counts again only when its person has confirmed it.
What was given out in that time is not known either: status indices, epochs and numbers in the streams go on far above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import sqlalchemy as sa
from msgspec.structs import replace

from cookiegate.clock import Clock
from cookiegate.consent.current import TO_CONFIRM
from cookiegate.ledger.consents_check import EPOCHS_LOST
from cookiegate.rights.erasure import end_tokens
from cookiegate.storage.contract import ConsentRow, Storage, WriteTransaction
from cookiegate.storage.sealed_rows import CONSENT_COLUMNS, consent_from_columns
from cookiegate.storage.tables import consents, revocations, status_lists
from cookiegate.storage.tables_deliveries import stream_events

PAGE = 500
#: More events than a stream sees in that time.
EVENTS_LOST = 1_000_000


def confirm_again(storage: Storage, clock: Clock, advance: Callable[[int], object] = lambda count: None) -> int:
    """Ends the tokens of every consent and makes it wait for its person.

    Args:
        storage: the restored record; nobody else works on it yet.
        clock: dates the revocations.
        advance: told how many consents more were looked at.

    Returns:
        How many consents wait.
    """
    for sequence, number in storage.write(partial(_leave_room, clock.now_ms())):
        storage.go_on_after(sequence, number)
    count = 0
    for page in _pages(storage):
        storage.write(partial(_unconfirm, page, clock.now_ms()))
        count += sum(row.is_granted for row in page)
        advance(len(page))
    return count


def _leave_room(at_ms: int, transaction: WriteTransaction) -> list[tuple[sa.Column[int], int]]:
    """Skips every number that may have been given out since; returns how far each counted column is now."""
    unused = transaction.allocate_slot()
    transaction.execute(sa.update(status_lists).values(used=status_lists.c.size))
    newest = sa.select(sa.func.coalesce(sa.func.max(revocations.c.sequence), 0).label("newest"))
    marker = {"status_list": unused.list_id, "status_index": unused.index, "site": "", "sub": None, "epoch": 0}
    revoked = transaction.execute(newest)[0]["newest"] + EVENTS_LOST
    transaction.execute(sa.insert(revocations).values(sequence=revoked, revoked_at_ms=at_ms, **marker))
    newest = sa.select(sa.func.coalesce(sa.func.max(stream_events.c.sequence), 0).label("newest"))
    number = transaction.execute(newest)[0]["newest"] + EVENTS_LOST
    facts = {"id": "", "stream": "", "site": "", "sub": None, "epoch": 0, "at_ms": at_ms, "request_id": None}
    transaction.execute(sa.insert(stream_events).values(sequence=number, **facts))
    transaction.execute(sa.delete(stream_events).where(stream_events.c.sequence == number))
    return [(revocations.c.sequence, revoked), (stream_events.c.sequence, number)]


def _pages(storage: Storage) -> Iterator[list[ConsentRow]]:
    columns = [consents.c[name] for name in CONSENT_COLUMNS]
    place = sa.tuple_(consents.c.site, consents.c.handle_hash)
    query = sa.select(*columns).order_by(consents.c.site, consents.c.handle_hash).limit(PAGE)
    rows = storage.read(query)
    while rows:
        found = (consent_from_columns(storage.vault, tuple(row.values())) for row in rows)
        yield [row for row in found if row is not None]
        last = sa.tuple_(sa.literal(rows[-1]["site"]), sa.literal(rows[-1]["handle_hash"]))
        rows = storage.read(query.where(place > last))


def _unconfirm(rows: Sequence[ConsentRow], at_ms: int, transaction: WriteTransaction) -> None:
    for row in rows:
        epoch = row.epoch + EPOCHS_LOST
        end_tokens(transaction, replace(row, epoch=epoch - 1), at_ms)
        version = TO_CONFIRM if row.is_granted else row.policy_version
        transaction.put_consent(replace(row, slot=None, epoch=epoch, policy_version=version))
