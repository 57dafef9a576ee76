"""Webhooks, verified as receivers verify them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from support import engines
from support.delivering import Post
from support.hooks import HookServer
from support.mailing import SilentServer

from cookiegate.clock import SystemClock, rfc3339
from cookiegate.errors import InvalidInputError, NotFoundError
from cookiegate.rights.delivery.faults import DeliveryError
from cookiegate.rights.delivery.outbox import enqueue_event
from cookiegate.rights.delivery.subscriber_rows import read_events
from cookiegate.rights.delivery.subscribers import ROTATION_MS
from cookiegate.rights.delivery.webhooks import WebhookSender, check_url, new_secret, sign


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    hooks = HookServer()
    yield hooks
    hooks.close()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    yield post
    post.close()


def test_the_signature_is_that_of_the_specification() -> None:
    # The example of the Standard Webhooks specification.
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_event_arrives_signed_and_says_what_happened(post: Post, hooks: HookServer) -> None:
    secret = post.subscribe("crm", "request.*", url=hooks.url)
    event_id = post.event("request.decided", request="R-1", state="decided")
    assert post.deliver().delivered == 1
    (message,) = hooks.verified(secret)
    data = {"request": "R-1", "state": "decided"}
    assert message == {"type": "request.decided", "timestamp": rfc3339(post.clock.now_ms()), "data": data}
    headers, _ = hooks.got[0]
    assert (headers["webhook-id"], headers["content-type"]) == (event_id, "application/json")
    assert post.row.content == b""


def test_a_message_that_was_changed_or_signed_by_another_is_not_believed(post: Post, hooks: HookServer) -> None:
    secret = post.subscribe("crm", "request.*", url=hooks.url)
    post.event()
    post.deliver()
    headers, body = hooks.got[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"received", b"refused"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, {**headers, "webhook-id": "other"})


def test_everyone_who_follows_gets_it_under_one_id_and_nobody_else(post: Post, hooks: HookServer) -> None:
    post.subscribe("one", "request.*", url=hooks.url)
    post.subscribe("two", "request.received", url=hooks.url, site="demo")
    post.subscribe("other-site", "request.*", url=hooks.url, site="shop")
    post.subscribe("other-events", "request.decided,consent.*", url=hooks.url)
    event_id = post.event("request.received", "demo")
    post.deliver()
    assert hooks.ids() == [event_id, event_id]
    assert sorted(str(row.subscriber) for row in post.outbox.rows()) == ["one", "two"]


def test_what_is_not_taken_is_sent_again_with_the_same_id_and_a_fresh_signature(post: Post, hooks: HookServer) -> None:
    secret = post.subscribe("crm", "request.*", url=hooks.url)
    post.event()
    hooks.status = 500
    assert post.deliver().pending == 1
    assert post.row.fault == "http_500"
    hooks.status = 200
    post.clock.advance(80)
    assert post.deliver().delivered == 1
    first, second = (headers for headers, _ in hooks.got)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) == int(first["webhook-timestamp"]) + 80
    assert len(hooks.verified(secret)) == 2


def test_one_subscriber_that_is_down_holds_no_other_up(post: Post, hooks: HookServer) -> None:
    down = HookServer()
    down.close()
    post.subscribe("a-down", "request.*", url=down.url)
    post.subscribe("b-up", "request.*", url=hooks.url)
    for _ in range(5):
        post.event()
    report = post.deliver()
    assert (report.delivered, report.pending) == (5, 1)


def test_a_subscriber_that_is_gone_is_sent_nothing_more_until_it_is_enabled(post: Post, hooks: HookServer) -> None:
    post.subscribe("crm", "request.*", url=hooks.url)
    post.event()
    hooks.status = 410
    post.deliver()
    post.event()
    post.clock.advance(86_400)
    post.deliver()
    assert len(hooks.got) == 1
    assert post.subscribers.all()[0].state == "gone"
    hooks.status = 200
    post.subscribers.enable("crm")
    assert post.deliver().delivered == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(post: Post, hooks: HookServer, status: int) -> None:
    elsewhere = HookServer()
    hooks.status, hooks.location = status, elsewhere.url
    post.subscribe("crm", "request.*", url=hooks.url)
    post.event()
    assert post.deliver().pending == 1
    assert (post.row.fault, elsewhere.got) == (f"http_{status}", [])
    elsewhere.close()


def test_a_silent_receiver_is_left_after_a_while() -> None:
    silent = SilentServer()
    with pytest.raises(DeliveryError) as caught:
        WebhookSender(SystemClock(), timeout_s=0.2).send(f"http://127.0.0.1:{silent.port}/", [new_secret()], "1", b"{}")
    assert caught.value.fault == "timeout"
    silent.close()


def test_a_rotation_signs_with_both_secrets_for_a_day(post: Post, hooks: HookServer) -> None:
    old = post.subscribe("crm", "request.*", url=hooks.url)
    new = post.subscribers.rotate("crm")
    post.event()
    post.deliver()
    assert hooks.verified(old) == hooks.verified(new)
    post.clock.advance(ROTATION_MS / 1000 + 1)
    hooks.got.clear()
    post.event()
    post.deliver()
    headers, _ = hooks.got[0]
    assert len(headers["webhook-signature"].split()) == 1
    assert post.subscribers.find(old) is None
    assert post.subscribers.find(new) is not None


def test_a_secret_is_not_readable_in_the_record_and_goes_with_its_subscriber(
    post: Post, hooks: HookServer, tmp_path: Path
) -> None:
    secret = post.subscribe("crm", "request.*", url=hooks.url)
    post.event()
    post.subscribers.remove("crm")
    assert post.subscribers.all() == []
    assert post.subscribers.find(secret) is None
    assert (post.row.state, post.row.content) == ("dropped", b"")
    stored = engines.stored(tmp_path)
    assert secret.encode() not in stored
    with pytest.raises(NotFoundError):
        post.subscribers.remove("crm")


@pytest.mark.parametrize(
    "url", ["ftp://x", "file:///etc/passwd", "https://", "x", "http://user:pw@x/", "http://x/#y", "http://x:99999/",
            "http://x/\r\nHost: y", "gopher://x", "http://ü.example/"],
)  # fmt: skip
def test_only_plain_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(InvalidInputError):
        check_url(url)


@pytest.mark.parametrize("events", [("consent.erased",), ("erase",), ("*",), ("request",), ("",), (), ("token.*",)])
def test_events_that_do_not_exist_are_named(events: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match="there are consent"):
        read_events(events)


def test_events_are_read_from_lists() -> None:
    assert read_events(("consent.erase, request.*", "consent.erase")) == ("consent.erase", "request.*")


@pytest.mark.parametrize("name", ["", "Ü", "a b", "-x", "collected", "A"])
def test_an_unusable_name_is_refused(tmp_path: Path, name: str) -> None:
    post = Post(tmp_path, own_files=True)
    with pytest.raises(InvalidInputError):
        post.subscribe(name, "consent.erase")
    post.close()


def test_a_name_is_taken_once_and_requests_need_an_address(post: Post) -> None:
    post.subscribe("crm", "consent.erase")
    with pytest.raises(InvalidInputError, match="already"):
        post.subscribe("crm", "consent.erase")
    with pytest.raises(InvalidInputError, match="--url"):
        post.subscribe("desk", "request.*")


def test_events_of_the_streams_are_not_queued_twice(post: Post) -> None:
    with pytest.raises(ValueError, match="append_stream"):
        post.storage.write(
            lambda transaction: enqueue_event(transaction, kind="consent.erase", site="demo", payload={}, at_ms=1)
        )


def test_bodies_are_small_and_hold_only_the_payload(post: Post, hooks: HookServer) -> None:
    post.subscribe("crm", "request.*", url=hooks.url)
    post.event("request.received", request="R-1")
    post.deliver()
    _, body = hooks.got[0]
    assert len(body) < 200
    assert set(json.loads(body)) == {"type", "timestamp", "data"}
