"""No notification is lost, and none is sent as two."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import engines
from support.delivering import Post
from support.mailing import MailServer

from cookiegate.errors import InvalidInputError
from cookiegate.rights.delivery.outbox import enqueue_mail
from cookiegate.rights.delivery.outbox_rows import CLAIM_MS, ENDED_KEPT_MS, FAILED_KEPT_MS, GIVE_UP_MS, wait_s

HOUR_S = 3_600


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def post(tmp_path: Path, server: MailServer) -> Iterator[Post]:
    post = Post(tmp_path, server)
    yield post
    post.close()


def test_a_mail_goes_out_once_and_its_content_is_emptied(post: Post, server: MailServer) -> None:
    row_id = post.mail(body="secret words")
    assert post.deliver().delivered == 1
    assert post.deliver().delivered == 0
    assert server.taken[0]["Message-ID"] == f"<{row_id}@example.jp>"
    assert (post.row.state, post.row.content, post.row.attempts) == ("delivered", b"", 1)


def test_what_waits_is_not_readable_in_the_record(post: Post, tmp_path: Path) -> None:
    post.mail(to="yamada@example.org", body="secret words")
    stored = engines.stored(tmp_path)
    assert b"request:1" in stored
    assert b"yamada" not in stored
    assert b"secret words" not in stored


def test_nothing_is_sent_of_a_transaction_that_failed(post: Post, server: MailServer) -> None:
    def fail(transaction: object) -> None:
        content = {"to": "a@example.org", "subject": "x", "body": "y", "about": "z", "at_ms": post.clock.now_ms()}
        enqueue_mail(transaction, post.storage.vault, key_id=post.storage.vault.new_key(), **content)  # type: ignore[arg-type]
        raise RuntimeError("the act itself failed")

    with pytest.raises(RuntimeError):
        post.storage.write(fail)
    post.deliver()
    assert (server.taken, post.outbox.rows()) == ([], [])


def test_a_receiver_that_is_busy_gets_it_later(post: Post, server: MailServer) -> None:
    post.mail()
    server.refuse_address = "451 4.7.1 greylisted"
    assert post.deliver().pending == 1
    assert (post.row.state, post.row.fault) == ("pending", "smtp_451")
    server.refuse_address = None
    assert post.deliver().delivered == 0, "it waits first"
    post.clock.advance(80)
    assert post.deliver().delivered == 1


def test_a_receiver_that_does_not_exist_fails_at_once_and_can_be_retried(post: Post, server: MailServer) -> None:
    row_id = post.mail()
    server.refuse_address = "550 5.1.1 unknown"
    assert post.deliver().failed == 1
    assert (post.row.state, post.row.fault) == ("failed", "smtp_550")
    server.refuse_address = None
    assert post.deliver().delivered == 0
    assert post.outbox.retry() == 1
    assert post.deliver().delivered == 1
    assert server.taken[0]["Message-ID"].startswith(f"<{row_id}@")


def test_nothing_is_lost_while_the_mail_server_is_down(tmp_path: Path) -> None:
    server = MailServer()
    post = Post(tmp_path, server)
    for number in range(5):
        post.mail(subject=f"Number {number}")
    for _ in range(4):
        assert post.deliver().pending == 1, "a closed way is tried once a turn"
    server.start()
    for _ in range(12):
        post.clock.advance(HOUR_S)
        post.deliver()
    assert sorted(mail["Subject"] for mail in server.taken) == [f"Number {number}" for number in range(5)]
    server.stop()
    post.close()


def test_after_five_days_it_has_failed_and_is_kept_for_a_retry(tmp_path: Path) -> None:
    server = MailServer()
    post = Post(tmp_path, server)
    post.mail()
    post.deliver()
    for _ in range(20):
        post.clock.advance(8 * HOUR_S)
        post.deliver()
    assert (post.row.state, post.row.fault) == ("failed", "connection_refused")
    assert post.row.ended_at_ms is not None
    assert post.row.ended_at_ms - post.row.created_at_ms >= GIVE_UP_MS
    server.start()
    post.outbox.retry([post.row.id])
    assert post.deliver().delivered == 1
    server.stop()
    post.close()


def test_without_a_mail_server_mails_wait_for_one_however_long(tmp_path: Path) -> None:
    waiting = Post(tmp_path)
    waiting.mail()
    waiting.deliver()
    waiting.clock.advance(30 * 24 * HOUR_S)
    waiting.deliver()
    assert (waiting.row.state, waiting.row.attempts) == ("pending", 0)
    server = MailServer().start()
    later = Post(tmp_path, server, clock=waiting.clock)
    assert later.deliver().delivered == 1
    server.stop()
    waiting.close()
    later.close()


def test_a_crash_between_sending_and_noting_repeats_it_under_the_same_id(post: Post, server: MailServer) -> None:
    post.mail()
    claimed = post.outbox.claim(["mail"], ())
    assert claimed is not None
    post.deliveries._send_mail(claimed)  # and the process dies here
    assert post.deliver().delivered == 0, "the claim still holds"
    post.clock.advance(CLAIM_MS / 1000 + 1)
    assert post.deliver().delivered == 1
    first, second = server.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert bytes(first) == bytes(second)


def test_who_lost_the_claim_does_not_note_the_outcome(post: Post, server: MailServer) -> None:
    post.mail()
    slow = post.outbox.claim(["mail"], ())
    assert slow is not None
    post.clock.advance(CLAIM_MS / 1000 + 1)
    assert post.deliver().delivered == 1
    post.outbox.postpone(slow, "timeout")
    assert post.row.state == "delivered"


def test_two_processes_send_each_mail_once(tmp_path: Path, server: MailServer) -> None:
    first = Post(tmp_path, server)
    second = Post(tmp_path, server, clock=first.clock)
    for number in range(30):
        first.mail(subject=f"Number {number:02d}")
    threads = [threading.Thread(target=post.deliver) for post in (first, second, first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(mail["Subject"] for mail in server.taken) == [f"Number {number:02d}" for number in range(30)]
    first.close()
    second.close()


def test_a_mail_to_an_erased_person_is_dropped_and_counted(post: Post, server: MailServer) -> None:
    key_id = post.storage.vault.new_key()
    post.mail_under(key_id)
    post.storage.write(lambda transaction: transaction.erase_key(key_id))
    post.storage.shred()
    assert post.deliver().dropped == 1
    assert (post.row.state, post.row.content, server.taken) == ("dropped", b"", [])


def test_a_damaged_row_fails_and_holds_nothing_up(post: Post, server: MailServer, tmp_path: Path) -> None:
    post.mail(subject="first")
    row = post.row
    post.storage.write(lambda transaction: transaction.execute(_flip(row.id, row.content)))
    post.mail(subject="second")
    report = post.deliver()
    assert (report.failed, report.delivered) == (1, 1)
    assert [mail["Subject"] for mail in server.taken] == ["second"]


def _flip(row_id: str, content: bytes) -> object:
    import sqlalchemy as sa

    from cookiegate.storage.tables_deliveries import outbox

    return sa.update(outbox).where(outbox.c.id == row_id).values(content=content[:-1] + bytes([content[-1] ^ 1]))


def test_a_retry_of_what_is_not_there_is_named(post: Post) -> None:
    with pytest.raises(InvalidInputError, match="nope"):
        post.outbox.retry(["nope"])


def test_what_was_delivered_is_forgotten_after_a_month_and_what_failed_after_half_a_year(
    post: Post, server: MailServer
) -> None:
    post.mail()
    post.deliver()
    server.refuse_address = "550 no"
    post.mail()
    post.deliver()
    assert post.outbox.forget_ended() == 0
    post.clock.advance(ENDED_KEPT_MS / 1000 + 1)
    assert post.outbox.forget_ended() == 1
    assert post.row.state == "failed"
    post.clock.advance(FAILED_KEPT_MS / 1000)
    assert post.outbox.forget_ended() == 1


def test_waits_grow_from_a_minute_to_six_hours_and_differ() -> None:
    assert all(45 <= wait_s(0) <= 75 for _ in range(100))
    assert all(4.5 * HOUR_S <= wait_s(attempts) <= 7.5 * HOUR_S for attempts in range(9, 200))
    assert len({wait_s(3) for _ in range(50)}) > 10
