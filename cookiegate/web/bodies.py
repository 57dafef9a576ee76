"""From bytes to a decision: strict, bounded, and with every fault named."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

import msgspec
from marshmallow import Schema, ValidationError

from cookiegate.errors import CookiegateError, InvalidInputError, MalformedBodyError, MediaTypeError
from cookiegate.tokens.claims import BINDINGS_LIMIT
from cookiegate.web.call import JSON, Call
from cookiegate.web.schemas import EPOCH_MAX, DecisionBodySchema, TokenBodySchema

DEPTH_MAX = 20
_MARKS = re.compile(r'\\.?|["\[\]{}]', re.DOTALL)
IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")

_Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Choices = Annotated[dict[_Key, bool], msgspec.Meta(max_length=64)]
_Tracker = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9_-]{1,32}\Z")]
_Hash = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{21}[AQgw]\Z")]
_Bindings = Annotated[dict[_Tracker, _Hash], msgspec.Meta(max_length=BINDINGS_LIMIT)]


class DecisionBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``DecisionBodySchema`` as a type; a property test holds the two equal."""

    notice: _Digest
    action: Literal["accept", "reject", "choose", "withdraw", "signal"]
    purposes: _Choices | None = None
    acquire: _Choices | None = None
    epoch: Annotated[int, msgspec.Meta(ge=0, le=EPOCH_MAX)] | None = None
    ui: _Digest | None = None
    bind: _Bindings | None = None
    signal: Literal["gpc", "dnt"] | None = None


class TokenBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``TokenBodySchema`` as a type."""

    bind: _Bindings | None = None


class IdempotencyKeyError(CookiegateError):
    """The request cannot be repeated safely without a usable key."""

    code = "idempotency_key_invalid"


_decode = msgspec.json.Decoder(DecisionBody).decode
_schema = DecisionBodySchema()
_decode_token_body = msgspec.json.Decoder(TokenBody).decode
_token_schema = TokenBodySchema()


def read_idempotency_key(call: Call) -> str:
    """The ``Idempotency-Key`` header.

    Raises:
        IdempotencyKeyError: it is missing, or not 16 to 128 letters, digits, ``-`` or ``_``.

    Source: the IETF draft "The Idempotency-Key HTTP Header Field".
    """
    key = (call.header("HTTP_IDEMPOTENCY_KEY") or "").strip().strip('"')
    if IDEMPOTENCY_KEY.fullmatch(key) is None:
        raise IdempotencyKeyError(
            "send an Idempotency-Key header of 16 to 128 letters, digits, - or _, such as a random UUID, "
            "and the same one when you repeat the request"
        )
    return key


def read_decision_body(call: Call, limit_bytes: int) -> DecisionBody:
    """The decision in a request's body.

    Raises:
        MediaTypeError: it is not JSON.
        BodyTooLargeError: it is larger than ``limit_bytes``.
        MalformedBodyError: it is not UTF-8, not JSON, repeats a key, or nests deeper than 20 levels.
        InvalidInputError: a field is missing, unknown or of the wrong kind; each is named.
    """
    media_type = (call.header("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise MediaTypeError(f"send the decision as {JSON}", accepted=JSON)
    body = call.read_body(limit_bytes)
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _explain(body)


def read_token_body(call: Call, limit_bytes: int) -> TokenBody:
    """What a fresh token is to be bound to; nothing where there is no body.

    Raises:
        MediaTypeError, BodyTooLargeError, MalformedBodyError, InvalidInputError: as :func:`read_decision_body`.
    """
    body = call.read_body(limit_bytes)
    if not body:
        return TokenBody()
    media_type = (call.header("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise MediaTypeError(f"send the body as {JSON}", accepted=JSON)
    try:
        return _decode_token_body(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return TokenBody(**load_fields(load_json(body), _token_schema))


def load_body(call: Call, limit_bytes: int, schema: Schema) -> dict[str, Any]:
    """A JSON body of another endpoint, as its contract reads it.

    Raises:
        MediaTypeError, BodyTooLargeError, MalformedBodyError, InvalidInputError: as :func:`read_decision_body`.
    """
    media_type = (call.header("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise MediaTypeError(f"send the body as {JSON}", accepted=JSON)
    return load_fields(load_json(call.read_body(limit_bytes)), schema)


def load_fields(document: Any, schema: Schema) -> dict[str, Any]:
    """A document, from whatever door, as a contract reads it.

    Raises:
        InvalidInputError: naming every fault by its field.
    """
    if not isinstance(document, dict):
        raise InvalidInputError("the body must be a JSON object", errors={"": ["must be an object"]})
    try:
        loaded: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        raise InvalidInputError("the body does not fit", errors=_flatten(error.messages)) from error
    return loaded


def _explain(body: bytes) -> DecisionBody:
    """Loads a body that the fast type refused through the contract, which names every fault."""
    document = load_json(body)
    if not isinstance(document, dict):
        raise InvalidInputError("the body must be a JSON object", errors={"": ["must be an object"]})
    try:
        return DecisionBody(**_schema.load(document))
    except ValidationError as error:
        raise InvalidInputError("the body does not fit", errors=_flatten(error.messages)) from error


def load_json(body: bytes) -> Any:
    """Any JSON document within the depth limit.

    Raises:
        MalformedBodyError: saying what is wrong with it.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"the body is not UTF-8 (byte {error.start})") from error
    if _depth(text) > DEPTH_MAX:
        raise MalformedBodyError(f"the body nests deeper than {DEPTH_MAX} levels")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        line = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise MalformedBodyError(f"the body is not JSON{line}") from error


def _depth(text: str) -> int:
    """The deepest bracket outside strings, in one pass: neither recursion nor backtracking for a stranger to use."""
    deepest = depth = 0
    in_string = False
    for mark in _MARKS.findall(text):  # a backslash comes with what it escapes, so that is never a quote of its own
        if mark == '"':
            in_string = not in_string
        elif in_string:
            continue
        elif mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _flatten(messages: Any, path: str = "") -> dict[str, list[str]]:
    if isinstance(messages, list):
        return {path: [str(message) for message in messages]}
    flat: dict[str, list[str]] = {}
    for key, inner in messages.items():
        if path and key in ("key", "value"):  # marshmallow's way of saying which half of a map's entry is wrong
            flat |= _flatten(inner, path)
            continue
        name = str(key) if str(key).isprintable() and len(str(key)) <= 64 else "?"
        flat |= _flatten(inner, f"{path}.{name}" if path else name)
    return flat
