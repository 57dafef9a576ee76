"""What a gate has done: events accepted, fields stripped, events dropped, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cookiegate.gate.sensitive import label
from cookiegate.tokens.reasons import Reason

#: A stranger chooses the names of unknown fields; past this many, they are counted together.
NAMES_LIMIT = 512
NAME_LIMIT_CHARS = 64
OTHER_NAMES = "(other names)"


@dataclass(slots=True)
class Counts:
    """Running totals. ``stripped`` counts by field name, headers as ``header name``; ``dropped`` by reason."""

    accepted: int = 0
    dropped: Counter[Reason] = field(default_factory=Counter)
    stripped: Counter[str] = field(default_factory=Counter)

    def strip(self, names: Iterable[str], times: int = 1) -> None:
        """Counts stripped fields by name."""
        stripped = self.stripped
        for name in names:
            shown = self._shown(name)
            stripped[shown] = stripped.get(shown, 0) + times

    def strip_all(self, names: Mapping[str, int]) -> None:
        """Counts stripped fields: name → how often."""
        for name, times in names.items():
            self.strip((name,), times)

    def _shown(self, name: str) -> str:
        shown = _short(name) if len(name) <= NAME_LIMIT_CHARS else _shorten(name)
        return shown if shown in self.stripped or len(self.stripped) < NAMES_LIMIT else OTHER_NAMES

    def add(self, other: Counts) -> None:
        """Adds another's totals."""
        self.accepted += other.accepted
        self.dropped.update(other.dropped)
        for name, times in other.stripped.items():
            if name in self.stripped:
                self.stripped[name] += times
            else:
                self.strip((name,), times)


def _shorten(name: str) -> str:
    """A name as it is counted. Names go to terminals and logs: no control characters, no novels."""
    name = label(name)
    return (name if name.isprintable() else ascii(name[:NAME_LIMIT_CHARS])[1:-1])[:NAME_LIMIT_CHARS]


_short = lru_cache(maxsize=4096)(_shorten)
