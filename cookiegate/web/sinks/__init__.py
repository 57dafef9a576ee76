"""Where accepted events go: JSON lines on disk, durable before they are acknowledged, or the collector behind us."""

from __future__ import annotations

from typing import Protocol

from cookiegate.gate import AcceptedRequest
from cookiegate.web.sinks.files import FileSink
from cookiegate.web.sinks.forwarding import ForwardSink, UpstreamError

__all__ = ["FileSink", "ForwardSink", "Sink", "UpstreamError"]


class Sink(Protocol):
    """Takes what the gate let through."""

    def take(self, site: str, accepted: AcceptedRequest) -> None:
        """Keeps or forwards one stripped request.

        Raises:
            StorageError, UpstreamError: it was not taken.
        """
        ...
