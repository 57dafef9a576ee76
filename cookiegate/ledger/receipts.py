"""Receipts: the visitor's own proof of a decision, a signed JWS that stands without us.

Whoever holds one can check the signature against the JWKS, and recompute the ledger leaf from salt and record.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

import msgspec

from cookiegate.storage.contract import DecisionRow
from cookiegate.tokens.signing import SigningKey, sign_jws

RECEIPT_TYPE = "consent-receipt+jwt"


class _Receipt(msgspec.Struct, rename={"record_id": "jti"}):
    iss: str
    iat: int
    record_id: str
    record: msgspec.Raw
    salt: str
    leaf: str


def sign_receipt(key: SigningKey, issuer: str, row: DecisionRow) -> str:
    """The receipt of a decision: the same row and key give the same bytes.

    Args:
        key: the active signing key.
        issuer: base URL of the service, the ``iss`` claim.
        row: the durable decision.

    Returns:
        A compact JWS of type ``consent-receipt+jwt`` with the claims ``iss iat jti record salt leaf``; ``record`` is
        the canonical record, ``salt`` base64url, ``leaf`` hex.
    """
    receipt = _Receipt(
        iss=issuer,
        iat=row.decided_at_ms // 1000,
        record_id=row.id,
        record=msgspec.Raw(row.record),
        salt=urlsafe_b64encode(row.salt).rstrip(b"=").decode(),
        leaf=row.leaf.hex(),
    )
    return sign_jws(key, RECEIPT_TYPE, msgspec.json.encode(receipt))
