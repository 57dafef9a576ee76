"""The preferences page's form: when two submissions are the same one."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence


def submission_key(fields: Mapping[str, Sequence[str]]) -> str:
    """The idempotency key of a submitted form, 43 characters of ``[A-Za-z0-9_-]``.

    The page carries one random key, but several buttons. Sending the same form twice gives the same idempotency key;
    going back to an old copy of the page and pressing another button gives another one, so that a refusal is never
    turned away as a conflict with the yes before it.

    Args:
        fields: every form field with all its values, such as ``request.form.to_dict(flat=False)``.
    """
    parts = [_first(fields, name) for name in ("key", "action", "notice", "epoch")]
    for name in ("purposes", "acquire"):
        parts += [f"{name}={value}" for value in sorted(set(fields.get(name, ())))]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _first(fields: Mapping[str, Sequence[str]], name: str) -> str:
    values = fields.get(name, ())
    return values[0] if values else ""
