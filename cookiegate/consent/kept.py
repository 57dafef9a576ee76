"""Whether what a decision left behind is still there."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.errors import StorageError
from cookiegate.storage.contract import Storage
from cookiegate.storage.tables import consents, decisions


def is_kept(storage: Storage, decision_id: str) -> bool:
    """Whether the person of a decision still has their data here, and its use is not restricted.

    False where the record cannot tell.
    """
    of_person = sa.select(consents.c.restricted).join(decisions, decisions.c.key_id == consents.c.key_id)
    try:
        rows = storage.read(of_person.where(decisions.c.id == decision_id, decisions.c.sealed.is_not(None)))
    except StorageError:
        return False
    return bool(rows) and not any(row["restricted"] for row in rows)
