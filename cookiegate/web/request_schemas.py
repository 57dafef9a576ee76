"""The contract of rights requests: what comes in, by JSON or by form, and what is told about one."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from cookiegate.errors import InvalidInputError
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS
from cookiegate.rights.delivery.mail import check_address
from cookiegate.rights.requests.deadlines import RESIDENCES
from cookiegate.rights.requests.kinds import KINDS

MESSAGE_MAX_CHARS = 4_000
NAME_MAX_CHARS = 200
AUTHORITY_MAX_CHARS = 500
#: Kinds that say nothing without words of the person.
WORDY = ("correction", "addition", "complaint")
#: What the person can do next.
NEXT_STEPS = ("confirm_address", "give_document", "pay_fee", "wait", "see_result", "none")


def _line(text: str) -> None:
    if not text.isprintable():
        raise ValidationError("must be one line of printable characters")


def _words(text: str) -> None:
    if not all(char.isprintable() or char in "\n\r\t" for char in text):
        raise ValidationError("must be printable characters")


def _address(text: str) -> None:
    try:
        check_address(text)
    except InvalidInputError as error:
        raise ValidationError("must be an e-mail address") from error


class ContactSchema(Schema):
    """How to reach whoever writes."""

    name = fields.String(load_default="", validate=[validate.Length(max=NAME_MAX_CHARS), _line])
    email = fields.String(
        load_default=None,
        allow_none=True,
        validate=_address,
        metadata={"description": "Without one, the answer is only seen by reference and code."},
    )


class AgentSchema(Schema):
    """Who writes for the person, and why they may."""

    name = fields.String(required=True, validate=[validate.Length(min=1, max=NAME_MAX_CHARS), _line])
    authority = fields.String(
        required=True,
        validate=[validate.Length(min=1, max=AUTHORITY_MAX_CHARS), _words],
        metadata={"example": "parent of a minor"},
    )


class RequestBodySchema(Schema):
    """A person's exercise of a right."""

    kind = fields.String(required=True, validate=validate.OneOf(list(KINDS)))
    message = fields.String(
        load_default="",
        validate=[validate.Length(max=MESSAGE_MAX_CHARS), _words],
        metadata={"description": f"In the person's words; needed for {', '.join(WORDY)}."},
    )
    contact = fields.Nested(ContactSchema, load_default=lambda: {"name": "", "email": None})
    residence = fields.String(
        load_default="other",
        validate=validate.OneOf(RESIDENCES),
        metadata={"description": "Where the person lives: it decides by when the answer is due."},
    )
    agent = fields.Nested(AgentSchema, allow_none=True, load_default=None)
    receipt = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=RECEIPT_LIMIT_CHARS),
        metadata={"description": "Proves whose record is meant; a handle cookie does the same."},
    )
    locale = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=35))

    @validates_schema
    def check_words(self, data: dict[str, Any], **_: Any) -> None:
        """Some kinds need words."""
        if data.get("kind") in WORDY and not data.get("message", "").strip():
            raise ValidationError({"message": ["is needed for this kind"]})


class RequestStepSchema(Schema):
    """One line of a request's history."""

    step = fields.String(required=True)
    at = fields.DateTime(required=True, format="iso")


class RequestSchema(Schema):
    """Where a request stands; nothing about the person."""

    reference = fields.String(required=True, metadata={"example": "R-7K3M-9QXT"})
    kind = fields.String(required=True, validate=validate.OneOf(list(KINDS)))
    state = fields.String(
        required=True,
        validate=validate.OneOf(
            ["received", "verified", "deciding", "decided", "carried_out", "withdrawn", "notified"]
        ),
    )
    outcome = fields.String(required=True, allow_none=True)
    ground = fields.String(required=True, allow_none=True, metadata={"description": "Why it was not granted as asked."})
    received_at = fields.DateTime(required=True, format="iso")
    due_at = fields.DateTime(required=True, format="iso", metadata={"description": "The answer comes before this."})
    next_step = fields.String(required=True, validate=validate.OneOf(NEXT_STEPS))
    history = fields.List(fields.Nested(RequestStepSchema), required=True)


class RequestReceivedSchema(RequestSchema):
    """A request that was just received."""

    code = fields.String(
        required=True, metadata={"description": "Shows where the request stands, in `X-Request-Code`. Told only here."}
    )
