"""What events hold, and what grants would leave of them: for somebody who has no tokens yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cookiegate.gate import bodies
from cookiegate.gate.counts import Counts
from cookiegate.gate.gate import Gate
from cookiegate.gate.request import TrackerRequest, read_line
from cookiegate.gate.sensitive import PREFIX
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens.claims import Claims, StatusListRef, StatusRef
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.verifying import Verdict, Verifier

#: The category of a field that passes under no grant.
NEVER = "never"
_OTHER = "what its members need"


class Supposing(Verifier):
    """Supposes that every event comes with one grant, whatever it carries. For looking only: it verifies nothing.

    Args:
        purpose: the granted purpose.
        categories: the granted categories.
    """

    def __init__(self, purpose: str, categories: tuple[str, ...]) -> None:
        super().__init__({"keys": []}, audience="supposed")
        claims = Claims(
            iss="supposed",
            aud="supposed",
            sub="supposed",
            iat=0,
            exp=2**40,
            pv=1,
            ep=1,
            scope=purpose,
            acquire=" ".join(categories),
            status=StatusRef(StatusListRef(0, "supposed")),
        )
        self._supposed = Verdict(Reason.OK, claims)

    def opened(self, text: Any) -> Verdict:
        """The supposed grant."""
        return self._supposed

    def standing(self, *, expires: bool = True) -> Callable[[Claims], Reason]:
        """It always stands."""
        return lambda claims: Reason.OK


@dataclass(frozen=True, slots=True)
class Finding:
    """A field that was seen: how often, and the category that lets it pass, or :data:`NEVER`."""

    name: str
    times: int
    category: str

    @property
    def is_sensitive(self) -> bool:
        """Whether it is refused for its name (S11)."""
        return self.name.startswith(PREFIX)


class Survey:
    """Two suppositions about one tracker's events: nothing but the purpose is granted, and everything is.

    Args:
        make: a gate before the tracker, given its verifier; it must not look at the time of events.
        purpose: the declared purpose.
    """

    def __init__(self, make: Callable[[Verifier], Gate], purpose: str) -> None:
        self._nothing = make(Supposing(purpose, ()))
        self._everything = make(Supposing(purpose, CATEGORIES))

    @property
    def nothing(self) -> Counts:
        """What would pass and be stripped if only the purpose were granted."""
        return self._nothing.counts

    @property
    def everything(self) -> Counts:
        """What would pass and be stripped if every category were granted too."""
        return self._everything.counts

    def look(self, line: bytes, request: TrackerRequest | None = None) -> None:
        """Takes one line into account.

        Args:
            line: as :meth:`cookiegate.gate.gate.Gate.line` takes it.
            request: what it holds, where that has been read already.
        """
        for gate in (self._nothing, self._everything):
            try:
                if request is None and gate.table.name == "plain":
                    gate.event(bodies.read_json(line))
                else:
                    gate.counts.add(gate.filter(request or read_line(line)).counts)
            except Denied as denial:
                gate.counts.dropped[denial.reason] += 1

    def findings(self) -> Iterator[Finding]:
        """Every field that a grant decides about, or none lets pass; the most frequent first."""
        never = self.everything.stripped
        for name, times in self.nothing.stripped.most_common():
            if lost := never.get(name, 0):
                yield Finding(name, lost, NEVER)
            if times > lost:
                yield Finding(name, times - lost, self._category(name))

    def _category(self, name: str) -> str:
        kind, _, rest = name.partition(" ")
        table = self._everything.table
        if kind == "header" and rest:
            return table.category_of_header(rest) or _OTHER
        if kind == "cookie" and rest:
            return table.cookies.get(rest, _OTHER)
        if name == "ip":
            return "ip"
        return self._everything.rules.categories.get(name) or self._category_in_document(name)

    def _category_in_document(self, name: str) -> str:
        schema, _, member = name.partition(".")
        for key, members in self._everything.table.schemas.items():
            if key.split("/")[1:2] == [schema] and member in members:
                return members[member]
        return _OTHER
