"""Receipts: the visitor's own proof of a decision, a signed document that stands without us.

Whoever holds one can check the signature against the JWKS, recompute the ledger leaf from salt and record, and read in
the terms of a standard what was chosen, who is responsible and how to take it back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from cookiegate.ledger.receipt_document import describe_choice, describe_notice
from cookiegate.ledger.receipt_notices import NoticeArchive
from cookiegate.policy.document import Policy
from cookiegate.storage.contract import DecisionRow, Storage
from cookiegate.tokens import base64url
from cookiegate.tokens.signing import JwsOpening, SigningKey, Unsigned, sign

RECEIPT_TYPE = "consent-receipt+jwt"
_KEPT_TEMPLATES = 512
_KEPT_CHOICES = 8_192


class _Facts(msgspec.Struct):
    """What of a record a receipt depends on besides the record as a whole."""

    notice: str
    policy_version: int
    action: str
    purposes: msgspec.Raw
    acquire: msgspec.Raw


class _Ledger(msgspec.Struct):
    proof: str
    checkpoint: str


class _Members(msgspec.Struct, omit_defaults=True):
    """The members of one decision."""

    iat: int
    jti: str
    status: msgspec.Raw
    record: msgspec.Raw
    salt: str
    leaf: str
    ledger: _Ledger
    subject: msgspec.Raw | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Template:
    """What all receipts under one notice share: their first members as JSON, up to the comma before the others.

    ``openings`` are its beginnings of tokens, by the key's name.
    """

    policy: Policy
    opening: bytes
    openings: dict[str, JwsOpening] = field(default_factory=dict)

    def begun(self, key: SigningKey) -> JwsOpening:
        """What the receipts under this notice begin with when this key signs."""
        begun = self.openings.get(key.kid)
        if begun is None:
            begun = self.openings[key.kid] = JwsOpening(key, RECEIPT_TYPE, self.opening)
        return begun


_facts = msgspec.json.Decoder(_Facts)
_choices = msgspec.json.Decoder(dict[str, bool])
_members = msgspec.json.Encoder()
#: Who refuses gets no pseudonym, and the receipt says so.
_NOBODY = msgspec.Raw(b'{"type":"DataSubject","applicability":"NotApplicable"}')


class ReceiptBook:
    """Makes the documents of receipts: the static part once per notice, the rest from the decision's row alone.

    A decision names its notice, so its receipt is the same for good, whatever was published later.

    Args:
        storage: the record, for the published policies.
        base_url: address of the service, the ``iss`` claim.
    """

    def __init__(self, storage: Storage, base_url: str) -> None:
        self.notices = NoticeArchive(storage)
        self._base_url = base_url
        self._checkpoint = f"{base_url}/ledger/checkpoint"
        self._templates: dict[str, _Template] = {}

    def document(self, row: DecisionRow) -> bytes:
        """The receipt of a decision before it is signed, as JSON.

        Args:
            row: the durable decision, not erased.

        Raises:
            RecordDamagedError: the record names a notice that was never published.
            StorageError, PolicyError: the notice cannot be read now; it is read once.
        """
        template, rest = self._write(row)
        return template.opening + rest

    def draft(self, key: SigningKey, row: DecisionRow) -> Unsigned:
        """The receipt of a decision before it is signed; see :func:`sign_receipt`."""
        template, rest = self._write(row)
        return template.begun(key).unsigned(rest)

    def _write(self, row: DecisionRow) -> tuple[_Template, bytes]:
        """What the decision's document shares with others, and its own rest."""
        facts = _facts.decode(row.record)
        template = self._templates.get(facts.notice) or self._prepare(row.site, facts)
        members = _Members(
            iat=row.decided_at_ms // 1000,
            jti=row.id,
            status=_status(template, facts.action, bytes(facts.purposes), bytes(facts.acquire)),
            record=msgspec.Raw(row.record),
            salt=base64url.encode(row.salt),
            leaf=row.leaf.hex(),
            ledger=_Ledger(f"{self._base_url}/ledger/proof/{row.id}", self._checkpoint),
            subject=_NOBODY if row.sub is None else None,
        )
        return template, _members.encode(members)[1:]

    def _prepare(self, site: str, facts: _Facts) -> _Template:
        archived, notice = self.notices.find(site, facts.policy_version, facts.notice)
        policy = archived.published.policy
        opening = _members.encode(describe_notice(policy, notice, self._base_url))[:-1] + b","
        opening += b" " * (-len(opening) % 3)  # white space of JSON: see JwsOpening
        if len(self._templates) >= _KEPT_TEMPLATES:
            self._templates.clear()
        template = self._templates[facts.notice] = _Template(policy, opening)
        return template


@lru_cache(maxsize=_KEPT_CHOICES)
def _status(template: _Template, action: str, purposes: bytes, acquire: bytes) -> msgspec.Raw:
    # Most visitors choose one of a few things, so this is rarely computed.
    optional = {purpose.key for purpose in template.policy.optional_purposes}
    asked = {key: on for key, on in _choices.decode(purposes).items() if key in optional}
    states = describe_choice(action, template.policy.ask_again_days, asked, _choices.decode(acquire))
    return msgspec.Raw(_members.encode(states))


def sign_receipt(key: SigningKey, book: ReceiptBook, row: DecisionRow) -> str:
    """The receipt of a decision: the same row, key and published policy give the same bytes.

    Args:
        key: the active signing key.
        book: makes the document.
        row: the durable decision, not erased.

    Returns:
        A compact JWS of type ``consent-receipt+jwt`` whose payload is a JSON-LD document with the JWT claims ``iss iat
        jti`` and the proof: ``record`` is the canonical record, ``salt`` base64url, ``leaf`` hex.

    Raises:
        RecordDamagedError, StorageError, PolicyError: as :meth:`ReceiptBook.document`.
    """
    return sign(book.draft(key, row))
