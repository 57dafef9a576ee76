"""Bodies from strangers: unpacked within a limit, decoded strictly."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

import msgspec

from cookiegate.tokens.reasons import Denied, Reason

BODY_LIMIT_BYTES = 1_048_576
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_GZIP_MAGIC = b"\x1f\x8b"
_decode = msgspec.json.Decoder().decode


def read_bytes(body: str | bytes | None, body_base64: str | None, encoding: str, limit_bytes: int) -> bytes:
    """The body as it was before its transport encodings.

    Args:
        body: text or bytes.
        body_base64: standard base64, where ``body`` is None.
        encoding: ``Content-Encoding``: empty, ``identity``, ``gzip`` or ``deflate``. A body that says nothing and
            begins as gzip does is gzip: beacons cannot say it.
        limit_bytes: largest size, before and after inflating.

    Raises:
        Denied: body_too_large, encoding_unknown, or event_malformed for anything that does not unpack whole.
    """
    data = _raw(body, body_base64, limit_bytes)
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        if not data.startswith(_GZIP_MAGIC):
            return data
        encoding = "gzip"
    window = _WINDOWS.get(encoding)
    if window is None:
        raise Denied(Reason.ENCODING_UNKNOWN)
    return _inflate(data, window, limit_bytes)


def read_base64(text: str) -> bytes:
    """What standard base64 in a form's field stands for; a plus that the form turned into a space counts as one.

    Raises:
        Denied: event_malformed.
    """
    try:
        return base64.b64decode(text.replace(" ", "+"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Denied(Reason.EVENT_MALFORMED) from error


def _raw(body: str | bytes | None, body_base64: str | None, limit_bytes: int) -> bytes:
    if body is None and body_base64 is not None:
        if len(body_base64) > limit_bytes * 4 // 3 + 4:
            raise Denied(Reason.BODY_TOO_LARGE)
        try:
            data = base64.b64decode(body_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Denied(Reason.EVENT_MALFORMED) from error
    elif isinstance(body, str):
        try:
            data = body.encode()
        except UnicodeEncodeError as error:
            raise Denied(Reason.EVENT_MALFORMED) from error
    else:
        data = body or b""
    if len(data) > limit_bytes:
        raise Denied(Reason.BODY_TOO_LARGE)
    return data


def _inflate(data: bytes, window: int, limit_bytes: int) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        found = stream.decompress(data, limit_bytes + 1)
    except zlib.error as error:
        raise Denied(Reason.EVENT_MALFORMED) from error
    if len(found) > limit_bytes:
        raise Denied(Reason.BODY_TOO_LARGE)
    if not stream.eof or stream.unused_data:
        raise Denied(Reason.EVENT_MALFORMED)
    return found


def read_json(data: bytes | str) -> Any:
    """The JSON value in ``data``.

    Raises:
        Denied: event_malformed for bad UTF-8 or syntax, NaN, numbers that no double or 64-bit integer holds, and
            nesting past the interpreter's limit.
    """
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Denied(Reason.EVENT_MALFORMED) from error
