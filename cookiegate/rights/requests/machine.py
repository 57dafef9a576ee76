"""The way of a request, as a table: received → verified → deciding → decided → carried out → notified (S19–S28).

Pure: a :class:`Case` and a :class:`Step` make the next case, or an error that says what is possible instead. A case is
always its steps, replayed. Nothing is decided before verification, except that it failed; every way ends in
``notified``, a refusal's and a withdrawal's too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from cookiegate.errors import RequestStepError
from cookiegate.rights.requests.case import Case, State, Step, StepName
from cookiegate.rights.requests.deadlines import Pause, PauseCause, can_extend, rules_for
from cookiegate.rights.requests.grounds import GROUNDS, check_ground
from cookiegate.rights.requests.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Move:
    """A row of the table: from which states, to which state (None: it stays), and what else must hold."""

    start: tuple[State, ...]
    end: State | None = None
    holds: Callable[[Case], bool] = lambda case: True


_BEFORE_DECISION: tuple[State, ...] = ("received", "verified", "deciding")
_AT_WORK: tuple[State, ...] = ("verified", "deciding")

MOVES: Mapping[StepName, Move] = MappingProxyType({
    "name_agent": Move(("received",), holds=lambda case: case.agent == "none"),
    "check_agent": Move(("received",), holds=lambda case: case.agent == "named"),
    "confirm_address": Move(("received",), holds=lambda case: not case.address_confirmed),
    "ask_identity": Move(("received",), holds=lambda case: case.identity != "asked"),
    "give_identity": Move(("received",), holds=lambda case: case.identity == "asked"),
    "verify": Move(("received",), "verified", lambda case: case.agent != "named"),
    "take_up": Move(("verified",), "deciding"),
    "quote_fee": Move(_AT_WORK, holds=lambda case: case.fee == "none" and KINDS[case.kind].may_cost),
    "pay_fee": Move(_AT_WORK, holds=lambda case: case.fee == "quoted"),
    "waive_fee": Move(_AT_WORK, holds=lambda case: case.fee == "quoted"),
    "extend": Move(_BEFORE_DECISION, holds=lambda case: not case.extended and _may_extend(case)),
    "route": Move(_AT_WORK, holds=lambda case: case.kind == "complaint" and not case.routed),
    "decide": Move(("received", "deciding"), "decided"),
    # Acting on a decision is ours; it is carried out when everyone who holds the data has followed.
    "act": Move(("decided",), holds=lambda case: not case.acted and case.outcome != "refused"),
    "carry_out": Move(("decided",), "carried_out", lambda case: case.acted),
    "withdraw": Move(_BEFORE_DECISION, "withdrawn"),
    "notify": Move(
        ("decided", "carried_out", "withdrawn"),
        "notified",
        lambda case: case.state != "decided" or case.outcome == "refused",
    ),
})  # fmt: skip


def possible_steps(case: Case) -> tuple[StepName, ...]:
    """What may happen next."""
    return tuple(name for name, move in MOVES.items() if case.state in move.start and move.holds(case))


def take(case: Case, step: Step) -> Case:
    """The case after a step.

    Raises:
        RequestStepError: the step is not possible now; ``evidence`` names the state and the steps that are.
        RequestGroundError: a decision without a ground that fits its kind and outcome.
    """
    if step.name not in possible_steps(case):
        raise _impossible(case, step)
    _DETAILS.get(step.name, _nothing_else)(case, step)
    return _apply(case, step)


def replay(case: Case, steps: Iterable[Step]) -> Case:
    """The case after steps that were taken before: what was right then stays as it was, whatever the table says now."""
    for step in steps:
        case = _apply(case, step)
    return case


def _apply(case: Case, step: Step) -> Case:
    move = MOVES[step.name]
    changed = _CHANGES.get(step.name, _no_change)(case, step)
    return replace(changed, state=move.end, since_ms=step.at_ms) if move.end else changed


def _may_extend(case: Case) -> bool:
    return can_extend(rules_for(case.residence, case.kind, case.target_days))


def _impossible(case: Case, step: Step, reason: str = "") -> RequestStepError:
    possible = possible_steps(case)
    listed = ", ".join(possible) or "nothing"
    return RequestStepError(
        f"{step.name} is not possible while the request is {case.state}{reason}; possible: {listed}",
        state=case.state,
        step=step.name,
        possible=possible,
    )


def _check_verify(case: Case, step: Step) -> None:
    if step.method == "address" and not (case.address_confirmed and KINDS[case.kind].address_suffices):
        raise _impossible(case, step, " and an e-mail address alone does not prove enough")
    if step.method == "document" and case.identity != "given":
        raise _impossible(case, step, " and no document was given")
    if step.method is None:
        raise _impossible(case, step, " and nothing says how")


def _check_extend(case: Case, step: Step) -> None:
    # GDPR 12(3), § 7021(b): the person is told within the time that runs out.
    if step.at_ms >= case.deadline(step.at_ms).due_at_ms:
        raise _impossible(case, step, " and its time has run out already")


def _check_decide(case: Case, step: Step) -> None:
    if step.outcome is None or step.outcome == "withdrawn":
        raise _impossible(case, step, " without an outcome")
    check_ground(case.kind, step.outcome, step.ground)
    unverified = step.ground is not None and GROUNDS[step.ground].unverified
    if unverified != (case.state == "received"):
        raise _impossible(case, step, " on this ground: only who could not be verified is refused unverified")
    if (step.ground == "fee_unpaid") != (case.fee == "quoted"):
        raise _impossible(case, step, " with the fee as it stands")


def _check_notify(case: Case, step: Step) -> None:
    if step.channel is None:
        raise _impossible(case, step, " and nothing says how the person was told")


def _nothing_else(case: Case, step: Step) -> None:
    """Most steps need no more than their place."""


def _no_change(case: Case, step: Step) -> Case:
    return case


def _pause(case: Case, cause: PauseCause, at_ms: int) -> tuple[Pause, ...]:
    return (*case.pauses, Pause(cause, at_ms))


def _resume(case: Case, cause: PauseCause, at_ms: int) -> tuple[Pause, ...]:
    return tuple(
        replace(pause, until_ms=at_ms) if pause.cause == cause and pause.until_ms is None else pause
        for pause in case.pauses
    )


def _end_pauses(case: Case, at_ms: int) -> tuple[Pause, ...]:
    return tuple(replace(pause, until_ms=at_ms) if pause.until_ms is None else pause for pause in case.pauses)


_DETAILS: Mapping[StepName, Callable[[Case, Step], None]] = {
    "verify": _check_verify,
    "extend": _check_extend,
    "decide": _check_decide,
    "notify": _check_notify,
}
_CHANGES: Mapping[StepName, Callable[[Case, Step], Case]] = {
    "name_agent": lambda case, step: replace(case, agent="named"),
    "check_agent": lambda case, step: replace(case, agent="checked"),
    "confirm_address": lambda case, step: replace(case, address_confirmed=True),
    "ask_identity": lambda case, step: replace(case, identity="asked", pauses=_pause(case, "identity", step.at_ms)),
    "give_identity": lambda case, step: replace(case, identity="given", pauses=_resume(case, "identity", step.at_ms)),
    "verify": lambda case, step: replace(case, verified_by=step.method, pauses=_end_pauses(case, step.at_ms)),
    "quote_fee": lambda case, step: replace(case, fee="quoted", pauses=_pause(case, "fee", step.at_ms)),
    "pay_fee": lambda case, step: replace(case, fee="paid", pauses=_resume(case, "fee", step.at_ms)),
    "waive_fee": lambda case, step: replace(case, fee="waived", pauses=_resume(case, "fee", step.at_ms)),
    "extend": lambda case, step: replace(case, extended=True),
    "route": lambda case, step: replace(case, routed=True),
    "decide": lambda case, step: replace(
        case, outcome=step.outcome, ground=step.ground, pauses=_end_pauses(case, step.at_ms)
    ),
    "act": lambda case, step: replace(case, acted=True),
    "withdraw": lambda case, step: replace(case, outcome="withdrawn", pauses=_end_pauses(case, step.at_ms)),
    "notify": lambda case, step: replace(case, notified_by=step.channel),
}
