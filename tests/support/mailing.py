"""A real mail server, which can refuse, be down and come up again."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from support.live import free_port


class MailServer:
    """An SMTP server of 127.0.0.1 that keeps what it takes.

    ``refuse_address`` and ``refuse_mail`` give the reply to the next ones instead of taking them, such as
    ``"451 later"``; ``on_mail`` is called before a mail is answered.

    Args:
        tls: its certificate; with it STARTTLS is offered.
        password: of the user ``shop``; demanded where given.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, password: str | None = None) -> None:
        self.port = free_port()
        self.taken: list[EmailMessage] = []
        self.envelopes: list[tuple[str | None, list[str]]] = []
        self.refuse_address: str | None = None
        self.refuse_mail: str | None = None
        self.on_mail: Callable[[EmailMessage], None] = lambda mail: None
        self._tls = tls
        self._password = password
        self._controller: Controller | None = None
        self._changed = threading.Condition()

    @property
    def url(self) -> str:
        """The setting that leads here."""
        user = "" if self._password is None else f"shop:{quote(self._password, safe='')}@"
        return f"smtp://{user}127.0.0.1:{self.port}" + ("?starttls=1" if self._tls else "")

    def start(self) -> MailServer:
        """Comes up."""
        options: dict[str, Any] = {"hostname": "127.0.0.1", "port": self.port, "tls_context": self._tls}
        if self._password is not None:
            options |= {"authenticator": self._check, "auth_required": True, "auth_require_tls": self._tls is not None}
        self._controller = Controller(self, **options)
        self._controller.start()
        return self

    def stop(self) -> None:
        """Goes down."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def wait_for(self, count: int, timeout_s: float = 20.0) -> list[EmailMessage]:
        """What was taken, once there are ``count``."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.taken) >= count, timeout_s), f"{len(self.taken)} mails came"
            return list(self.taken)

    def _check(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (b"shop", str(self._password).encode())
        return AuthResult(success=good, handled=good)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Takes a receiver, or refuses it."""
        if self.refuse_address is not None:
            return self.refuse_address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Takes a mail, or refuses it."""
        if self.refuse_mail is not None:
            return self.refuse_mail
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self._changed:
            self.taken.append(mail)
            self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
            self._changed.notify_all()
        self.on_mail(mail)
        return "250 taken"


class SilentServer:
    """Takes connections and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._held: list[socket.socket] = []
        self.reached = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._held.append(connection)
            self.reached.set()

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()
        for connection in self._held:
            connection.close()
