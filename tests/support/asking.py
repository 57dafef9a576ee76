"""Someone who makes rights requests, and the privacy officer who answers them."""

from __future__ import annotations

import html
import re
import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from werkzeug.test import TestResponse

from cookiegate.rights.delivery.deliveries import Deliveries
from cookiegate.rights.delivery.outbox_rows import Outbox
from cookiegate.rights.delivery.webhooks import WebhookSender
from cookiegate.rights.events.files import FOLDER, EventFiles
from cookiegate.rights.events.subscriber import FileSubscriber
from cookiegate.rights.requests.files import RequestFile
from support.delivering import make_mailer
from support.mailing import MailServer
from support.service import Bench, Visitor

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
OFFICER = "hana"
PDF = b"%PDF-1.7 a passport of nobody " + b"x" * 200


@dataclass
class Asker:
    """One request of one person: by JSON or by form, with what they were told."""

    bench: Bench
    visitor: Visitor
    reference: str = ""
    code: str = ""

    def ask(self, kind: str = "disclosure", *, key: str | None = None, **body: Any) -> TestResponse:
        """Sends a request as JSON."""
        headers = {"Idempotency-Key": key or secrets.token_urlsafe(24)}
        answer = self.visitor.send(
            "POST", f"/v1/sites/{self.visitor.site}/requests", json={"kind": kind, **body}, headers=headers
        )
        if answer.status_code == 201:
            told = answer.get_json()
            self.reference, self.code = told["reference"], told["code"]
        return answer

    def by_mail(self, kind: str = "disclosure", **body: Any) -> Asker:
        """Someone whom only an e-mail address is known of, in Japan."""
        contact = {"email": "mori@example.org", "name": "森 はな"}
        assert self.ask(kind, contact=contact, residence="jp", **body).status_code == 201
        return self

    def look(self, code: str | None = None) -> TestResponse:
        """Where it stands, as JSON."""
        path = f"/v1/sites/{self.visitor.site}/requests/{self.reference}"
        return self.visitor.send("GET", path, headers={"X-Request-Code": self.code if code is None else code})

    def press(self, action: str = "show", **fields: Any) -> TestResponse:
        """Presses a button of the status page."""
        data = {"code": self.code, "action": action, **fields}
        return self.visitor.send("POST", f"{self.page}?lang=en", data=data, headers=SAME_ORIGIN)

    @property
    def page(self) -> str:
        """The path of the status page."""
        return f"/preferences/{self.visitor.site}/request/{self.reference}"

    @property
    def file(self) -> RequestFile:
        """The request as it lies in the record."""
        return self.bench.service.requests.casebook.read(self.reference)

    @property
    def state(self) -> str:
        """Where it stands."""
        return self.file.case.state

    def follow_streams(self) -> None:
        """The service's own files do what the streams say, then what waited for that moves on."""
        service = self.bench.service
        files = EventFiles(service.settings.data_dir / FOLDER)
        FileSubscriber(service.storage, files, service.epochs.raise_to, self.bench.clock, settle_s=0).catch_up()
        service.requests.serving.carry_on()


def form_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def waiting_mails(bench: Bench) -> int:
    """How many mails wait to go out."""
    rows = Outbox(bench.service.storage, bench.clock).rows()
    return sum(row.channel == "mail" and row.state == "pending" for row in rows)


def delivered(bench: Bench, server: MailServer) -> list[EmailMessage]:
    """The mails that came, once everything that is due was sent through a real mail server."""
    mailer = make_mailer(bench.folder, server, None)
    Deliveries(bench.service.storage, bench.clock, WebhookSender(bench.clock), mailer).deliver_due()
    return list(server.taken)
