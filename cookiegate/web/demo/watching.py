"""What the live view shows: the log's lines as they were written, decisions, and what the gate turned away."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec

from cookiegate.clock import Clock, rfc3339
from cookiegate.gate import AcceptedRequest, trackers
from cookiegate.policy.document import Policy
from cookiegate.web.demo.facts import UNKNOWN, FactReader, compare
from cookiegate.web.metrics import Metrics
from cookiegate.web.sinks import Sink

ENTRIES_KEPT = 200


class WatchedSink:
    """Hands everything to the real sink, and remembers what it took during the request of this thread."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._here = threading.local()

    def take(self, site: str, accepted: AcceptedRequest) -> None:
        """Logs, then remembers: what could not be written is not shown."""
        self._sink.take(site, accepted)
        if (taken := getattr(self._here, "taken", None)) is not None:
            taken.append(accepted)

    @contextmanager
    def watch(self) -> Iterator[list[AcceptedRequest]]:
        """Collects what this thread's request logs."""
        taken: list[AcceptedRequest] = []
        self._here.taken = taken
        try:
            yield taken
        finally:
            self._here.taken = None


class LiveView:
    """The last entries in their order, and the gate's own totals since the start or the last ``clear``.

    Args:
        policy: the demo site's.
        metrics: the service's counters: they, and nothing else, are the totals.
        clock: dates the entries.
    """

    def __init__(self, policy: Policy, metrics: Metrics, clock: Clock) -> None:
        self._policy = policy
        self._metrics = metrics
        self._clock = clock
        self._mutex = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=ENTRIES_KEPT)
        self._last = 0
        self._readers: dict[str, FactReader] = {}
        self._zero: Mapping[str, int] = {}

    def logged(self, tracker: str, raw: Any, headers: Mapping[str, str], ip: str | None, line: AcceptedRequest) -> None:
        """Shows the events of one log line.

        The request is compared with what was logged of it, here and now: of what was removed only the names are kept,
        so that the live view itself never holds what the visitor did not allow.

        Args:
            tracker: name of the wire format.
            raw: the request's body as decoded JSON.
            headers: the request's, by lower-case name.
            ip: the client's address.
            line: what was logged.
        """
        reader = self._reader(tracker)
        whole = line.to_line().decode().rstrip("\n")
        lines = whole.split("\n") if tracker == "plain" else [whole] * len(line.events)
        around, kept_around = reader.request(headers, ip), reader.request(line.headers, line.ip)
        if tracker == "plain":
            # Of a plain event the line is the event itself: nothing around it is ever logged.
            around, kept_around = [replace(fact, category=UNKNOWN) for fact in around], []
        came = self._events(tracker, raw)
        # Of a batch that was accepted in part nobody can tell which event became which: no names are shown then.
        for number, (kept, text) in enumerate(zip(line.events, lines, strict=True)):
            before = reader.event(came[number]) if len(came) == len(line.events) else []
            logged, removed = compare([*before, *around], [*reader.event(kept), *kept_around])
            self._add("event", tracker=tracker, name=_name(tracker, kept), logged=logged, removed=removed, line=text)

    def dropped(self, tracker: str, reason: str) -> None:
        """Shows that the gate let nothing of a request pass."""
        self._add("dropped", tracker=tracker, reason=reason)

    def decided(self, action: str, choice: str) -> None:
        """Shows a decision.

        Args:
            action: what the visitor pressed.
            choice: the value of the cookie ``cg_choice`` that came of it.
        """
        state, *rest = choice.split(".")
        granted = rest[3:5] if state == "granted" else ["", ""]
        purposes, acquire = ([key for key in part.split("+") if key] for part in granted)
        self._add("decision", action=action, state=state, purposes=purposes, acquire=acquire)

    def since(self, number: int) -> dict[str, Any]:
        """The entries after ``number``, and the totals.

        Returns:
            ``last`` is the newest entry's number: ask with it next time. It is lower than ``number`` after ``clear``.
        """
        with self._mutex:
            fresh = [entry for entry in self._entries if entry["number"] > number]
            return {"last": self._last, "entries": fresh, "totals": self._totals()}

    def clear(self) -> None:
        """Starts anew; the log file stays as it is."""
        with self._mutex:
            self._entries.clear()
            self._last = 0
            self._zero = self._counted()

    def _add(self, kind: str, **shown: Any) -> None:
        at = rfc3339(self._clock.now_ms())
        with self._mutex:
            self._last += 1
            self._entries.append({"number": self._last, "kind": kind, "at": at, **shown})

    def _totals(self) -> dict[str, Any]:
        left = {name: count - self._zero.get(name, 0) for name, count in self._counted().items()}
        accepted, stripped = left.pop("ok", 0), left.pop("", 0)
        return {
            "accepted": accepted,
            "stripped": stripped,
            "dropped": {key: count for key, count in left.items() if count},
        }

    def _counted(self) -> dict[str, int]:
        """The gate's counts by reason, and the stripped fields under the empty name."""
        counted = {"": 0}
        for family in self._metrics.verdicts.collect():
            for sample in family.samples:
                if sample.name.endswith("_total") and sample.labels["door"] == "collect":
                    counted[sample.labels["reason"]] = int(sample.value)
        for family in self._metrics.stripped.collect():
            counted[""] += sum(int(sample.value) for sample in family.samples if sample.name.endswith("_total"))
        return counted

    def _reader(self, tracker: str) -> FactReader:
        found = self._readers.get(tracker)
        if found is None:
            fields = self._policy.collectors[tracker].fields
            found = self._readers[tracker] = FactReader(trackers.find(tracker), fields)
        return found

    def _events(self, tracker: str, raw: Any) -> list[dict[str, Any]]:
        list_at = trackers.find(tracker).list_at
        found: Any = raw.get(list_at) if list_at and isinstance(raw, dict) else raw
        events = found if isinstance(found, list) else [found]
        return [event for event in events if isinstance(event, dict)]


def read_events(body: bytes) -> Any:
    """A tracker's body as decoded JSON; None if it is none."""
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return None


def _name(tracker: str, event: Mapping[str, Any]) -> str:
    """What happened: the site's own word for it, else the tracker's."""
    words = ("se_ac", "e") if tracker == "snowplow" else ("event", "name", "n", "type")
    return next((str(event[word]) for word in words if word in event), tracker)
