"""Mails to a real SMTP server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from email.headerregistry import Address
from pathlib import Path

import pytest
from support.certificates import make_certificate
from support.delivering import make_mailer
from support.mailing import MailServer, SilentServer

from cookiegate.errors import InvalidInputError
from cookiegate.hosts import SmtpServer
from cookiegate.rights.delivery import mail as mailing
from cookiegate.rights.delivery.faults import DeliveryError
from cookiegate.rights.delivery.mail import MailContent, check_address, compose
from cookiegate.settings import read_settings

CONTENT = MailContent("person@example.org", "ご請求について", "山田様\n\nご請求を受け付けました。\n")
AT_MS = 1_795_000_000_000


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = MailServer().start()
    yield server
    server.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a fresh certificate of 127.0.0.1, and a client's that believes it."""
    chain, private = make_certificate(folder)
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there.load_cert_chain(chain, private)
    return there, ssl.create_default_context(cafile=str(chain))


def send(folder: Path, server: MailServer, content: MailContent = CONTENT, tls: ssl.SSLContext | None = None) -> None:
    mailer = make_mailer(folder, server, tls)
    assert mailer is not None
    mailer.send(content, "0190-id", AT_MS)


def fault_of(folder: Path, server: MailServer, tls: ssl.SSLContext | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(folder, server, tls=tls)
    return caught.value


def test_a_japanese_mail_arrives_as_it_was_written(tmp_path: Path, server: MailServer) -> None:
    send(tmp_path, server)
    (mail,) = server.taken
    assert (mail["Subject"], mail["To"]) == (CONTENT.subject, CONTENT.to)
    assert mail["From"] == "Example Shop <privacy@example.jp>"
    assert mail.get_content().replace("\r\n", "\n") == CONTENT.body
    assert server.envelopes == [("privacy@example.jp", [CONTENT.to])]


def test_a_mail_tells_machines_not_to_answer_and_can_be_recognised(tmp_path: Path, server: MailServer) -> None:
    send(tmp_path, server)
    (mail,) = server.taken
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == "<0190-id@example.jp>"
    assert mail["Date"].datetime.timestamp() * 1000 == AT_MS


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00"])
def test_no_text_of_a_stranger_becomes_a_header(end: str) -> None:
    subject = f"Hello{end}Bcc: everyone@example.org{end}{end}<script>"
    sender = Address("Shop", addr_spec="privacy@example.jp")
    mail = compose(MailContent("a@example.org", subject, f".{end}.\r\nBcc: x@y"), sender, "1", AT_MS)
    head = bytes(mail).partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    assert b"\nBcc:" not in head.replace(b"\r\n", b"")
    assert [name for name in mail if name.lower() == "bcc"] == []


@pytest.mark.parametrize(
    "address",
    [
        "a@b.jp\r\nBcc: c@d", "a@b.jp, c@d.jp",
        "Name <a@b.jp>", "a b@c.jp", "@b.jp", "a@", "a", "", "a@b..jp", '"a"@b.jp',
        "あ@b.jp", "a@[127.0.0.1]", "a" * 65 + "@b.jp", "a@" + "b" * 260 + ".jp", "-oQ/tmp@x\x00y",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInputError):
        check_address(address)


def test_an_address_is_taken_without_what_surrounds_it() -> None:
    assert check_address(" o'neil+shop@mail.example.co.jp\n") == "o'neil+shop@mail.example.co.jp"


def test_a_refused_receiver_is_permanent_and_a_busy_one_is_not(tmp_path: Path, server: MailServer) -> None:
    server.refuse_address = "550 5.1.1 person@example.org does not live here"
    fault = fault_of(tmp_path, server)
    assert (fault.fault, fault.permanent, fault.blocked) == ("smtp_550", True, False)
    assert "person" not in str(fault)
    server.refuse_address = "451 4.7.1 greylisted"
    fault = fault_of(tmp_path, server)
    assert (fault.fault, fault.permanent, fault.blocked) == ("smtp_451", False, False)


def test_a_refused_mail_is_permanent_and_a_full_disk_is_not(tmp_path: Path, server: MailServer) -> None:
    server.refuse_mail = "554 5.6.0 no"
    assert fault_of(tmp_path, server).permanent
    server.refuse_mail = "452 4.3.1 full"
    fault = fault_of(tmp_path, server)
    assert (fault.fault, fault.permanent) == ("smtp_452", False)


def test_a_server_that_is_down_or_silent_closes_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    down = MailServer()
    fault = fault_of(tmp_path, down)
    assert (fault.fault, fault.permanent, fault.blocked) == ("connection_refused", False, True)
    silent = SilentServer()
    monkeypatch.setattr(mailing, "TIMEOUT_S", 0.2)
    down.port = silent.port
    assert fault_of(tmp_path, down).fault == "timeout"
    silent.close()


def test_starttls_is_demanded_and_the_password_goes_only_inside(tmp_path: Path) -> None:
    there, here = certificate(tmp_path)
    server = MailServer(tls=there, password="p@ss:/word").start()
    send(tmp_path, server, tls=here)
    assert len(server.taken) == 1
    server.stop()


def fault_at(folder: Path, url: str, tls: ssl.SSLContext) -> DeliveryError:
    settings = read_settings({"COOKIEGATE_SMTP_URL": url, "COOKIEGATE_MAIL_FROM": "a@example.jp"}, data_dir=folder)
    assert settings.smtp_url is not None
    assert settings.mail_from is not None
    with pytest.raises(DeliveryError) as caught:
        mailing.Mailer(settings.smtp_url, settings.mail_from, tls).send(CONTENT, "1", AT_MS)
    return caught.value


def test_an_untrusted_certificate_gets_no_mail(tmp_path: Path) -> None:
    there, _ = certificate(tmp_path)
    server = MailServer(tls=there).start()
    assert fault_of(tmp_path, server).fault == "certificate_untrusted"
    assert server.taken == []
    server.stop()


def test_a_server_without_starttls_gets_no_mail_where_it_is_demanded(tmp_path: Path, server: MailServer) -> None:
    fault = fault_at(tmp_path, f"smtp://127.0.0.1:{server.port}?starttls=1", ssl.create_default_context())
    assert (fault.fault, server.taken) == ("starttls_missing", [])


def test_a_wrong_password_is_the_operators_to_mend(tmp_path: Path) -> None:
    there, here = certificate(tmp_path)
    server = MailServer(tls=there, password="right").start()
    fault = fault_at(tmp_path, server.url.replace("right", "wrong"), here)
    assert (fault.fault, fault.permanent, fault.blocked) == ("authentication_failed", False, True)
    server.stop()


def test_a_password_is_not_shown_by_what_holds_it() -> None:
    assert "hunter2" not in repr(SmtpServer("mail.example.jp", 587, "starttls", "shop", "hunter2"))
