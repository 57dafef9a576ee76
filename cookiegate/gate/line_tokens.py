"""The tokens that lines of plain events were met with, and what each makes of an event."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Raw

from cookiegate.gate.allowance import Allowance
from cookiegate.gate.event_times import EARLIEST_MS, EventTimes
from cookiegate.gate.events import EventRules
from cookiegate.gate.line_columns import LineReader, LineShape
from cookiegate.gate.trackers.plain import TOKEN_FIELD
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.verifying import Verifier

_KNOWN_LIMIT = 50_000
#: The tokens of a key begin alike; an output that has so much of one in it needs a closer look.
_MARK_CHARS = 24
#: Of a line that begins with a token, what tells it from other tokens: past the header, the visitor and the times.
_GLIMPSE = slice(128, 320)
#: A token as the first of several members. Where a line begins so, what follows is JSON if, and only if, it is so
#: without the token.
_START = re.compile(rb'W\{W"%b"W:W"([\w.-]+)"W,W"'.replace(b"W", rb"[ \t\r\n]*") % TOKEN_FIELD.encode(), re.ASCII)


class GrantingGate(Protocol):
    """What is asked of the gate about tokens."""

    verifier: Verifier
    rules: EventRules
    checks_times: bool

    @property
    def takes_late_events(self) -> bool:
        """Whether an event may come when its token is over."""
        ...

    def granted(self, token: Any) -> tuple[Claims, Allowance]:
        """Claims and allowance of a token, whatever became of it since; Denied otherwise."""
        ...


@dataclass(slots=True, eq=False)
class KnownToken:
    """A token that was met.

    Args:
        shape: what its grant leaves of an event.
        claims: what it says.
        stamp: what it leaves on an event.
        longest: an output of so many bytes has no room for the token beside the stamp.
        mark: how it begins: an output without this has no token in it.
        earliest_ms, latest_ms: an event of that time happened while it held.
        start: how the lines begin that carry it as their first member, up to the next member's name.
        moment: when it was last found to stand.
        is_live: whether it had not expired then, so that an event that tells no time may pass.
    """

    shape: LineShape
    claims: Claims
    stamp: Raw
    longest: int
    mark: bytes
    earliest_ms: int
    latest_ms: int
    start: bytes = b""
    moment: int = 0
    is_live: bool = False


class LineTokens:
    """Remembers good tokens for one gate.

    Args:
        gate: decides about tokens.
        times: finds and judges the times of events.
    """

    def __init__(self, gate: GrantingGate, times: EventTimes) -> None:
        self._gate = gate
        self._times = times
        self._generation = gate.verifier.generation
        self._by_text: dict[str, KnownToken] = {}
        self._by_glimpse: dict[bytes, KnownToken] = {}
        #: Counts the looks.
        self.moment = 0
        self._stand: Callable[[KnownToken], bool]
        self.look()

    def look(self) -> None:
        """Begins a moment: the clock, the status list, the epochs and the keys are asked anew."""
        verifier = self._gate.verifier
        verifier.refresh()
        if verifier.generation != self._generation:
            self.forget()
            self._generation = verifier.generation
        self.moment += 1
        self._stand = self._standing()

    def forget(self) -> None:
        """Forgets all tokens."""
        self._by_text.clear()
        self._by_glimpse.clear()

    def glimpse(self, lines: Iterable[bytes]) -> list[KnownToken | None]:
        """The token that each line has as its first member, if it was met so before; whatever became of it."""
        find = self._by_glimpse.get
        return [
            token if (token := find(line[_GLIMPSE])) is not None and line.startswith(token.start) else None
            for line in lines
        ]

    @staticmethod
    def without(lines: Sequence[bytes], tokens: Sequence[KnownToken | None]) -> list[bytes]:
        """The lines, without the tokens that they begin with."""
        return [
            line if token is None else b'{"' + line[len(token.start) :]
            for line, token in zip(lines, tokens, strict=True)
        ]

    def find(self, text: str, line: bytes) -> KnownToken | None:
        """The known token of an event; None if it was never met.

        Args:
            text: the token.
            line: the event; if it begins with the token, the next one will be known by that.
        """
        token = self._by_text.get(text)
        start = _START.match(line) if token is not None else None
        # A glimpse past the token's end would be another one for each event.
        if token is not None and start is not None and start[1] == text.encode() and start.end(1) >= _GLIMPSE.stop:
            if len(self._by_glimpse) >= _KNOWN_LIMIT:
                self._by_glimpse.clear()
            token.start = start[0]
            self._by_glimpse[line[_GLIMPSE]] = token
        return token

    def stands(self, token: KnownToken) -> bool:
        """Whether a known token is good at this moment; if not, the thorough way must decide."""
        if token.moment != self.moment and self._stand(token):
            token.moment = self.moment
        return token.moment == self.moment

    def remember(self, text: str, reader: LineReader) -> None:
        """Remembers a good token, unless it is known.

        Args:
            text: the token.
            reader: what the lines are read with.
        """
        if text in self._by_text:
            return
        try:
            claims, allowance = self._gate.granted(text)
        except Denied:  # its key was taken out a moment ago
            return
        if self._gate.rules.binding.concerns(claims):
            return
        # The verifier remembers better; this only spares the way to it.
        if len(self._by_text) >= _KNOWN_LIMIT:
            self.forget()
        # Where time is told in other ways, each event's is judged.
        earliest_ms, latest_ms = max(self._times.earliest_ms(claims), EARLIEST_MS), claims.exp * 1000
        self._by_text[text] = KnownToken(
            shape=reader.shape(allowance),
            claims=claims,
            stamp=claims.stamp,
            longest=len(text) + len(bytes(claims.stamp)),
            mark=text[:_MARK_CHARS].encode(),
            earliest_ms=earliest_ms if reader.in_ms else 1,
            latest_ms=latest_ms if reader.in_ms else 0,
        )

    def _standing(self) -> Callable[[KnownToken], bool]:
        verifier, checks_times = self._gate.verifier, self._gate.checks_times
        stands, now_ms = verifier.standing(), verifier.now_ms()
        stands_late = verifier.standing(expires=False) if self._gate.takes_late_events else None

        def stand(token: KnownToken) -> bool:
            reason = stands(token.claims)
            if reason is Reason.OK:
                token.is_live = True
                return not checks_times or token.earliest_ms <= now_ms
            if reason is Reason.TOKEN_EXPIRED and stands_late is not None and stands_late(token.claims) is Reason.OK:
                token.is_live = False
                return True
            return False

        return stand
