"""Who may act on a record by themselves: whoever holds its handle, or a receipt of one of its decisions.

Possession is shown anew at each step; nothing about a receipt is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cookiegate.errors import ReceiptInvalidError, RecordDamagedError
from cookiegate.ledger.receipt_reading import Receipt, read_receipt
from cookiegate.storage.tables_retention import erasures
from cookiegate.tokens.jws import PublicKeys
from cookiegate.web.call import Call
from cookiegate.web.service import Service
from cookiegate.web.visitors import handle_of


@dataclass(frozen=True, slots=True)
class PastErasure:
    """When a record was erased on somebody's demand, and the ledger entry that says so."""

    entry_id: str
    decisions: int
    erased_at_ms: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who showed that a record is theirs to see and to end.

    ``receipt`` is what they brought; None: their browser holds the handle. ``is_erased``: nothing of it is left.
    """

    site: str
    key_id: int
    receipt: Receipt | None = None
    is_erased: bool = False


def holder_by_handle(service: Service, call: Call, site: str) -> Holder | None:
    """Whoever's browser holds a handle of this site, granted or restricted."""
    row = service.decider.find(site, handle_of(call, site))
    return Holder(site, row.key_id) if row else None


def holder_by_receipt(service: Service, site: str, text: str) -> Holder:
    """Whoever brings a receipt.

    Args:
        site: that the record must be of.
        text: from a stranger.

    Raises:
        ReceiptInvalidError: it is none of ours, of another site, or of a decision that the record does not have.
        RecordDamagedError: the record has another decision under its number.
    """
    receipt = read_receipt(text, PublicKeys(service.keyring.jwks()))
    if receipt.site != site:
        raise ReceiptInvalidError("this is a receipt of another site", reason="other_site")
    row = service.storage.decision(receipt.decision_id)
    if row is None or row.site != site:
        raise ReceiptInvalidError("the record has no such decision", reason="decision_unknown")
    if row.leaf != receipt.leaf:
        raise RecordDamagedError("the record differs from a receipt that was signed over it", decision=row.id)
    return Holder(site, row.key_id, receipt, row.is_erased)


def past_erasure(service: Service, key_id: int) -> PastErasure | None:
    """How a record ended; None where its time was over before anybody demanded it."""
    wanted = (erasures.c.entry_id, erasures.c.decisions, erasures.c.erased_at_ms)
    rows = service.storage.read(sa.select(*wanted).where(erasures.c.key_id == key_id))
    return PastErasure(**rows[0]) if rows else None


def is_of_browser(service: Service, call: Call, holder: Holder) -> bool:
    """Whether this browser's own handle leads to the holder's record, so that its cookies end with it."""
    own = holder_by_handle(service, call, holder.site)
    return own is not None and own.key_id == holder.key_id
