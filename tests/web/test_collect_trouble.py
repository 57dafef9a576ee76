"""A collector behind the gate that is down, slow, wrong, or not to be had by its setting."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from pathlib import Path

import pytest
from support.certificates import make_certificate
from support.collecting import ADDRESS, EVENT, send, visitor_of
from support.collectors import Collector
from support.policies import ORIGIN
from support.ports import free_port
from support.service import Bench, make_bench
from werkzeug.test import Client

from cookiegate.errors import SettingsError
from cookiegate.settings import read_settings
from cookiegate.web.app import create_front
from cookiegate.web.sinks import Upstreams

GARBAGE = (
    b"", b"garbage\r\n\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", b"\x16\x03\x01\x00",
    b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 103 Early Hints\r\n\r\n",
)  # fmt: skip


def test_garbage_for_an_answer_is_a_502(forwarding: Bench, collector: Collector) -> None:
    visitor = visitor_of(forwarding, "browsing")
    for collector.raw in GARBAGE:
        answer = send(visitor)
        assert (answer.status_code, answer.get_json()["code"]) == (502, "upstream_unavailable")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert ADDRESS not in answer.text
    collector.raw = None
    assert send(visitor).status_code == 202


def test_what_a_collector_says_before_its_answer_is_passed_over(forwarding: Bench, collector: Collector) -> None:
    visitor = visitor_of(forwarding, "browsing")
    early = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\nConnection: close\r\n\r\n"
    collector.raw = early + b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok"
    answer = send(visitor)
    assert (answer.status_code, answer.data, answer.headers["X-A"]) == (200, b"ok", "b")
    assert "Link" not in answer.headers


def test_a_redirect_is_neither_followed_nor_passed_on(forwarding: Bench, collector: Collector) -> None:
    visitor = visitor_of(forwarding, "browsing")
    with Collector() as elsewhere:
        for collector.status in (301, 302, 303, 307, 308):
            collector.headers = [("Location", f"{elsewhere.url}/x")]
            answer = send(visitor)
            assert (answer.status_code, answer.get_json()["code"]) == (502, "upstream_unavailable")
            assert "Location" not in answer.headers
        assert elsewhere.taken == []


def test_a_collector_that_is_down_is_a_502(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, COLLECT_URL=f"http://127.0.0.1:{free_port()}")
    answer = send(visitor_of(bench, "browsing"))
    assert (answer.status_code, answer.get_json()["code"]) == (502, "upstream_unavailable")
    bench.service.close()


def test_a_collector_that_is_slow_is_a_504_and_says_nothing_of_the_visitor(
    forwarding: Bench, collector: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    collector.hold.clear()
    answer = send(visitor_of(forwarding, "browsing"))
    assert (answer.status_code, answer.get_json()["code"]) == (504, "upstream_slow")
    out, err = capfd.readouterr()
    assert not [word for word in (ADDRESS, "shop.test/tea", "cg_token") if word in out + err + answer.text]


def test_only_half_of_the_threads_wait_for_collectors(forwarding: Bench, collector: Collector) -> None:
    visitor, front = visitor_of(forwarding, "browsing"), create_front(forwarding.service)
    token = str(visitor.cookie("cg_token"))
    collector.hold.clear()
    statuses: list[int] = []

    def wait() -> None:
        headers = {"X-Consent-Token": token, "Content-Type": "text/plain"}
        found = Client(front).post("/collect/plausible/api/event", data=json.dumps(EVENT), headers=headers)
        statuses.append(found.status_code)

    threads = [threading.Thread(target=wait) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses.count(503) >= 2
    assert set(statuses) <= {503, 504}
    collector.hold.set()
    answer = send(visitor)
    assert answer.status_code == 202  # the places are free again


def test_a_long_answer_is_streamed_back(forwarding: Bench, collector: Collector) -> None:
    collector.body = bytes(range(256)) * 8_000
    visitor = visitor_of(forwarding, "browsing")
    answer = send(visitor, buffered=False)
    assert answer.headers["Content-Length"] == str(len(collector.body))
    assert answer.data == collector.body
    answer = send(visitor, buffered=False)
    answer.close()  # the tracker hung up
    for _ in range(5):
        assert send(visitor).data == collector.body


@pytest.mark.parametrize(
    "value",
    [
        "plausible", "plausible=", "plausible=ftp://x", "plausible=http://", "plausible=http://u:p@x", "=http://x",
        "plausible=http://x,plausible=http://y", "plausible=http://x:99999", "plausible=http://x/?a", "nobody=http://x",
        "plausible=http://x y", "../x=http://x", "plausible=http://x#f",
    ],
)  # fmt: skip
def test_a_bad_collector_stops_the_start_with_a_sentence(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="COOKIEGATE_COLLECT_UPSTREAMS") as caught:
        Upstreams(read_settings({"COOKIEGATE_COLLECT_UPSTREAMS": value}, data_dir=tmp_path))
    assert "u:p" not in str(caught.value)


def test_an_answer_that_drips_is_cut_off(tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    cut = threading.Event()

    def drip() -> None:
        line, _ = server.accept()
        with line:
            line.recv(65_536)
            try:
                line.sendall(b"HTTP/1.1 202 Accepted\r\nX-Slow: ")
                while True:
                    line.sendall(b"a")
                    threading.Event().wait(0.05)
            except OSError:
                cut.set()

    threading.Thread(target=drip, daemon=True).start()
    bench = make_bench(tmp_path, COLLECT_URL=f"http://127.0.0.1:{server.getsockname()[1]}", COLLECT_TIMEOUT_S="1")
    with server:
        answer = send(visitor_of(bench, "browsing"))
        assert (answer.status_code, answer.get_json()["code"]) == (504, "upstream_slow")
        assert cut.wait(30)
    bench.service.close()


def test_a_collector_by_https_is_believed_only_with_a_certificate_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Collector(tls=context) as collector:
        for believed, status in ((False, 502), (True, 202)):
            if believed:
                monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            folder = tmp_path / str(believed)
            folder.mkdir()
            bench = make_bench(folder, COLLECT_URL=collector.url)
            visitor = visitor_of(bench, "browsing")
            assert [send(visitor).status_code for _ in range(2)] == [status] * 2
            bench.service.close()
    assert len(collector.taken) == 2
    assert len({taken.connection for taken in collector.taken}) == 1
