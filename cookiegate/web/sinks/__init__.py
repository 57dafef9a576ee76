"""Where accepted events go: JSON lines on disk, durable before they are acknowledged, or collectors behind us."""

from __future__ import annotations

from typing import Protocol

from cookiegate.gate import AcceptedRequest
from cookiegate.web.sinks.files import FileSink
from cookiegate.web.sinks.upstreams import Upstreams

__all__ = ["FileSink", "Sink", "Upstreams"]


class Sink(Protocol):
    """Takes what the gate let through."""

    def take(self, site: str, accepted: AcceptedRequest) -> None:
        """Keeps one stripped request.

        Raises:
            StorageError: it was not taken.
        """
        ...
