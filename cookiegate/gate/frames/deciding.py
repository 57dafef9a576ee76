"""Which rows of plain events pass: each distinct token is verified once, and times are compared all at a time.

A row that is seen to pass here passes by the gate's own rules; everything else is asked of the gate, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cookiegate.gate.allowance import Allowance
from cookiegate.gate.event_times import EARLIEST_MS, LATEST_MS
from cookiegate.gate.events import OpenEvent
from cookiegate.gate.frames.columns import is_missing
from cookiegate.gate.gate import Gate
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason

if TYPE_CHECKING:
    from cookiegate.gate.frames.columns import Columns, Flags, Numbers, Times


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about rows.

    Args:
        reasons: by row.
        tokens: by row, the number of its token.
        texts: by number, the token.
        grants: by number, of tokens that are good for at least one row.
    """

    reasons: list[Reason]
    tokens: Numbers
    texts: Sequence[Any]
    grants: dict[int, tuple[Claims, Allowance]]

    @property
    def passing(self) -> Numbers:
        """The rows that pass."""
        return np.flatnonzero(np.fromiter((reason is Reason.OK for reason in self.reasons), bool, len(self.reasons)))


class RowJudge:
    """Decides about the rows of a frame.

    Args:
        gate: decides.
        columns: the frame.
        token: name of the column with the tokens.
        received_ms: when each row was received; now when None.
    """

    def __init__(self, gate: Gate, columns: Columns, token: str, received_ms: Times | None) -> None:
        self._gate = gate
        self._columns = columns
        self._numbers, self._texts = columns.texts(token)
        now = float(gate.verifier.now_ms())
        self._received_ms = np.full(len(columns), now) if received_ms is None else received_ms
        names = gate.rules.times.names if gate.checks_times else ()
        self._times = {name: columns.times_ms(name) for name in names if name in columns.names}
        self._grants: dict[int, tuple[Claims, Allowance]] = {}

    def run(self) -> Decided:
        """The decisions."""
        fixed, quick = self._look_at_tokens()
        passes = quick & self._timely() if quick.any() else quick
        reasons = [Reason.OK] * len(self._columns)
        asked = []
        for row in np.flatnonzero(~passes).tolist():
            reason = fixed.get(int(self._numbers[row]))
            if reason is None:
                asked.append(row)
            else:
                reasons[row] = reason
        for row, reason in zip(asked, self._ask(np.array(asked, np.int64)), strict=True):
            reasons[row] = reason
        return Decided(reasons, self._numbers, self._texts, self._grants)

    def _look_at_tokens(self) -> tuple[dict[int, Reason], Flags]:
        """Token → the reason for which it never passes; and the rows whose token stands, their time apart."""
        gate = self._gate
        stands = gate.verifier.standing(expires=not gate.takes_late_events)
        fixed: dict[int, Reason] = {}
        good = np.zeros(len(self._texts), bool)
        for number, text in enumerate(self._texts):
            try:
                claims, allowance = gate.granted(text)
            except Denied as denial:
                # What the token grants is asked last: before that, its state and the event's time may be the reason.
                if denial.reason is not Reason.PURPOSE_NOT_GRANTED:
                    fixed[number] = denial.reason
                continue
            if stands(claims) is Reason.OK and not gate.rules.binding.concerns(claims):
                good[number] = True
                self._grants[number] = claims, allowance
        return fixed, good[self._numbers]

    def _timely(self) -> Flags:
        """The rows whose token covers their time; False where only the gate can tell."""
        if not self._gate.checks_times:
            return np.ones(len(self._columns), bool)
        earliest, ends = np.full(len(self._texts), np.inf), np.zeros(len(self._texts))
        for number, (claims, _) in self._grants.items():
            earliest[number], ends[number] = self._gate.rules.times.earliest_ms(claims), claims.exp
        earliest, ends = earliest[self._numbers], ends[self._numbers]
        told = self._told_ms()
        at = np.fmin(told, self._received_ms)
        lives = self._received_ms // 1000 < ends + self._gate.verifier.leeway_s
        covered: Flags = (at >= earliest) & np.where(np.isnan(told), lives, at <= ends * 1000)
        return covered

    def _told_ms(self) -> Times:
        """The time that each row tells; NaN where it tells none."""
        if not self._times:
            return np.full(len(self._columns), np.nan)
        (only, *others) = self._times.values()
        if only is not None and not others:
            told = np.floor(only)
            return np.where((told >= EARLIEST_MS) & (told < LATEST_MS), told, np.nan)
        times = self._gate.rules.times
        names = list(self._times)
        values = zip(*(self._event_times(name) for name in names), strict=True)
        found = (
            times.client_ms(_present(names, row), int(received))
            for row, received in zip(values, self._received_ms, strict=True)
        )
        return np.fromiter((np.nan if at is None else at for at in found), float, len(self._columns))

    def _event_times(self, name: str, rows: Numbers | None = None) -> list[Any]:
        """A time column's values as an event has them: milliseconds, or what was there."""
        at = self._times[name]
        if at is None:
            return self._columns.values(name, rows)
        return [None if is_missing(item) else int(item) for item in (at if rows is None else at[rows]).tolist()]

    def _ask(self, rows: Numbers) -> Iterator[Reason]:
        """What the gate says to each of these rows."""
        known = self._columns.names
        fields = {name: self._event_times(name, rows) for name in self._times}
        ids = [name for name in self._gate.table.binding_fields if name in known]
        fields |= {name: self._columns.values(name, rows) for name in ids}
        events = zip(*fields.values(), strict=True) if fields else ((),) * len(rows)
        names, numbers = list(fields), self._numbers[rows].tolist()
        for number, values, received in zip(numbers, events, self._received_ms[rows].tolist(), strict=True):
            text = self._texts[number]
            try:
                opened = OpenEvent(_present(names, values), {}, text)
                self._grants[number] = self._gate.decide_event(opened, text, int(received))
            except Denied as denial:
                yield denial.reason
            else:
                yield Reason.OK


def _present(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
