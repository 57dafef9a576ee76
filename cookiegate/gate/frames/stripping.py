"""What grants leave of columns: whole columns at a time where they hold scalars, value by value where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cookiegate.gate import ip
from cookiegate.gate.allowance import IP, Allowance
from cookiegate.gate.carriers import Scrubber
from cookiegate.gate.counts import Counts
from cookiegate.gate.events import OpenEvent
from cookiegate.gate.frames.deciding import Decided
from cookiegate.gate.gate import Gate

if TYPE_CHECKING:
    from cookiegate.gate.frames.columns import Columns, Flags, Numbers

#: Columns that take the place of an event's ``consent``, and what they hold.
STAMPS: Mapping[str, type] = {
    "consent_sub": str,
    "consent_pv": int,
    "consent_ep": int,
    "consent_scope": str,
    "consent_acquire": str,
}


class Stripping:
    """Strips the rows that pass; the frame holds nothing else any more.

    Args:
        gate: has the rules.
        columns: the frame.
        decided: about the rows before the others went.
        counts: receives what is stripped.
    """

    def __init__(self, gate: Gate, columns: Columns, decided: Decided, counts: Counts) -> None:
        self._gate = gate
        self._columns = columns
        self._counts = counts
        self._texts, self._grants = decided.texts, decided.grants
        self._tokens = decided.tokens[decided.passing]
        self._allowances = list({id(item): item for _, item in self._grants.values()}.values())
        places = {id(item): place for place, item in enumerate(self._allowances)}
        by_token = np.zeros(len(self._texts), np.int64)
        for number, (_, allowance) in self._grants.items():
            by_token[number] = places[id(allowance)]
        self._allowance_of: Numbers = by_token[self._tokens]
        met = (self._texts[number] for number in np.unique(self._tokens).tolist())
        self._shortest = min((len(text) for text in met if isinstance(text, str)), default=0)

    def run(self, names: Iterable[str]) -> None:
        """Strips these columns."""
        for name in names:
            if self._columns.is_thorough(name):
                self._strip_values(name)
            else:
                self._strip_column(name)

    def stamp(self) -> None:
        """Adds what says whose consent each row rests on."""
        stamps = {number: claims.stamped() for number, (claims, _) in self._grants.items()}
        of_row = [stamps[number] for number in self._tokens.tolist()]
        for name, kind in STAMPS.items():
            self._columns.add(name, [stamp[name.removeprefix("consent_")] for stamp in of_row], kind)

    def _strip_column(self, name: str) -> None:
        columns, rule = self._columns, self._gate.rules.mapped.get(name)
        granted = self._by_allowance(rule)
        gone: Flags = ~granted
        infinite = columns.infinite(name)
        if infinite is not None:
            gone |= infinite
        present = columns.present(name)
        self._count(name, int((present & gone).sum()))
        cut = np.flatnonzero(present & gone) if rule == IP and self._truncates else np.zeros(0, np.int64)
        networks = [ip.truncate(value) for value in columns.values(name, cut)] if len(cut) else []
        if gone.any():
            columns.erase(name, gone)
        if networks:
            columns.put(name, cut, networks)
        self._scrub(name)

    @property
    def _truncates(self) -> bool:
        return any(allowance.truncate_ip for allowance in self._allowances)

    def _by_allowance(self, rule: str | None) -> Flags:
        allowed = np.fromiter((rule in item.categories for item in self._allowances), bool, len(self._allowances))
        return allowed[self._allowance_of]

    def _scrub(self, name: str) -> None:
        """Takes a row's own token out of its long texts: a page address may repeat it."""
        rows = self._columns.long_texts(name, self._shortest)
        changed: dict[int, str] = {}
        for row, text in zip(rows.tolist(), self._columns.values(name, rows), strict=True):
            kept = Scrubber((self._texts[self._tokens[row]],)).text(text)
            if kept != text:
                changed[row] = kept
        if changed:
            self._columns.put(name, np.array(list(changed)), list(changed.values()))

    def _strip_values(self, name: str) -> None:
        """Asks the gate about each value."""
        rows = np.flatnonzero(self._columns.present(name))
        kept, gone = [], np.zeros(len(self._columns), bool)
        for row, value in zip(rows.tolist(), self._columns.values(name, rows), strict=True):
            token = self._texts[self._tokens[row]]
            left = self._left_of(name, value, self._allowances[self._allowance_of[row]], token)
            gone[row] = name not in left
            kept.append(left.get(name))
        if len(rows):
            stays = ~gone[rows]
            self._columns.put(name, rows[stays], [value for value in kept if value is not None])
            self._columns.erase(name, gone)

    def _left_of(self, name: str, value: Any, allowance: Allowance, token: Any) -> dict[str, Any]:
        names: list[str] = []
        opened = OpenEvent({name: _without_nulls(value)}, {}, token)
        left = self._gate.rules.strip(opened, allowance, Scrubber((token,)), names)
        self._counts.strip(names)
        return left

    def _count(self, name: str, times: int) -> None:
        if times:
            self._counts.strip((name,), times)


def _without_nulls(value: Any) -> Any:
    """A struct's members that are there: a column has a place for each in every row."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
