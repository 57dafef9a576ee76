"""Mails: written so that no stranger's text can become a header, and handed to the operator's mail server."""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from cookiegate.errors import InvalidInputError
from cookiegate.hosts import SmtpServer
from cookiegate.rights.delivery.faults import DeliveryError, connection_fault
from cookiegate.settings import MAIL_ADDRESS, Settings

TIMEOUT_S = 15.0
ADDRESS_MAX_CHARS = 254
_ADDRESS = re.compile(MAIL_ADDRESS)


@dataclass(frozen=True, slots=True)
class MailContent:
    """What the outbox keeps, encrypted: the receiver's address, the subject in one line, the text."""

    to: str
    subject: str
    body: str


def check_address(text: str) -> str:
    """A mail address, without what surrounds it.

    Raises:
        InvalidInputError: it is none, or one that needs SMTPUTF8, which few servers take.

    Source: RFC 5321 sections 4.1.2 and 4.5.3.1, without quoted local parts and address literals.
    """
    address = text.strip()
    if len(address) > ADDRESS_MAX_CHARS or _ADDRESS.fullmatch(address) is None:
        raise InvalidInputError("this is not a mail address", errors={"email": ["must be a mail address"]})
    return address


def compose(content: MailContent, sender: Address, message_id: str, at_ms: int) -> EmailMessage:
    """A mail; the same content and id give the same mail, so that a repeated one is recognised.

    Args:
        content: the receiver, the subject, the text.
        sender: who writes.
        message_id: of the outbox, unique and stable.
        at_ms: when it was written, milliseconds since the epoch.

    Source: RFC 5322; ``Auto-Submitted`` of RFC 3834 keeps holiday replies from answering. It is written to one person
    about their own request, so it carries no ``List-`` headers (RFC 2369).
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = check_address(content.to)
    mail["Subject"] = one_line(content.subject)
    mail["Date"] = datetime.fromtimestamp(at_ms // 1000, UTC)
    mail["Message-ID"] = f"<{message_id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(content.body, cte="quoted-printable" if content.body.isascii() else "base64")
    return mail


def one_line(text: str) -> str:
    """The text as one line of what can be printed."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class Mailer:
    """Hands mails to the mail server, one connection each.

    Args:
        server: where.
        sender: who writes.
        tls: whose certificates are believed; the system's when not given.
    """

    def __init__(self, server: SmtpServer, sender: Address, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._sender = sender
        self._tls = tls or ssl.create_default_context()

    def send(self, content: MailContent, message_id: str, at_ms: int) -> None:
        """Returns when the server has taken the mail.

        Raises:
            DeliveryError: it has not; permanent when it refuses this receiver or this mail for good.
        """
        mail = compose(content, self._sender, message_id, at_ms)
        smtp = self._connect()
        try:
            smtp.send_message(mail, from_addr=self._sender.addr_spec, to_addrs=[content.to])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise _refused(code, permanent=code >= 500) from error
        except smtplib.SMTPDataError as error:
            raise _refused(error.smtp_code, permanent=error.smtp_code >= 500) from error
        except smtplib.SMTPResponseException as error:  # of the sender or the greeting: the operator's to mend
            raise _refused(error.smtp_code, blocked=True) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(connection_fault(error), blocked=True) from error
        finally:
            with suppress(smtplib.SMTPException, OSError):  # it has been taken, or not, whatever is said at parting
                smtp.quit()
            smtp.close()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        smtp: smtplib.SMTP | None = None
        try:
            if server.tls == "implicit":
                smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=self._tls)
            else:
                smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
            if server.tls == "starttls":
                smtp.starttls(context=self._tls)
            if server.user is not None:
                smtp.login(server.user, server.password or "")
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            if smtp is not None:
                smtp.close()
            raise _not_reached(error) from error
        return smtp


def make_mailer(settings: Settings) -> Mailer | None:
    """The mailer of these settings; None while no mail server is set."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return Mailer(settings.smtp_url, settings.mail_from)


def _refused(code: int, *, permanent: bool = False, blocked: bool = False) -> DeliveryError:
    return DeliveryError(f"smtp_{code}", permanent=permanent, blocked=blocked)


def _not_reached(error: Exception) -> DeliveryError:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return DeliveryError("authentication_failed", blocked=True)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryError("starttls_missing", blocked=True)
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused(error.smtp_code, blocked=True)
    return DeliveryError(connection_fault(error), blocked=True)
