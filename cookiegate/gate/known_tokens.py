"""Tokens that the quick ways know: verified once, then asked only whether they still stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from cookiegate.gate.allowance import Allowance
from cookiegate.gate.projecting import ProjectingGate, Projections, compiled
from cookiegate.gate.trackers.table import Route
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.verifying import Verifier

if TYPE_CHECKING:
    from cookiegate.gate._projection import Grant, Grants

_LIMIT = 50_000


class GrantingGate(ProjectingGate, Protocol):
    """What is asked of the gate."""

    verifier: Verifier
    projections: Projections

    @property
    def takes_late_events(self) -> bool:
        """Whether an event may come when its token is over."""
        ...

    def granted(self, token: Any) -> tuple[Claims, Allowance]:
        """Claims and allowance of a token, whatever became of it since; Denied otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at the clock, the status list, the epochs and the keys.

    Args:
        number: tells it from others.
        grants: of the tokens that were known then.
        stands: whether a grant is good; if not, the thorough way must decide.
    """

    number: int
    grants: Grants
    stands: Callable[[Grant], bool]


class KnownTokens:
    """The grants of tokens that one gate has met. Safe for threads.

    Args:
        gate: decides.
        routes: of each of them a grant says what it leaves.
    """

    def __init__(self, gate: GrantingGate, routes: Sequence[Route]) -> None:
        self._gate = gate
        self._routes = routes
        self._grants = compiled.Grants()
        self._generation = gate.verifier.generation
        self._numbers = count(1)

    def look(self) -> Moment:
        """Begins a moment."""
        verifier = self._gate.verifier
        verifier.refresh()
        generation = verifier.generation
        if generation != self._generation:
            # Another table, for what was verified by older keys may still be added to that one; it first, so that
            # nobody takes the older for one of this generation.
            self._grants = compiled.Grants()
            self._generation = generation
        number = next(self._numbers)
        return Moment(number, self._grants, self._standing(number))

    def remember(self, moment: Moment, text: str) -> bool:
        """Verifies a token and knows it from then on; False if it is none of ours, or needs the thorough way."""
        gate, grants = self._gate, moment.grants
        try:
            claims, allowance = gate.granted(text)
        except Denied:
            return False
        if gate.rules.binding.concerns(claims):
            return False
        # The verifier remembers better; this only spares the way to it.
        if len(grants) >= _LIMIT:
            grants.clear()
        projections = tuple(gate.projections.of(route, allowance) for route in self._routes)
        earliest_ms, latest_ms = gate.rules.times.earliest_ms(claims), claims.exp * 1000
        grants.add(compiled.Grant(projections, text.encode(), bytes(claims.stamp), claims, earliest_ms, latest_ms))
        return True

    def _standing(self, moment: int) -> Callable[[Grant], bool]:
        gate = self._gate
        verifier, checks_times = gate.verifier, gate.checks_times
        stands, now_ms = verifier.standing(), verifier.now_ms()
        stands_late = verifier.standing(expires=False) if gate.takes_late_events else None

        def stand(grant: Grant) -> bool:
            reason = stands(grant.claims)
            is_live = reason is Reason.OK
            if is_live:
                good = not checks_times or grant.earliest_ms <= now_ms
            elif reason is Reason.TOKEN_EXPIRED and stands_late is not None:
                good = stands_late(grant.claims) is Reason.OK
            else:
                good = False
            if good:
                grant.passes_untimed, grant.moment = is_live, moment
            return good

        return stand
