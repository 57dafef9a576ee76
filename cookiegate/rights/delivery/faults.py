"""Why something could not be delivered, in a word that may be stored and shown."""

from __future__ import annotations

import socket
import ssl
from typing import ClassVar

from cookiegate.errors import CookiegateError


class DeliveryError(CookiegateError):
    """The receiver did not take it.

    Args:
        fault: a word such as ``smtp_451``, ``http_500``, ``timeout``; never text of the other side.
        permanent: trying again is no use.
        blocked: the way itself is closed, so nothing else need be tried on it now.
    """

    code: ClassVar[str] = "delivery_failed"

    def __init__(self, fault: str, *, permanent: bool = False, blocked: bool = False) -> None:
        super().__init__(f"the receiver did not take it ({fault})", fault=fault)
        self.fault = fault
        self.permanent = permanent
        self.blocked = blocked


def connection_fault(error: BaseException) -> str:
    """A word for what went wrong on the line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate_untrusted"
    if isinstance(error, ssl.SSLError):
        return "tls_failed"
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):  # smtplib wraps it
        return "timeout"
    if isinstance(error, socket.gaierror):
        return "host_unknown"
    return "connection_refused" if isinstance(error, ConnectionRefusedError) else "connection_failed"
