"""Addresses of collectors behind the gate, as an operator writes them. Nothing that a visitor sends becomes one."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_TRACKER = re.compile(r"[a-z0-9_-]{1,32}")
_PRINTABLE = re.compile(r"[!-~]+")
_FORM = "must be an http(s) address such as https://collector.internal:8443/base, without user, query or fragment"
_FORMS = "must be pairs such as matomo=https://matomo.internal,snowplow=http://127.0.0.1:9090, each tracker once"


def collector_url(text: str) -> str | None:
    """One address, without a slash at its end; None for an empty text.

    Raises:
        ValueError: it is no address of a collector. What it was is not repeated: it may hold a password.
    """
    if not text:
        return None
    try:
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError as error:
        raise ValueError(_FORM) from error
    is_plain = _PRINTABLE.fullmatch(text) is not None and not set("?#") & set(text)
    if parts.scheme not in ("http", "https") or not has_place or not is_plain:
        raise ValueError(_FORM)
    return text.rstrip("/")


def collector_urls(text: str) -> tuple[tuple[str, str], ...]:
    """Tracker and address of each, from ``tracker=address`` pairs with commas between them.

    Raises:
        ValueError: one of them is no such pair, or a tracker is named twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        tracker, _, address = part.partition("=")
        if _TRACKER.fullmatch(tracker) is None or tracker in found or not address:
            raise ValueError(_FORMS)
        found[tracker] = collector_url(address) or ""
    return tuple(found.items())
