"""Structured logs: one JSON object a line, without addresses, user agents, handles or tokens.

What may be logged is an allow-list of field names: a value under any other name is replaced, so that a careless call
cannot leak. What libraries log comes in the same form, without the values that they put into their sentences.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

#: How soon a library's sentence is told again.
REMIND_EVERY_S = 10.0
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


class _Libraries(logging.Handler):
    """Passes on what libraries log: which one, and the sentence before its values, such as a host, went into it.

    Each sentence now and then: a pool says one for every connection that it cannot make.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told_at_s: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Tells of one record. A sentence that came ready-made may hold anything: only its place is told."""
        sentence = record.msg if record.args and isinstance(record.msg, str) else f"{record.module}:{record.lineno}"
        which, now_s = (record.name, sentence), time.monotonic()
        if now_s < self._told_at_s.get(which, -REMIND_EVERY_S) + REMIND_EVERY_S:
            return
        self._told_at_s[which] = now_s
        facts = {"cause": record.name, "reason": sentence}
        if record.exc_info and record.exc_info[0] is not None:
            facts["code"] = record.exc_info[0].__name__
        logger = get_logger()
        tell = logger.error if record.levelno >= logging.ERROR else logger.warning
        tell("library_message", **facts)


_LIBRARIES = _Libraries()


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
    logging.getLogger().addHandler(_LIBRARIES)


def get_logger() -> Any:
    """The logger of this process."""
    return structlog.get_logger()
