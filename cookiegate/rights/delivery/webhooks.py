"""Webhooks in the Standard Webhooks form: signed JSON to addresses that the operator set.

Source: https://www.standardwebhooks.com, specification 1.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cookiegate import __version__
from cookiegate.clock import Clock, rfc3339
from cookiegate.errors import InvalidInputError
from cookiegate.rights.delivery.faults import DeliveryError, connection_fault

SECRET_PREFIX = "whsec_"  # noqa: S105  the form, not a secret
SECRET_BYTES = 32
TIMEOUT_S = 10.0
GONE_FAULT = "http_410"
_ANSWER_READ_BYTES = 4_096
#: Answers that may concern one message alone: others are still tried.
_OF_THE_MESSAGE = frozenset({400, 409, 413, 415, 422})


def new_secret() -> str:
    """A secret to share with a subscriber."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """One signature of a message.

    Args:
        secret: ``whsec_…``.
        message_id: ``webhook-id``.
        at_s: ``webhook-timestamp``, seconds since the epoch.
        body: exactly as it is sent.

    Raises:
        ValueError: not a secret of this form.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not a webhook secret") from error
    mac = hmac.new(key, b"%s.%d.%s" % (message_id.encode(), at_s, body), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def message_body(kind: str, at_ms: int, data: Mapping[str, Any]) -> bytes:
    """The JSON of a message: ``type``, ``timestamp`` of the event, ``data``."""
    return msgspec.json.encode({"type": kind, "timestamp": rfc3339(at_ms), "data": data})


def check_url(text: str) -> str:
    """An address that messages may be sent to.

    Any host is taken, also one of the operator's own network: only who holds the record's files can set it.

    Raises:
        InvalidInputError: not http(s), or with a user or fragment in it.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.fragment or not text.isascii() or not text.isprintable():
        raise InvalidInputError(
            "a webhook goes to an address such as https://hooks.example.jp/consent", errors={"url": ["must be http(s)"]}
        )
    return text


class WebhookSender:
    """Sends messages; no redirect is followed.

    Args:
        clock: stamps the attempts.
        timeout_s: how long an answer may take.
    """

    def __init__(self, clock: Clock, timeout_s: float = TIMEOUT_S) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._opener = urllib.request.build_opener(_NoRedirects)

    def send(self, url: str, keys: Sequence[str], message_id: str, body: bytes) -> None:
        """Returns when the receiver has answered 2xx.

        Args:
            url: checked by :func:`check_url`.
            keys: the secrets to sign with: during a rotation the new one and the one before.
            message_id: the same at every attempt.
            body: of :func:`message_body`.

        Raises:
            DeliveryError: it has not; ``http_410`` means that it wants no more.
        """
        at_s = self._clock.now_ms() // 1000
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"cookiegate/{__version__}",
            "webhook-id": message_id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": " ".join(sign(key, message_id, at_s, body) for key in keys),
        }
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  http(s) only
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                answer.read(_ANSWER_READ_BYTES)
        except urllib.error.HTTPError as error:
            error.close()
            raise DeliveryError(f"http_{error.code}", blocked=error.code not in _OF_THE_MESSAGE) from error
        except (urllib.error.URLError, OSError, HTTPException) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            fault = connection_fault(cause) if isinstance(cause, BaseException) else "connection_failed"
            raise DeliveryError(fault, blocked=True) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A subscriber that moved is given its new address by the operator, not by whoever answers at the old one."""

    def redirect_request(self, *_: Any) -> None:
        return None
