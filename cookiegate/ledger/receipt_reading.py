"""Reads receipts that somebody brings: nothing in them is believed that the service did not sign."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cookiegate.errors import ReceiptInvalidError
from cookiegate.ledger.hashing import canonical, leaf_hash
from cookiegate.ledger.receipt_document import context_of
from cookiegate.ledger.receipts import RECEIPT_TYPE
from cookiegate.tokens import base64url
from cookiegate.tokens.jws import PublicKeys, open_jws
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.strictjson import read_object

#: A policy with everything at its limit stays below; nothing longer is looked at.
RECEIPT_LIMIT_CHARS = 262_144
#: Members of the downloaded file that are not part of what was signed.
JWS_MEMBER = "jws"
_CONTEXT = "@context"

_REFUSALS = {
    Reason.KEY_UNKNOWN: "it is signed with a key that this service does not have, or no longer trusts",
    Reason.SIGNATURE_INVALID: "its signature does not fit: it was changed after it was signed",
    Reason.TYPE_DENIED: "it is a signed text of another kind, such as a consent token",
    Reason.ALGORITHM_DENIED: "it is signed in a way that this service never uses",
}
_NO_RECEIPT = "this is not a receipt: paste the whole text of one, or the whole file that was downloaded"


@dataclass(frozen=True)
class Receipt:
    """A receipt whose signature, salt, record and leaf agree.

    ``text`` is its compact JWS, ``record`` the canonical record, ``claims`` the signed document as it was read.
    """

    text: str
    decision_id: str
    site: str
    record: bytes
    salt: bytes
    leaf: bytes
    claims: Mapping[str, Any]

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """The members of the record."""
        facts: Mapping[str, Any] = self.claims["record"]
        return facts

    @property
    def key_id(self) -> str:
        """Name of the key that signed it."""
        return str(read_object(base64url.decode(self.text.partition(".")[0]))["kid"])


def read_receipt(text: str, keys: PublicKeys) -> Receipt:
    """Reads a receipt in any of its forms: the compact text, or the downloaded file; also those of former versions.

    Args:
        text: from a stranger, of any length. White space that mail programs put into it does no harm.
        keys: the published keys.

    Raises:
        ReceiptInvalidError: with a sentence that says what is wrong, and ``evidence["reason"]``.
    """
    if len(text) > RECEIPT_LIMIT_CHARS:
        raise ReceiptInvalidError("this is longer than any receipt of this service", reason="too_long")
    shown, compact = _unwrap(text)
    try:
        claims = read_object(open_jws(compact, RECEIPT_TYPE, keys))
    except Denied as denied:
        raise ReceiptInvalidError(_REFUSALS.get(denied.reason, _NO_RECEIPT), reason=denied.reason.value) from denied
    except ValueError as error:
        raise ReceiptInvalidError(_NO_RECEIPT, reason="not_json") from error
    if shown is not None and _plain(shown) != _plain(claims):
        detail = "the readable part of this file was changed; only the signed part of it is proof"
        raise ReceiptInvalidError(detail, reason="readable_part_changed")
    return _check(compact, claims)


def download_document(receipt: Receipt) -> dict[str, Any]:
    """The file that a visitor keeps: the readable document with its context inside, and the signed text of it."""
    # Receipts of former versions are no JSON-LD documents.
    context = {_CONTEXT: json.loads(context_of(receipt.claims))[_CONTEXT]} if _CONTEXT in receipt.claims else {}
    return {**context, **_without_frame(receipt.claims), JWS_MEMBER: receipt.text}


def _unwrap(text: str) -> tuple[dict[str, Any] | None, str]:
    """The readable part, where the text is a downloaded file, and the signed text."""
    stripped = text.strip().removeprefix("\ufeff")
    if not stripped.startswith("{"):
        return None, "".join(stripped.split())
    try:
        shown = read_object(stripped.encode())
    except ValueError as error:
        raise ReceiptInvalidError("this file is not whole, or not JSON any more", reason="not_json") from error
    signed = shown.get(JWS_MEMBER)
    if not isinstance(signed, str):
        raise ReceiptInvalidError("this file has no signed part (`jws`)", reason="not_signed")
    return shown, signed


def _without_frame(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in (_CONTEXT, JWS_MEMBER)}


def _plain(document: Mapping[str, Any]) -> str:
    # As text, because 1, 1.0 and true are equal to Python and not to a reader.
    return json.dumps(_without_frame(document), sort_keys=True)


def _check(text: str, claims: dict[str, Any]) -> Receipt:
    try:
        facts = claims["record"]
        decision_id, site = facts["id"], facts["site"]
        record, salt, leaf = canonical(facts), base64url.decode(claims["salt"]), bytes.fromhex(claims["leaf"])
        whole = isinstance(decision_id, str) and isinstance(site, str) and claims["jti"] == decision_id
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ReceiptInvalidError("parts of this receipt are missing", reason="incomplete") from error
    if not whole:
        raise ReceiptInvalidError("this receipt names no decision", reason="incomplete")
    if leaf_hash(salt, record) != leaf:
        raise ReceiptInvalidError("record, salt and leaf of this receipt do not fit together", reason="leaf_differs")
    return Receipt(text, decision_id, site, record, salt, leaf, claims)
