"""Proofs of identity: kept encrypted under a key of their own, for the check and not a moment longer (S26).

Whatever ends the check drops them in its own transaction; a chore drops those that nobody looked at in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cookiegate.errors import BodyTooLargeError, InvalidInputError
from cookiegate.ledger.ids import new_id
from cookiegate.rights.requests.deadlines import DAY_MS
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables_requests import request_documents

#: What a document begins with, by media type: what a sender says of a file is not believed.
_SIGNATURES = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}
MEDIA_TYPES = tuple(_SIGNATURES)
DOCUMENTS_MAX = 3


@dataclass(frozen=True, slots=True)
class IdentityDocument:
    """A proof of identity, opened."""

    media_type: str
    received_at_ms: int
    content: bytes


def check_document(content: bytes, limit_bytes: int) -> str:
    """The media type of a document that can be taken.

    Args:
        content: the file.
        limit_bytes: the largest that is taken.

    Raises:
        BodyTooLargeError: it is larger.
        InvalidInputError: it is empty, or no PDF, JPEG or PNG.
    """
    if len(content) > limit_bytes:
        raise BodyTooLargeError(f"the document is larger than {limit_bytes} bytes", limit_bytes=limit_bytes)
    for media_type, signature in _SIGNATURES.items():
        if content.startswith(signature):
            return media_type
    raise InvalidInputError("the document does not fit", errors={"document": ["must be a PDF, a JPEG or a PNG"]})


def keep_document(
    storage: Storage, transaction: WriteTransaction, request_id: str, media_type: str, content: bytes, at_ms: int
) -> None:
    """Keeps a document under a fresh key.

    Raises:
        InvalidInputError: there are as many as a check can need.
    """
    count = sa.select(sa.func.count().label("kept")).where(request_documents.c.request_id == request_id)
    if int(transaction.execute(count)[0]["kept"]) >= DOCUMENTS_MAX:
        raise InvalidInputError("no more documents", errors={"document": [f"at most {DOCUMENTS_MAX} are taken"]})
    document_id, key_id = new_id(at_ms), storage.vault.new_key()
    row = {
        "id": document_id,
        "request_id": request_id,
        "media_type": media_type,
        "received_at_ms": at_ms,
        "key_id": key_id,
        "sealed": storage.vault.encrypt(key_id, f"request_documents:{document_id}", content),
    }
    transaction.execute(sa.insert(request_documents).values(**row))


def open_documents(storage: Storage, request_id: str) -> list[IdentityDocument]:
    """The documents of a request, oldest first, for whoever checks them."""
    query = sa.select(request_documents).where(request_documents.c.request_id == request_id)
    found = []
    for row in storage.read(query.order_by(request_documents.c.id)):
        content = storage.vault.decrypt(row["key_id"], f"request_documents:{row['id']}", row["sealed"])
        if content is not None:
            found.append(IdentityDocument(row["media_type"], row["received_at_ms"], content))
    return found


def drop_documents(transaction: WriteTransaction, request_id: str) -> list[int]:
    """Deletes the documents of a request, and queues their keys for shredding; returns the key ids."""
    return _drop(transaction, request_documents.c.request_id == request_id)


def drop_old_documents(storage: Storage, now_ms: int, days: int) -> int:
    """Deletes the documents that were kept for so many days, checked or not; returns how many."""

    def drop(transaction: WriteTransaction) -> list[int]:
        return _drop(transaction, request_documents.c.received_at_ms <= now_ms - days * DAY_MS)

    dropped = storage.write(drop)
    storage.shred()
    return len(dropped)


def _drop(transaction: WriteTransaction, where: sa.ColumnElement[bool]) -> list[int]:
    deleted = transaction.execute(sa.delete(request_documents).where(where).returning(request_documents.c.key_id))
    key_ids = [int(row["key_id"]) for row in deleted]
    for key_id in key_ids:
        transaction.erase_key(key_id)
    return key_ids
