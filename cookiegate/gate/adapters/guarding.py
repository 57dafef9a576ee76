"""What the WSGI and the ASGI middleware share: which requests are for the gate, and what was counted."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping
from typing import Generic, TypeVar

from cookiegate.gate.adapters.passage import BATCH_LIMIT_BYTES, Passage
from cookiegate.gate.counts import Counts
from cookiegate.gate.gate import Gate
from cookiegate.gate.request import TrackerRequest
from cookiegate.tokens.reasons import Reason
from cookiegate.tokens.verifying import Verifier

_Application = TypeVar("_Application")
_SLASHES = re.compile(r"/+")
#: What an application needs to answer a preflight; it hears nothing else of it.
PREFLIGHT_HEADERS = frozenset(
    {"origin", *(f"access-control-request-{name}" for name in ("method", "headers", "private-network"))}
)


class Guard:
    """Stands before one collector application; arguments and errors are those of :class:`GuardedApplication`."""

    def __init__(
        self,
        gate: Gate | Verifier,
        *,
        tracker: str | None = None,
        purpose: str | None = None,
        paths: Collection[str] | None = None,
        batch_limit_bytes: int = BATCH_LIMIT_BYTES,
        origins: Collection[str] = (),
    ) -> None:
        if isinstance(gate, Verifier):
            if tracker is None or purpose is None:
                raise ValueError("with a verifier name the tracker and the purpose; or give a Gate")
            gate = Gate(gate, tracker=tracker, purpose=purpose)
        elif tracker is not None or purpose is not None:
            raise ValueError("a Gate has its tracker and purpose already")
        for name, several in (("paths", paths), ("origins", origins)):
            if isinstance(several, str):
                raise TypeError(f"{name} is a list of texts: [{several!r}], not one text")
        for path in paths or ():
            if not path.startswith("/"):
                raise ValueError(f"paths must begin with a slash: {path}")
        self.gate = gate
        self.origins = frozenset(origins)
        self.counts = Counts()
        self._mutex = threading.Lock()
        self._batch_limit_bytes = batch_limit_bytes
        self._prefixes = tuple(sorted((path.rstrip("/") for path in paths or ()), key=len, reverse=True))
        self._known = gate.paths
        known = self._known if paths is None else ()
        self._own = frozenset(reading for path in known for reading in _readings(path))

    def inner_path(self, path: str) -> str | None:
        """The path as the gate knows it; None if the request is none of its business.

        Another spelling of a guarded address is guarded too, and so is what is below it, though the gate passes none
        but the tracker's own: an application may take them for one.
        """
        if not self._prefixes and not self._own:
            return path
        readings = _readings(path)
        if any(_is_at_or_below(reading, own) for reading in readings for own in self._own):
            return path
        for prefix in self._prefixes:
            low = prefix.lower()
            if not low or any(_is_at_or_below(reading, low) for reading in readings):
                # Either the gate was told of the prefix as a mount, or the tracker's own path follows it.
                is_known = path in self._known or not path.startswith(prefix)
                return path if is_known else path[len(prefix) :]
        return None

    def passage(
        self, method: str, path: str, query: str, headers: Mapping[str, str], ip: str | None, received_at: str
    ) -> Passage:
        """A guarded request's way through the gate."""
        whole = f"{path}?{query}" if query else path
        head = TrackerRequest(method, whole, headers, received_at=received_at, ip=ip)
        return Passage(self.gate, head, self._batch_limit_bytes)

    def add(self, counts: Counts) -> None:
        """Counts a request."""
        with self._mutex:
            self.counts.add(counts)

    def add_refused(self, reason: Reason) -> None:
        """Counts a request that was refused as a whole."""
        with self._mutex:
            self.counts.dropped[reason] += 1


class GuardedApplication(Generic[_Application]):
    """A collector's application with the gate before it; WSGI and ASGI each add how it is called.

    Args:
        app: the collector.
        gate: the gate, or the verifier of one to be made.
        tracker, purpose: of the gate to be made.
        paths: what is guarded: an address, or a prefix with all below it; the tracker's own addresses and all below
            them when None.
        batch_limit_bytes: largest body whose events stand in a list; for others the gate's ``body_limit_bytes`` counts.
        origins: the pages' origins that may read the gate's own answers, where pages and collector are apart.

    Raises:
        TypeError: ``paths`` or ``origins`` is one text.
        ValueError: for a verifier without tracker and purpose, or a path that does not begin with a slash.
    """

    def __init__(
        self,
        app: _Application,
        gate: Gate | Verifier,
        *,
        tracker: str | None = None,
        purpose: str | None = None,
        paths: Collection[str] | None = None,
        batch_limit_bytes: int = BATCH_LIMIT_BYTES,
        origins: Collection[str] = (),
    ) -> None:
        self._app = app
        self._guard = Guard(
            gate, tracker=tracker, purpose=purpose, paths=paths, batch_limit_bytes=batch_limit_bytes, origins=origins
        )

    @property
    def counts(self) -> Counts:
        """What the gate has done here so far."""
        return self._guard.counts


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether it is a CORS preflight: the application answers it, by :data:`PREFLIGHT_HEADERS` alone."""
    return method == "OPTIONS" and "access-control-request-method" in headers


def is_ambiguous(headers: Mapping[str, str]) -> bool:
    """Whether two readers could see different bodies in it (request smuggling): one of them would be unguarded.

    Source: RFC 9112 section 6.3.
    """
    length, coding = headers.get("content-length", ""), headers.get("transfer-encoding", "").strip().lower()
    is_number = length.isascii() and length.isdigit()
    return bool(length and (not is_number or coding)) or coding not in ("", "chunked")


def _is_at_or_below(path: str, own: str) -> bool:
    # Everything is below the root: as a tracker's own address it is only itself.
    return path == own or (own != "" and path.startswith(f"{own}/"))


def _readings(path: str) -> set[str]:
    """One spelling for the many of a path (slashes, dots, case, parameters); two, where ``..`` may be a name or not."""
    kept: list[str] = []
    climbed: list[str] = []
    for raw in _SLASHES.split(path.replace("\\", "/")):
        part = raw.partition(";")[0].partition("\0")[0].strip().lower()
        if part == "..":
            climbed = climbed[:-1]
        elif part not in ("", "."):
            kept.append(part)
            climbed.append(part)
    return {"".join(f"/{part}" for part in parts) for parts in (kept, climbed)}
