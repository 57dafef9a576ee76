"""A probe is told the truth in time, however long the record takes to say that it cannot be reached."""

from __future__ import annotations

import io
import threading
from typing import Any

from support.waiting import until

from cookiegate.errors import StorageError
from cookiegate.web.logs import configure_logs, get_logger
from cookiegate.web.readiness import Readiness


class Slow:
    """A record that answers when it is let go."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.asked = 0

    def ping(self) -> None:
        self.asked += 1
        self.goes_on.wait(30)


class Broken:
    """A record that cannot be written."""

    def ping(self) -> None:
        raise StorageError("the disk is full")


def test_a_record_that_does_not_answer_is_not_ready_and_is_asked_by_one_thread_only() -> None:
    record: Any = Slow()
    readiness = Readiness(record, deadline_s=0.01)
    assert {readiness.record() for _ in range(5)} == {"storage_unavailable"}
    assert record.asked == 1
    record.goes_on.set()
    until(lambda: readiness.record() == "ok")


def test_a_record_that_says_what_is_wrong_is_quoted() -> None:
    record: Any = Broken()
    assert Readiness(record, deadline_s=30).record() == "storage_unavailable"


class Full(io.StringIO):
    """A log on a disk without room."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_fails_no_request(monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stderr", Full())
    configure_logs("info")
    get_logger().error("request_failed", code="storage_unavailable")
