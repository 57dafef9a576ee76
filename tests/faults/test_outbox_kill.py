"""No notification is lost, and nothing erased lives on, when the service is killed at the worst moment."""

from __future__ import annotations

import http.client
import json
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from support.delivering import SENDER, Post
from support.live import ServiceProcess
from support.mailing import MailServer
from support.policies import demo_yaml

from cookiegate.clock import FrozenClock, SystemClock
from cookiegate.rights.delivery.outbox_rows import CLAIM_MS
from cookiegate.rights.erasure import Erasure
from cookiegate.storage.contract import Storage

ORIGIN = "http://shop.test"
EVENT = {"n": "pageview", "u": f"{ORIGIN}/tea", "d": "shop.test"}


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    policy = tmp_path / "demo.yaml"
    policy.write_text(demo_yaml(ORIGIN), encoding="utf-8")
    with ServiceProcess(tmp_path, policies=(policy,)) as service:
        yield service


def with_mail(service: ServiceProcess, server: MailServer) -> None:
    service.env = {"COOKIEGATE_SMTP_URL": server.url, "COOKIEGATE_MAIL_FROM": SENDER}


def until(what: Callable[[], object], timeout_s: float) -> float:
    """Waits for something in other processes; how many seconds it took."""
    started = time.monotonic()
    while not what():
        assert time.monotonic() - started < timeout_s
        threading.Event().wait(0.02)
    return time.monotonic() - started


def call(service: ServiceProcess, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    try:
        sent = {"Origin": ORIGIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def accept(service: ServiceProcess) -> str:
    """Someone who allows everything; their token."""
    notice = json.loads(call(service, "GET", "/v1/sites/demo/notice")[1])["notice"]
    key = secrets.token_urlsafe(16)
    body = {"notice": notice, "action": "accept"}
    status, answer = call(
        service, "POST", "/v1/sites/demo/decisions", body, Content_Type="application/json", Idempotency_Key=key
    )
    assert status == 201
    return str(json.loads(answer)["token"])


def test_a_mail_that_waited_when_the_service_was_killed_is_delivered_after_the_restart(
    service: ServiceProcess, server: MailServer, tmp_path: Path
) -> None:
    post = Post(tmp_path / "data", own_files=True)
    ids = [post.mail(subject=f"Number {number}") for number in range(3)]
    service.stop(signal.SIGKILL)
    with_mail(service, server)
    service.start()
    came = server.wait_for(3)
    assert sorted(mail["Message-ID"] for mail in came) == sorted(f"<{row_id}@example.jp>" for row_id in ids)
    until(lambda: {row.state for row in post.outbox.rows()} == {"delivered"}, 10)
    assert len(server.taken) == 3
    post.close()


def test_killed_between_sending_and_noting_it_repeats_the_mail_under_the_same_id(
    service: ServiceProcess, server: MailServer, tmp_path: Path
) -> None:
    killed = threading.Event()

    def kill(_: EmailMessage) -> None:
        if not killed.is_set():
            service.stop(signal.SIGKILL)  # the server has taken the mail and not said so yet
            killed.set()

    service.stop()
    with_mail(service, server)
    server.on_mail = kill
    post = Post(tmp_path / "data", own_files=True)
    post.mail()
    service.start()
    server.wait_for(1)
    assert killed.wait(10)
    assert post.row.state == "pending"
    post.close()
    later = Post(tmp_path / "data", server, own_files=True, clock=FrozenClock(SystemClock().now_ms() + CLAIM_MS + 1))
    assert later.deliver().delivered == 1
    first, second = server.taken
    assert first["Message-ID"] == second["Message-ID"]
    later.close()


def test_a_mail_server_that_comes_up_late_gets_everything(service: ServiceProcess, tmp_path: Path) -> None:
    server = MailServer()
    service.stop()
    with_mail(service, server)
    service.start()
    post = Post(tmp_path / "data", own_files=True)
    post.mail()
    until(lambda: post.row.attempts > 0, 10)
    assert post.row.fault == "connection_refused"
    server.start()
    post.outbox.retry([post.row.id])
    server.wait_for(1)
    server.stop()
    post.close()


def erase_newest(storage: Storage) -> Any:
    """Erases the last person who decided, as a command does it: in a process that is not the service."""
    key_id = storage.decisions("demo")[-1].key_id
    return Erasure(storage, lambda *_: None, SystemClock()).erase(key_id, site="demo", by="officer")


def test_after_an_erasure_by_another_process_the_token_is_denied_within_a_second_and_the_events_go(
    service: ServiceProcess, tmp_path: Path
) -> None:
    post = Post(tmp_path / "data", own_files=True)
    token = accept(service)

    def may_be_logged() -> bool:
        return call(service, "GET", "/gate/check?purpose=analytics", X_Consent_Token=token)[0] == 204

    def collect() -> int:
        return call(
            service, "POST", "/collect/plausible/api/event", EVENT, Content_Type="text/plain", X_Consent_Token=token
        )[0]

    collected = tmp_path / "data" / "collected" / "demo" / "plausible.jsonl"
    assert collect() == 202
    assert may_be_logged()
    assert len(collected.read_text().splitlines()) == 1
    erased = erase_newest(post.storage)
    assert until(lambda: not may_be_logged(), 5) < 1.0
    collect()
    until(lambda: post.streams.is_acknowledged(erased.sequence), 20)
    assert collected.read_text() == ""
    assert post.subs() == [None]
    post.close()


def test_killed_in_the_middle_of_erasing_it_goes_on_after_the_restart(service: ServiceProcess, tmp_path: Path) -> None:
    post = Post(tmp_path / "data", own_files=True)
    token = accept(service)
    for _ in range(5):
        call(service, "POST", "/collect/plausible/api/event", EVENT, Content_Type="text/plain", X_Consent_Token=token)
    erased = erase_newest(post.storage)
    service.stop(signal.SIGKILL)
    assert not post.streams.is_acknowledged(erased.sequence)
    service.start()
    until(lambda: post.streams.is_acknowledged(erased.sequence), 20)
    assert (tmp_path / "data" / "collected" / "demo" / "plausible.jsonl").read_text() == ""
    post.close()
