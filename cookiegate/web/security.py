"""The security headers of every answer, once for the front and for Flask."""

from __future__ import annotations

NOTHING_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HSTS = "max-age=31536000"


def security_headers(base_url: str, content_policy: str = NOTHING_POLICY) -> list[tuple[str, str]]:
    """Header names and values.

    Args:
        base_url: the public address; https is insisted on where it has it.
        content_policy: the ``Content-Security-Policy``: ``NOTHING_POLICY``, for pages ``PAGE_POLICY``.
    """
    return [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Content-Security-Policy", content_policy),
        *transport_headers(base_url),
    ]


def transport_headers(base_url: str) -> list[tuple[str, str]]:
    """Those of an answer without content (204), in which there is nothing to sniff, to frame or to follow."""
    return [("Strict-Transport-Security", HSTS)] if base_url.startswith("https:") else []
