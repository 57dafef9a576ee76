"""Bodies that come slowly, or not whole: they take neither the threads of others nor a decision with them."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from support.service import Bench, Visitor
from support.waiting import until
from werkzeug.test import run_wsgi_app

from cookiegate.cli.slow_clients import SlowClients
from cookiegate.errors import SlowBodiesError
from cookiegate.web.slow_bodies import RESERVED, BodyPlaces, PatientInput


class Held(io.RawIOBase):
    """A body whose bytes come when they are let go."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()

    def read(self, size: int = -1) -> bytes:
        self.goes_on.wait(30)
        return b"{}"


def test_slow_bodies_hold_so_many_threads_and_no_more() -> None:
    places, held = BodyPlaces(RESERVED + 3), Held()
    readers = [threading.Thread(target=PatientInput(held, places).read) for _ in range(3)]
    for reader in readers:
        reader.start()

    def is_refused() -> bool:
        try:
            PatientInput(io.BytesIO(b"short"), places).read()
        except SlowBodiesError:
            return True
        return False

    until(is_refused)
    held.goes_on.set()
    for reader in readers:
        reader.join()
    assert PatientInput(io.BytesIO(b"short"), places).read(5) == b"short"


def test_a_body_that_is_there_waits_for_those_that_are_just_being_read() -> None:
    places, held = BodyPlaces(RESERVED + 1), Held()
    reader = threading.Thread(target=PatientInput(held, places).read)
    reader.start()
    until(lambda: places._begun)
    held.goes_on.set()
    assert PatientInput(io.BytesIO(b"short"), places).read() == b"short"
    reader.join()


def test_a_body_is_read_by_lines_as_a_file_is() -> None:
    body = PatientInput(io.BytesIO(b"one\ntwo\nthree"), BodyPlaces(8))
    assert (body.readline(), list(body)) == (b"one\n", [b"two\n", b"three"])
    assert PatientInput(io.BytesIO(b"one\ntwo"), BodyPlaces(8)).readlines() == [b"one\n", b"two"]


def test_a_body_that_ends_early_is_no_decision(visitor: Visitor, bench: Bench) -> None:
    visitor.decide("accept")
    body = b'{"notice": "' + visitor.notice()["notice"].encode() + b'", "action": "accept"}'
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/v1/sites/demo/decisions",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body) + 1),
        "HTTP_IDEMPOTENCY_KEY": "a-key-of-a-body-that-ended",
        "wsgi.input": io.BytesIO(body),
    }
    _, status, _ = run_wsgi_app(bench.front, environ)
    assert status.startswith("400")
    assert bench.count == 1


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def connect(listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    """A connection: the client's end, and the one that the server accepted."""
    client = socket.create_connection(listener.getsockname(), timeout=10)
    return client, listener.accept()[0]


def test_what_is_begun_and_not_ended_is_shut_down_and_nothing_else(listener: socket.socket) -> None:
    lines = {name: connect(listener) for name in ("half", "answered", "idle")}
    lines["half"][0].sendall(b"POST / HTTP/1.1\r\n")
    lines["answered"][0].sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert lines["answered"][1].recv(100)
    until(lambda: _received_before_a_tick(lines["answered"][1]))
    lines["answered"][1].sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    watcher = SlowClients(listener.getsockname()[1], request_s=15, idle_s=75)
    now = time.monotonic()
    assert watcher.look(now) == 0
    lines["half"][0].sendall(b"X")  # dripping helps nobody
    assert watcher.look(now + 14) == 0
    assert watcher.look(now + 16) == 1
    assert lines["half"][0].recv(1) == b""
    assert watcher.look(now + 74) == 0
    assert watcher.look(now + 76) == 2
    for pair in lines.values():
        for end in pair:
            end.close()


def _received_before_a_tick(line: socket.socket) -> bool:
    """Whether the kernel can tell what comes now from what came before: it counts in milliseconds."""
    info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int.from_bytes(info[52:56], "little") > 10


def test_a_long_body_that_keeps_coming_may_take_longer(listener: socket.socket) -> None:
    client, accepted = connect(listener)
    client.sendall(b"POST / HTTP/1.1\r\n")
    watcher = SlowClients(listener.getsockname()[1], request_s=15, idle_s=75)
    now = time.monotonic()
    assert watcher.look(now) == 0
    client.sendall(b"x" * 65_536)
    assert len(accepted.recv(100_000)) > 0
    assert watcher.look(now + 17) == 0
    assert watcher.look(now + 40) == 1
    client.close()
    accepted.close()


def test_what_this_process_opened_to_others_is_left_alone(listener: socket.socket) -> None:
    client, accepted = connect(listener)
    accepted.sendall(b"a part of an answer")
    watcher = SlowClients(client.getsockname()[1] + 1, request_s=1, idle_s=1)
    assert watcher.look(0.0) == 0
    assert watcher.look(100.0) == 0
    client.close()
    accepted.close()
