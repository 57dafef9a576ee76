"""A frame through a gate: flat columns as plain events, or one column with each event or request as JSON."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from cookiegate.clock import rfc3339
from cookiegate.gate import bodies
from cookiegate.gate.counts import Counts
from cookiegate.gate.frames.deciding import RowJudge
from cookiegate.gate.frames.stripping import STAMPS, Stripping
from cookiegate.gate.gate import Gate
from cookiegate.gate.request import read_line
from cookiegate.tokens.reasons import Denied, Reason

if TYPE_CHECKING:
    from cookiegate.gate.frames.columns import Columns, Times

REASON = "consent_reason"


class _Stamp(msgspec.Struct):
    sub: str
    pv: int
    ep: int
    scope: str
    acquire: str


class _Line(msgspec.Struct):
    consent: _Stamp


_read_stamp = msgspec.json.Decoder(_Line).decode
_encode_event = msgspec.json.Encoder().encode


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants done with a frame.

    Args:
        token: the column with the tokens.
        collected_at: the column with the times of receipt, if there is one.
        lines: the column with each event or request as JSON; None for flat columns.
        keep: the receiver's own columns, which pass as they are.
        report: whether only reasons are wanted.
    """

    token: str
    collected_at: str | None
    lines: str | None
    keep: frozenset[str]
    report: bool

    def check(self, gate: Gate, names: Sequence[str]) -> None:
        """Finds what cannot be asked.

        Raises:
            ValueError: a column that is named is not there, one that the gate writes is there, or the tracker's events
                are no flat columns.
        """
        if self.lines is None and gate.table.name != "plain":
            raise ValueError(
                f"flat columns are plain events; for {gate.table.name} name the column that holds each request as JSON:"
                " lines='request'"
            )
        own = {self.token if self.lines is None else self.lines, *self.keep, *filter(None, (self.collected_at,))}
        if missing := sorted(own - set(names)):
            raise ValueError(f"the frame has no column {', '.join(missing)}; it has {', '.join(map(str, names))}")
        if written := sorted(({REASON} if self.report else set(STAMPS)) & set(names)):
            raise ValueError(f"the gate writes {', '.join(written)}: rename or drop what stands there")
        if self.lines is None and self.token in self.keep:
            raise ValueError(f"{self.token} holds the tokens, which never go on: take it out of keep")

    def own(self) -> set[str]:
        """The columns that no grant decides about."""
        return {*self.keep, *filter(None, (self.collected_at,))}


def run(gate: Gate, columns: Columns, asked: Asked) -> tuple[Counts, list[str] | None]:
    """Gates a frame.

    Args:
        gate: decides; its own counts grow too.
        columns: the frame; what passes of it is left there.
        asked: what is wanted.

    Returns:
        The counts, and for a report the reason of each row: ``ok`` where anything of it passes, else the most frequent.
    """
    asked.check(gate, columns.names)
    received_ms = None if asked.collected_at is None else _received_ms(gate, columns, asked.collected_at)
    with counting(gate) as counts:
        if asked.lines is not None:
            reasons = _gate_lines(gate, columns, asked, received_ms)
        else:
            reasons = _gate_flat(gate, columns, asked, received_ms, counts)
    return counts, reasons if asked.report else None


@contextlib.contextmanager
def counting(gate: Gate) -> Iterator[Counts]:
    """What a gate counts as long as the block lasts; it goes on counting all."""
    before, own = gate.counts, Counts()
    gate.counts = own
    try:
        yield own
    finally:
        before.add(own)
        gate.counts = before


def _received_ms(gate: Gate, columns: Columns, name: str) -> Times:
    """When each row was received: never later than now, which it also is where a row does not say."""
    at = columns.times_ms(name)
    if at is None:
        told = columns.values(name)
        found = (gate.received_ms(None if value is None else str(value)) for value in told)
        at = np.fromiter(found, float, len(told))
    now = gate.received_ms(None)
    return np.clip(np.where(np.isnan(at), now, at), 0, now)


def _gate_flat(gate: Gate, columns: Columns, asked: Asked, received_ms: Times | None, counts: Counts) -> list[str]:
    decided = RowJudge(gate, columns, asked.token, received_ms).run()
    passing = decided.passing
    counts.accepted += len(passing)
    for reason in decided.reasons:
        if reason is not Reason.OK:
            counts.dropped[reason] += 1
    columns.take(passing)
    stripping = Stripping(gate, columns, decided, counts)
    stripping.run(name for name in columns.names if name not in {asked.token, *asked.own()})
    columns.drop(asked.token)
    columns.settle()
    stripping.stamp()
    return [str(reason) for reason in decided.reasons]


def _gate_lines(gate: Gate, columns: Columns, asked: Asked, received_ms: Times | None) -> list[str]:
    assert asked.lines is not None
    lines = [_bytes(value) for value in columns.values(asked.lines)]
    if asked.report:
        outs, reasons = _one_by_one(gate, lines, received_ms)
    else:
        outs, reasons = _filter(gate, lines, received_ms), []
    written = [out.splitlines() for out in outs]
    rows = np.repeat(np.arange(len(outs)), [len(items) for items in written])
    texts = [line for items in written for line in items]
    columns.take(rows)
    columns.drop(asked.lines)
    for name in list(columns.names):
        if name not in asked.own():
            columns.drop(name)
    columns.settle()
    columns.add(asked.lines, [text.decode() for text in texts])
    stamps = [_read_stamp(text).consent for text in texts]
    for name, kind in STAMPS.items():
        columns.add(name, [getattr(stamp, name.removeprefix("consent_")) for stamp in stamps], kind)
    return reasons


def _filter(gate: Gate, lines: Sequence[bytes], received_ms: Times | None) -> list[bytes]:
    if received_ms is None:
        return gate.lines(lines)
    filter_one = _filter_event if gate.table.name == "plain" else _filter_request
    return [filter_one(gate, line, at) for line, at in zip(lines, received_ms.tolist(), strict=True)]


def _filter_event(gate: Gate, line: bytes, at_ms: float) -> bytes:
    try:
        event = bodies.read_json(line)
    except Denied as denial:
        gate.counts.dropped[denial.reason] += 1
        return b""
    kept = gate.event(event, int(at_ms))
    return b"" if kept is None else _encode_event(kept) + b"\n"


def _filter_request(gate: Gate, line: bytes, at_ms: float) -> bytes:
    try:
        request = read_line(line)
    except Denied as denial:
        gate.counts.dropped[denial.reason] += 1
        return b""
    request = dataclasses.replace(request, received_at=rfc3339(int(at_ms)))
    filtered = gate.filter(request)
    gate.counts.add(filtered.counts)
    return b"".join(accepted.to_line() for accepted in filtered.accepted)


def _one_by_one(gate: Gate, lines: Sequence[bytes], received_ms: Times | None) -> tuple[list[bytes], list[str]]:
    outs, reasons = [], []
    for row, line in enumerate(lines):
        with counting(gate) as counts:
            outs += _filter(gate, (line,), None if received_ms is None else received_ms[row : row + 1])
        main = Reason.OK if counts.accepted else max(counts.dropped, key=counts.dropped.__getitem__, default=Reason.OK)
        reasons.append(str(main))
    return outs, reasons


def _bytes(value: Any) -> bytes:
    """A cell as a line of JSON: a text, bytes, or a struct."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return value
    return b"" if value is None else msgspec.json.encode(_there(value), enc_hook=str)


def _there(value: Any) -> Any:
    """A struct without members that hold nothing: a column has a place for each in every row."""
    if isinstance(value, dict):
        return {name: _there(item) for name, item in value.items() if item is not None}
    return [_there(item) for item in value] if isinstance(value, list) else value


def names_of(names: Iterable[str]) -> frozenset[str]:
    """Names of columns; one name alone is most likely a slip.

    Raises:
        TypeError: for a text.
    """
    if isinstance(names, str):
        raise TypeError(f"keep is a list of columns: keep=[{names!r}]")
    return frozenset(names)
