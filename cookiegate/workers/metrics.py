"""What a worker shows under ``/metrics``, on a port of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from cookiegate.errors import SourceUnreadableError
from cookiegate.workers.running import Tallies

HINT = '--metrics needs prometheus-client: pip install "cookiegate[redis]" or "cookiegate[kafka]"'


@contextlib.contextmanager
def shown(tallies: Tallies, host: str, port: int) -> Iterator[int]:
    """Serves the metrics while the ``with`` block lasts; gives the port.

    Args:
        tallies: what to show.
        host: address to listen on.
        port: 0 for any.

    Raises:
        SourceUnreadableError: the client library is missing, or the port is taken.
    """
    try:
        from prometheus_client import CollectorRegistry, start_http_server  # noqa: PLC0415  an extra
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric  # noqa: PLC0415
        from prometheus_client.registry import Collector  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SourceUnreadableError(f"{HINT} (missing: {error.name})", source="metrics") from error

    class _Shown(Collector):
        def describe(self) -> Iterator[Metric]:
            yield from ()

        def collect(self) -> Iterator[Metric]:
            events = CounterMetricFamily(
                "cookiegate_worker_events", "Events by outcome: passed, or the reason.", labels=["tracker", "outcome"]
            )
            for (tracker, outcome), times in dict(tallies.events).items():
                events.add_metric((tracker, outcome), times)
            yield events
            yield CounterMetricFamily("cookiegate_worker_messages", "Messages that are done.", tallies.messages)
            yield CounterMetricFamily(
                "cookiegate_worker_overtaken", "Messages that another worker had finished first.", tallies.overtaken
            )
            if tallies.lag is not None:
                yield GaugeMetricFamily("cookiegate_worker_lag", "Messages that wait.", tallies.lag)
            if tallies.lag is not None or tallies.oldest_at_ms is not None:
                yield GaugeMetricFamily(
                    "cookiegate_worker_oldest_seconds", "Age of the oldest of them.", _age_s(tallies.oldest_at_ms)
                )
            yield GaugeMetricFamily("cookiegate_worker_connected", "1: the server answers.", int(tallies.connected))
            yield GaugeMetricFamily(
                "cookiegate_worker_decides", "0: a status list is awaited, nothing is judged.", int(tallies.decides)
            )

    registry = CollectorRegistry()
    registry.register(_Shown())
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise SourceUnreadableError(
            f"--metrics: cannot listen on {host}:{port} ({error.strerror}); choose another port", source="metrics"
        ) from error
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _age_s(at_ms: int | None) -> float:
    return 0.0 if at_ms is None else max(0.0, time.time() - at_ms / 1000)
