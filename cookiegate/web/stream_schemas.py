"""The contract of streams: what subscribers get, and what they send."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate

from cookiegate.errors import InvalidInputError, MediaTypeError
from cookiegate.web.bodies import load_json
from cookiegate.web.call import JSON, Call
from cookiegate.web.schemas import StrictInteger

SEQUENCE_MAX = 2**53


class StreamEventSchema(Schema):
    """Grants of ``sub`` below ``epoch`` no longer hold, and what the stream says is to be done."""

    id = fields.String(required=True, metadata={"description": "Never used twice."})
    stream = fields.String(required=True)
    sequence = fields.Integer(required=True, metadata={"description": "Rises; numbers may be missing."})
    site = fields.String(required=True)
    sub = fields.String(required=True, metadata={"description": "The subject, as in `consent.sub` of an event."})
    epoch = fields.Integer(required=True)
    at = fields.String(required=True, metadata={"description": "RFC 3339."})
    request = fields.String(required=True, allow_none=True, metadata={"description": "The request it belongs to."})


class StreamPageSchema(Schema):
    """A page of a stream."""

    stream = fields.String(required=True)
    events = fields.List(fields.Nested(StreamEventSchema), required=True)
    next = fields.Integer(required=True, metadata={"description": "Ask with it as `after` for the next page."})
    acknowledged = fields.Integer(required=True)


class AcknowledgementSchema(Schema):
    """The subscriber has done what the stream said."""

    through = StrictInteger(
        strict=True,
        required=True,
        validate=validate.Range(min=0, max=SEQUENCE_MAX),
        metadata={"description": "The highest sequence that was done, and every one below."},
    )


class AcknowledgedSchema(Schema):
    """How far the subscriber has acknowledged."""

    stream = fields.String(required=True)
    acknowledged = fields.Integer(required=True)


_acknowledgement = AcknowledgementSchema()


def read_acknowledgement(call: Call, limit_bytes: int) -> int:
    """The sequence in an acknowledgement.

    Raises:
        MediaTypeError, BodyTooLargeError, MalformedBodyError, InvalidInputError: it is none.
    """
    if (call.header("CONTENT_TYPE") or "").partition(";")[0].strip().lower() != JSON:
        raise MediaTypeError(f"send the acknowledgement as {JSON}", accepted=JSON)
    document = load_json(call.read_body(limit_bytes))
    if not isinstance(document, dict):
        raise InvalidInputError("the body must be a JSON object", errors={"": ["must be an object"]})
    try:
        loaded = _acknowledgement.load(document)
    except ValidationError as error:
        named = isinstance(error.messages, dict) and "through" in error.messages
        faults = error.messages_dict["through"] if named else ["nothing else is taken"]
        raise InvalidInputError("the body does not fit", errors={"through": faults}) from error
    through: int = loaded["through"]
    return through


def read_number(name: str, text: str | None, default: int, low: int, high: int) -> int:
    """A number of the query.

    Raises:
        InvalidInputError: it is none, or out of range.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and low <= int(text) <= high):
        raise InvalidInputError(
            f"{name} must be a whole number from {low} to {high}", errors={name: [f"must be from {low} to {high}"]}
        )
    return int(text)
