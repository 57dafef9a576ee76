"""From what a visitor chose to what is allowed: purposes × categories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cookiegate.errors import InvalidInputError
from cookiegate.policy.document import CATEGORIES, Policy

Action = Literal["accept", "reject", "choose", "withdraw", "signal"]
#: What a person does by pressing a button.
PRESSED: tuple[Action, ...] = ("accept", "reject", "choose", "withdraw")
#: Also what their browser does for them: end what its signal says no to.
ACTIONS: tuple[Action, ...] = (*PRESSED, "signal")


@dataclass(frozen=True, slots=True)
class Grant:
    """Optional purposes and categories that are allowed, in policy and standard order. Empty means refusal."""

    purposes: tuple[str, ...] = ()
    acquire: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.purposes)

    def within(self, policy: Policy) -> Grant:
        """What is left of the grant under another version of the policy."""
        return _grant(policy, set(self.purposes), set(self.acquire))


def decide_grant(
    policy: Policy,
    action: Action,
    purposes: Mapping[str, bool] | None,
    acquire: Mapping[str, bool] | None,
    *,
    under_signal: bool = False,
) -> Grant:
    """What a decision allows.

    Args:
        policy: the version whose notice the visitor saw.
        action: ``accept`` allows all that is optional, ``reject``, ``withdraw`` and ``signal`` nothing, ``choose``
            what the maps say; a key that is missing is refused.
        purposes: by purpose key; needed for ``choose``, else absent or in agreement with the action.
        acquire: by category, likewise.
        under_signal: whether the visitor's browser sent a signal along. Then ``accept`` leaves out the purposes that it
            switches off: only who names one allows it (California Code of Regulations, title 11, section 7025(c)).

    Raises:
        InvalidInputError: naming each key that is unknown or contradicts the action.
    """
    offered = {purpose.key for purpose in policy.optional_purposes}
    always_on = {purpose.key for purpose in policy.purposes} - offered
    faults = _faults("purposes", purposes, offered, always_on, action)
    faults |= _faults("acquire", acquire, set(policy.optional_categories), set(CATEGORIES), action)
    if action == "choose" and purposes is None:
        faults["purposes"] = ["needed for the action choose: an object of purpose keys and true or false"]
    if faults:
        raise InvalidInputError("the decision does not fit the policy", errors=faults)
    if action == "accept":
        held = {purpose.key for purpose in policy.affected_purposes} if under_signal else set()
        return _grant(policy, offered - held, set(policy.optional_categories))
    if action == "choose":
        return _grant(policy, _chosen(purposes), _chosen(acquire))
    return Grant()


def _faults(
    name: str, chosen: Mapping[str, bool] | None, offered: set[str], fixed: set[str], action: Action
) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    for key, allowed in (chosen or {}).items():
        if key in offered:
            if action != "choose" and allowed != (action == "accept"):
                faults[f"{name}.{key}"] = [f"contradicts the action {action}; send choose, or leave {name} out"]
        elif key not in fixed:
            faults[f"{name}.{_shown(key)}"] = ["is not offered by the policy; known: " + ", ".join(sorted(offered))]
        elif name == "purposes" and not allowed:
            faults[f"{name}.{key}"] = ["is always on and cannot be refused here"]
    return faults


def _shown(key: str) -> str:
    return key if key.isascii() and key.isprintable() and len(key) <= 64 else "?"


def _chosen(choices: Mapping[str, bool] | None) -> set[str]:
    return {key for key, allowed in (choices or {}).items() if allowed}


def _grant(policy: Policy, purposes: set[str], acquire: set[str]) -> Grant:
    granted = [purpose for purpose in policy.optional_purposes if purpose.key in purposes]
    used = {category for purpose in granted for category in purpose.acquire}
    return Grant(
        tuple(purpose.key for purpose in granted),
        tuple(category for category in CATEGORIES if category in acquire and category in used),
    )


def scope_of(policy: Policy, grant: Grant) -> tuple[str, ...]:
    """The ``scope`` claim: always-on purposes and granted ones, in the policy's order."""
    return tuple(purpose.key for purpose in policy.purposes if purpose.always_on or purpose.key in grant.purposes)


def shown_purposes(policy: Policy, allowed: Iterable[str]) -> dict[str, bool]:
    """Every purpose of the policy with whether it is on."""
    keys = set(allowed)
    return {purpose.key: purpose.always_on or purpose.key in keys for purpose in policy.purposes}


def shown_acquire(policy: Policy, allowed: Iterable[str]) -> dict[str, bool]:
    """Every optional category with whether it is allowed."""
    keys = set(allowed)
    return {category: category in keys for category in policy.optional_categories}
