"""What clients were told, on disk before they go on: the truth that the record is held against."""

from __future__ import annotations

import bisect
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """One acknowledged decision, as its visitor saw it.

    Attributes:
        visitor: whose; the order of one visitor's lines is the order of their acts.
        key: the idempotency key.
        action: accept, choose, reject or withdraw.
        decision: its id.
        handle: the visitor's handle after it, or before it where it took the handle away.
        epoch: of the consent, as the token says it; None without a token.
        granted: whether anything was allowed.
        receipt: the signed receipt.
        token: what may pass the gates from now on; None for none.
        ended: the token that this act ended.
    """

    visitor: str
    key: str
    action: str
    decision: str
    handle: str | None
    epoch: int | None
    granted: bool
    receipt: str
    token: str | None
    ended: str | None


@dataclass(slots=True)
class Journal:
    """Lines of JSON in one file, each synced before the client that wrote it does anything else. Safe for threads."""

    path: Path
    told: list[Told] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    ended_at_s: list[float] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    barred: set[str] = field(default_factory=set)
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _file: int = -1

    def __post_init__(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def acknowledge(self, told: Told) -> None:
        """A decision was acknowledged."""
        self._write("told", asdict(told))
        with self._mutex:
            self.told.append(told)
            self.doubts.pop(told.key, None)
            if told.ended is not None:
                self.ended_at_s.append(time.monotonic())
                self.ended.append(told.ended)

    def doubt(self, key: str, visitor: str) -> None:
        """An act went out and no answer came: it may have been recorded."""
        with self._mutex:
            if key in self.doubts:
                return
            self.doubts[key] = visitor
        self._write("doubt", {"key": key, "visitor": visitor})

    def event(self, name: str, *, allowed: bool) -> None:
        """An event was acknowledged by the collector (``allowed``), or is sent although its consent has ended."""
        with self._mutex:
            (self.events if allowed else self.barred).add(name)
        self._write("event", {"name": name, "allowed": allowed})

    def ended_before(self, at_s: float) -> list[str]:
        """The tokens whose end was acknowledged before an instant (monotonic seconds), newest last."""
        return self.ended[: bisect.bisect(self.ended_at_s, at_s, hi=len(self.ended))]

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._file)

    def _write(self, kind: str, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps({"kind": kind, **line}).encode() + b"\n")  # one write: lines never mix
        os.fdatasync(self._file)


def read_told(path: Path) -> Iterator[Told]:
    """The acknowledged decisions of a journal as its file holds them, in the order in which they were written."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            found = json.loads(line)
            if found.pop("kind") == "told":
                yield Told(**found)
