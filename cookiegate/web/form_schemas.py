"""The fields of the pages' forms, as the API's description shows them. The views read them field by field."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from cookiegate.consent.grants import PRESSED
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS
from cookiegate.rights.requests.deadlines import RESIDENCES
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.web.request_schemas import AUTHORITY_MAX_CHARS, MESSAGE_MAX_CHARS, NAME_MAX_CHARS
from cookiegate.web.schemas import DIGEST, EPOCH_MAX

URL_ENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_KEY = validate.Regexp(r"\A[A-Za-z0-9_-]{16,128}\Z")
_RECEIPT = validate.Length(max=RECEIPT_LIMIT_CHARS)
_FILE = {"format": "binary"}


class FormSchema(Schema):
    """A form: what else a browser sends along is not looked at."""

    class Meta:
        """Said in the description, too."""

        unknown = EXCLUDE


class ChoiceFormSchema(FormSchema):
    """A choice on the preferences page."""

    action = fields.String(required=True, validate=validate.OneOf(PRESSED))
    key = fields.String(required=True, validate=_KEY, metadata={"description": "As the page had it."})
    epoch = fields.Integer(required=True, validate=validate.Range(min=0, max=EPOCH_MAX))
    notice = fields.String(required=True, validate=DIGEST)
    purposes = fields.List(fields.String())
    acquire = fields.List(fields.String())
    ui = fields.String(metadata={"description": "Digest of the page that was shown, as the page had it."})


class ReceiptFormSchema(FormSchema):
    """A receipt that somebody brings: pasted, or as a file."""

    receipt = fields.String(validate=_RECEIPT)
    file = fields.String(metadata=_FILE)
    format = fields.String(validate=validate.OneOf(["json"]))


class RecordFormSchema(FormSchema):
    """A button of the record's pages."""

    do = fields.String(
        required=True,
        validate=validate.OneOf(["find", "see", "json", "csv", "restrict", "lift", "ask-erase", "erase"]),
    )
    receipt = fields.String(validate=_RECEIPT)
    file = fields.String(metadata=_FILE)


class RequestFormSchema(FormSchema):
    """A rights request."""

    key = fields.String(required=True, validate=_KEY, metadata={"description": "As the page had it."})
    kind = fields.String(required=True, validate=validate.OneOf(list(KINDS)))
    residence = fields.String(required=True, validate=validate.OneOf(RESIDENCES))
    message = fields.String(validate=validate.Length(max=MESSAGE_MAX_CHARS))
    name = fields.String(validate=validate.Length(max=NAME_MAX_CHARS))
    email = fields.String()
    agent = fields.String(validate=validate.Length(max=NAME_MAX_CHARS))
    authority = fields.String(validate=validate.Length(max=AUTHORITY_MAX_CHARS))
    receipt = fields.String(validate=_RECEIPT)


class StatusFormSchema(FormSchema):
    """A button of a request's status page."""

    code = fields.String(required=True)
    action = fields.String(validate=validate.OneOf(["show", "document", "withdraw", "json", "csv"]))
    document = fields.String(metadata=_FILE)


class ConfirmFormSchema(FormSchema):
    """The button behind a mailed link."""

    t = fields.String(required=True, metadata={"description": "As the link has it."})


def form_body(schema: type[Schema], *media_types: str) -> dict[str, Any]:
    """The body of a form as OpenAPI describes it."""
    content = {media_type: {"schema": schema} for media_type in media_types or (URL_ENCODED,)}
    return {"required": any(field.required for field in schema().fields.values()), "content": content}
