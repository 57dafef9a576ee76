"""The API's contract in marshmallow: what OpenAPI publishes, and what explains a rejected body field by field.

The hot path checks the same contract with msgspec types (``bodies.py``); a property test holds the two equal.
"""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, fields, validate

from cookiegate.consent.grants import ACTIONS
from cookiegate.consent.signals import SIGNALS
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS
from cookiegate.tokens.claims import BINDINGS_LIMIT

DIGEST = validate.Regexp(r"\A[0-9a-f]{64}\Z", error="must be the 64 hex digits of a SHA-256")
KEY = validate.Length(min=1, max=64)
EPOCH_MAX = 2**31 - 1


class StrictInteger(fields.Integer):
    """A JSON number without a fraction; never a string or a boolean."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class StrictBoolean(fields.Boolean):
    """``true`` or ``false``; never a word or a number that looks like one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


def _choices(description: str) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=KEY),
        values=StrictBoolean(),
        allow_none=True,
        load_default=None,
        validate=lambda choices: validate.Length(max=64)(choices or {}),
        metadata={
            "description": description,
            "example": {"analytics": True},
            "maxProperties": 64,
            "propertyNames": {"minLength": 1, "maxLength": 64},
        },
    )


def _bindings() -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"\A[a-z0-9_-]{1,32}\Z", error="must be a tracker's name")),
        values=fields.String(
            validate=validate.Regexp(
                r"\A[A-Za-z0-9_-]{21}[AQgw]\Z", error="must be 16 bytes of a SHA-256 as 22 characters of base64url"
            )
        ),
        allow_none=True,
        load_default=None,
        validate=lambda bindings: validate.Length(max=BINDINGS_LIMIT)(bindings or {}),
        metadata={
            "description": "Tracker → hash of the client id that it gave: the token is bound to that client. "
            "Trackers for which the policy does not ask for it are passed over.",
            "example": {"snowplow": "9dJ3l4UhVZ6QkqVJ0iM8vw"},
            "maxProperties": BINDINGS_LIMIT,
        },
    )


class TokenBodySchema(Schema):
    """What a fresh token is to be bound to."""

    bind = _bindings()


class DecisionBodySchema(Schema):
    """One act of a visitor under one notice."""

    notice = fields.String(
        required=True, validate=DIGEST, metadata={"description": "SHA-256 of the notice that the visitor saw, hex."}
    )
    action = fields.String(
        required=True, validate=validate.OneOf(ACTIONS), metadata={"description": "What the visitor did."}
    )
    purposes = _choices("Purpose key → allowed. Needed for `choose`; what is missing is refused.")
    acquire = _choices("Acquisition category → allowed. What is missing is refused.")
    epoch = StrictInteger(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(min=0, max=EPOCH_MAX),
        metadata={"description": "The epoch that the page last saw; a grant under an older one is refused with 409."},
    )
    ui = fields.String(
        allow_none=True,
        load_default=None,
        validate=DIGEST,
        metadata={
            "description": "SHA-256 of what the visitor was shown: the widget's and the preferences page's own digest. "
            "Who shows a screen of their own leaves it out; a digest that is not known is recorded as null."
        },
    )
    bind = _bindings()
    signal = fields.String(
        allow_none=True,
        load_default=None,
        validate=validate.OneOf(SIGNALS),
        metadata={
            "description": "The browser signal that the page's script sees; the headers `Sec-GPC` and `DNT` count too. "
            "Needed by one of these ways for the action `signal`."
        },
    )


class ConsentSchema(Schema):
    """The consent that holds now."""

    site = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["undecided", "granted", "refused"]))
    restricted = fields.Boolean(
        required=True,
        metadata={"description": "Whether the person had the use of their data restricted; then nothing is allowed."},
    )
    ask = fields.Boolean(required=True, metadata={"description": "Whether the visitor must be asked (again)."})
    ask_reason = fields.String(
        required=True, allow_none=True, validate=validate.OneOf(["undecided", "policy_changed", "expired"])
    )
    policy_version = fields.Integer(required=True, allow_none=True)
    current_policy_version = fields.Integer(required=True)
    epoch = fields.Integer(required=True, metadata={"description": "Rises with every change."})
    purposes = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)
    acquire = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)
    decided_at = fields.DateTime(required=True, allow_none=True, format="iso")
    expires_at = fields.DateTime(required=True, allow_none=True, format="iso")
    signal = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(SIGNALS),
        metadata={"description": "The browser signal that came with the request and counts."},
    )
    despite = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(SIGNALS),
        metadata={"description": "The signal in spite of which purposes were allowed by name."},
    )


class SignalSchema(Schema):
    """A browser signal that was seen with a decision, and what it meant."""

    seen = fields.String(required=True, validate=validate.OneOf(SIGNALS))
    held = fields.List(
        fields.String(), required=True, metadata={"description": "Purposes that it switched off, or kept off."}
    )
    despite = fields.List(
        fields.String(), metadata={"description": "Purposes that were allowed by name although it was there."}
    )
    since = fields.DateTime(
        format="iso", metadata={"description": "For the act `signal`: when what still holds was allowed."}
    )


class DecisionSchema(Schema):
    """A decision as it was recorded."""

    id = fields.UUID(required=True, metadata={"description": "UUIDv7: ordered by time."})
    site = fields.String(required=True)
    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    policy_version = fields.Integer(required=True)
    notice = fields.String(required=True)
    purposes = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)
    acquire = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)
    decided_at = fields.DateTime(required=True, format="iso")
    signal = fields.Nested(SignalSchema, required=True, allow_none=True)


class DecisionAnswerSchema(Schema):
    """What a decision is answered with, once it is durable."""

    decision = fields.Nested(DecisionSchema, required=True)
    consent = fields.Nested(ConsentSchema, required=True)
    receipt = fields.String(required=True, metadata={"description": "Signed proof of the decision, a compact JWS."})
    token = fields.String(required=True, allow_none=True, metadata={"description": "Null when nothing was granted."})
    expires_at = fields.DateTime(required=True, allow_none=True, format="iso")


class TokenAnswerSchema(Schema):
    """A fresh consent token."""

    token = fields.String(required=True)
    expires_at = fields.DateTime(required=True, format="iso")
    epoch = fields.Integer(required=True)


class RecipientSchema(Schema):
    """Who gets data."""

    key = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(["third_party", "trustee", "joint_user"]))
    kind_text = fields.String(required=True)
    country = fields.String(required=True)
    country_name = fields.String(required=True)
    url = fields.String(required=True, allow_none=True)
    transfer = fields.String(allow_none=True, metadata={"description": "Basis for provision abroad."})
    transfer_text = fields.String(allow_none=True)
    transfer_safeguards = fields.String(allow_none=True)
    joint_use = fields.Dict(keys=fields.String(), values=fields.String(), allow_none=True)
    exception = fields.String(
        allow_none=True, metadata={"description": "Legal exception for provision without consent."}
    )
    exception_text = fields.String(allow_none=True)


class NoticePurposeSchema(Schema):
    """A purpose in one language."""

    key = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    loss_text = fields.String(
        allow_none=True, metadata={"description": "What is lost by saying no; null where nobody is asked."}
    )
    legal_basis = fields.String(required=True)
    legal_basis_text = fields.String(required=True)
    always_on = fields.Boolean(required=True)
    automated_decisions = fields.Boolean()
    acquire = fields.List(fields.String(), required=True)
    retention_days = fields.Integer(required=True)
    retention_text = fields.String(required=True)
    recipients = fields.List(fields.Nested(RecipientSchema), required=True)


class NoticeCategorySchema(Schema):
    """An acquisition category in one language."""

    key = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    optional = fields.Boolean(required=True)


class NoticeSchema(Schema):
    """A policy in one language: what to show before asking."""

    notice = fields.String(required=True, metadata={"description": "SHA-256 of this document, sent with a decision."})
    site = fields.String(required=True)
    policy_version = fields.Integer(required=True)
    holds_since = fields.Integer(
        required=True, metadata={"description": "The oldest policy version whose decisions still hold."}
    )
    locale = fields.String(required=True)
    dir = fields.String(required=True)
    authoritative_locale = fields.String(required=True)
    controller = fields.Dict(required=True)
    purposes = fields.List(fields.Nested(NoticePurposeSchema), required=True)
    acquire = fields.List(fields.Nested(NoticeCategorySchema), required=True)
    ip_when_refused = fields.String(required=True)
    ask_again_days = fields.Integer(required=True)
    refused_days = fields.Integer(
        metadata={"description": "Days for which a refusal is left in peace here, if that is longer than after a yes."}
    )
    retention = fields.Dict(keys=fields.String(), values=fields.String())
    texts = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    theme = fields.Dict(required=True)
    links = fields.Dict(required=True)
    out_of_scope = fields.String(required=True, allow_none=True)


class ProblemSchema(Schema):
    """An error (RFC 9457). ``code`` is stable; other members are evidence."""

    class Meta:
        """Evidence differs from code to code."""

        unknown = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class RecordBodySchema(Schema):
    """Whose record is meant; without a receipt, that of the handle cookie."""

    receipt = fields.String(
        allow_none=True,
        load_default=None,
        validate=validate.Length(max=RECEIPT_LIMIT_CHARS),
        metadata={"description": "A receipt: its compact text, or the whole downloaded file."},
    )


class RecordActSchema(Schema):
    """What was done with the record."""

    site = fields.String(required=True)
    erased = fields.Boolean()
    restricted = fields.Boolean()
    decisions = fields.Integer(metadata={"description": "How many decisions were erased."})
    entry = fields.String(allow_none=True, metadata={"description": "Id of the ledger entry of an erasure."})
    proof = fields.String(allow_none=True, metadata={"description": "Address of its proof."})


class HealthSchema(Schema):
    """Whether the service can do its work."""

    status = fields.String(required=True)
    checks = fields.Dict(keys=fields.String(), values=fields.String())
