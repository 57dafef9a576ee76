"""A collector that sends its answer byte by byte holds a request thread for a whole exchange's time, not for ever."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from support.service import Bench, Visitor, make_bench

from cookiegate.web.sinks import ForwardSink

DRIP_S = 0.05
LONG = 2_000  # drips: far longer than any deadline here
SLOW = b"HTTP/1.1 202 Accepted\r\nX-Slow: "


class Dripping:
    """A collector that never comes to the end of its answer's head, unless it is cut off."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.cut_off = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            line, _ = self._server.accept()
            with line:
                line.recv(65_536)
                line.sendall(SLOW)
                for _ in range(LONG):
                    try:
                        line.sendall(b"a")
                    except OSError:
                        self.cut_off.set()
                        return
                    threading.Event().wait(DRIP_S)


@pytest.fixture
def collector() -> Iterator[Dripping]:
    collector = Dripping()
    yield collector
    collector.close()


def test_an_answer_that_drips_is_cut_off_and_the_tracker_told_to_come_again(
    tmp_path_factory: pytest.TempPathFactory, collector: Dripping
) -> None:
    bench: Bench = make_bench(tmp_path_factory.mktemp("service"))
    bench.service.sink = ForwardSink(f"http://127.0.0.1:{collector.port}", threads=4, timeout_s=0.5)
    visitor: Visitor = bench.visitor()
    token = visitor.decide("accept").get_json()["token"]
    event = {"n": "pageview", "u": "http://shop.test/tea", "d": "shop.test"}
    headers = {"X-Consent-Token": token, "Content-Type": "text/plain"}
    answer = visitor.send("POST", "/collect/plausible/api/event", data=json.dumps(event), headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (502, "upstream_unavailable")
    assert collector.cut_off.wait(30)
    bench.service.close()
