"""Structured logs: one JSON object a line, without addresses, user agents, handles or tokens.

What may be logged is an allow-list of field names: a value under any other name is replaced, so that a careless call
cannot leak.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

ALLOWED_FIELDS = frozenset(
    {
        "event", "level", "timestamp", "exception", "route", "method", "status", "code", "site", "policy_version", "ms",
        "request_id", "address", "sites", "kid", "count", "tracker", "reason", "action", "cause", "port", "locale",
        "chore",
    }
)  # fmt: skip


def _keep_allowed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if name not in ALLOWED_FIELDS:
            event[name] = "[withheld]"
    return event


class _Lenient:
    """A text file whose faults stop nobody: a log on a full disk must not fail the request that it tells of."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """Writes, or not."""
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        """Flushes, or not."""
        with suppress(OSError):
            self._file.flush()


def configure_logs(level: str) -> None:
    """Sends every log line of this process to stderr as JSON.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            _keep_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Lenient(sys.stderr))),
        cache_logger_on_first_use=True,
    )


def get_logger() -> Any:
    """The logger of this process."""
    return structlog.get_logger()
