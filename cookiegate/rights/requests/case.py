"""One request as the state machine sees it: what happened, and where that leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cookiegate.rights.requests.deadlines import Deadline, Pause, PauseCause, Residence, deadline, rules_for
from cookiegate.rights.requests.grounds import Outcome
from cookiegate.rights.requests.kinds import Kind

State = Literal["received", "verified", "deciding", "decided", "carried_out", "withdrawn", "notified"]
StepName = Literal[
    "name_agent", "check_agent", "confirm_address", "ask_identity", "give_identity", "verify", "take_up", "quote_fee",
    "pay_fee", "waive_fee", "extend", "route", "decide", "act", "carry_out", "withdraw", "notify",
]  # fmt: skip
#: How somebody was verified: they hold the handle or a receipt; the e-mail address answers; a document was checked;
#: the desk knows otherwise.
Method = Literal["possession", "address", "document", "desk"]
#: How somebody was told.
Channel = Literal["mail", "page", "letter"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a request. Only the step's own fields are set."""

    name: StepName
    at_ms: int
    method: Method | None = None
    outcome: Outcome | None = None
    ground: str | None = None
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Where a request stands. ``target_days`` is what "without delay" meant when it came."""

    kind: Kind
    residence: Residence
    received_at_ms: int
    target_days: int
    state: State = "received"
    since_ms: int = 0
    agent: Literal["none", "named", "checked"] = "none"
    address_confirmed: bool = False
    identity: Literal["none", "asked", "given"] = "none"
    verified_by: Method | None = None
    fee: Literal["none", "quoted", "paid", "waived"] = "none"
    extended: bool = False
    routed: bool = False
    outcome: Outcome | None = None
    ground: str | None = None
    acted: bool = False
    notified_by: Channel | None = None
    pauses: tuple[Pause, ...] = ()

    @classmethod
    def open(cls, kind: Kind, residence: Residence, at_ms: int, target_days: int) -> Case:
        """A request that has just come."""
        return cls(kind, residence, at_ms, target_days, since_ms=at_ms)

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self.state != "notified"

    @property
    def waits_for(self) -> PauseCause | None:
        """What the person has to give first."""
        if self.identity == "asked" and self.state == "received":
            return "identity"
        return "fee" if self.fee == "quoted" and self.state in ("verified", "deciding") else None

    def deadline(self, now_ms: int) -> Deadline:
        """When the answer is due, as things stand."""
        rules = rules_for(self.residence, self.kind, self.target_days)
        return deadline(rules, self.received_at_ms, now_ms, pauses=self.pauses, extended=self.extended)

    def is_overdue(self, now_ms: int) -> bool:
        """Whether the time ran out before the person was told."""
        due = self.deadline(now_ms)
        return self.is_open and not due.stands_still and now_ms >= due.due_at_ms
