"""Why a request may be decided otherwise than asked: coded grounds, each for the kinds that the law allows it for.

The three grounds for refusing disclosure (S20) are ``harm_to_rights``, ``business_hindrance`` and ``violates_law``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from cookiegate.errors import RequestGroundError
from cookiegate.rights.requests.kinds import KINDS, Kind

#: ``withdrawn``: the person took the request back; nobody decided it.
Outcome = Literal["granted", "partly", "alternative_measure", "refused", "withdrawn"]
_NOT_FULLY: tuple[Outcome, ...] = ("refused", "partly")


@dataclass(frozen=True, slots=True)
class Ground:
    """A coded ground. ``unverified``: it decides a request whose sender could not be verified, and no other."""

    code: str
    kinds: frozenset[Kind]
    sources: tuple[str, ...]
    outcomes: tuple[Outcome, ...] = _NOT_FULLY
    unverified: bool = False


def _ground(code: str, kinds: Iterable[Kind], *sources: str, unverified: bool = False) -> Ground:
    return Ground(code, frozenset(kinds), sources, ("refused",) if unverified else _NOT_FULLY, unverified)


_DISCLOSED: tuple[Kind, ...] = ("disclosure", "portability")
_CORRECTED: tuple[Kind, ...] = ("correction", "addition", "deletion")
_STOPPED: tuple[Kind, ...] = ("deletion", "suspension", "stop_provision", "restriction")

_GROUNDS = (
    # S20: 001 Article 6, 004 Disclosure. For a notice of purpose the law names the first as well (32(2), 21(4)(i)).
    _ground("harm_to_rights", (*_DISCLOSED, "purpose_notice"), "APPI 33(2)(i), 21(4)(i)", "GDPR 15(4), 20(4)"),
    _ground("business_hindrance", _DISCLOSED, "APPI 33(2)(ii)"),
    _ground("violates_law", _DISCLOSED, "APPI 33(2)(iii)", "GDPR 23"),
    _ground("not_portable", ("portability",), "GDPR 20(1)"),
    # S21: 000 section 2(1) lists the same exceptions.
    _ground("purpose_evident", ("purpose_notice",), "APPI 32(2)(i)"),
    _ground("operator_interests", ("purpose_notice",), "APPI 21(4)(ii)"),
    _ground("public_duty", ("purpose_notice",), "APPI 21(4)(iii)"),
    # S22
    _ground("not_inaccurate", _CORRECTED, "APPI 34(2)", "GDPR 16", "CCPA 1798.106"),
    _ground("not_necessary", _CORRECTED, "APPI 34(2)"),
    _ground("other_law_procedure", _CORRECTED, "APPI 34(2)"),
    # S23
    _ground("without_reason", (*_STOPPED, "complaint"), "APPI 35(2), (4), (6)", "GDPR 17(1), 18(1), 21(1)"),
    _ground("legal_obligation", _STOPPED, "GDPR 17(3)(b)", "CCPA 1798.105(d)(8)"),
    _ground("legal_claims", _STOPPED, "GDPR 17(3)(e), 18(2), 21(1)"),
    # Too costly is never a plain no: the person's interests must be protected in another way (APPI 35(2), proviso).
    Ground("too_costly", frozenset(_STOPPED), ("APPI 35(2), (4), (6)",), ("alternative_measure",)),
    # Every kind
    _ground("no_data", (kind for kind in KINDS if kind != "complaint"), "APPI 33(3)", "GDPR 11(2)"),
    _ground("excessive", (kind for kind in KINDS if kind != "complaint"), "GDPR 12(5)", "CCPA 1798.145(h)(3)"),
    Ground("fee_unpaid", frozenset(kind for kind, rule in KINDS.items() if rule.may_cost), ("APPI 38",), ("refused",)),
    _ground("identity_not_confirmed", KINDS, "APPI 37", "GDPR 12(2), 12(6)", "CCPA 1798.130(a)(2)", unverified=True),
    _ground("agent_not_authorised", KINDS, "APPI 37(3)", "Cal. Code Regs. tit. 11, § 7063", unverified=True),
)

GROUNDS: Mapping[str, Ground] = MappingProxyType({ground.code: ground for ground in _GROUNDS})


def grounds_for(kind: Kind, outcome: Outcome) -> tuple[str, ...]:
    """The codes that may stand behind this outcome of this kind of request."""
    return tuple(ground.code for ground in _GROUNDS if kind in ground.kinds and outcome in ground.outcomes)


def check_ground(kind: Kind, outcome: Outcome, code: str | None) -> None:
    """Makes sure that a decision has the ground that it needs, and none that it must not have.

    Args:
        kind: of the request.
        outcome: as decided; only ``granted`` stands without a ground.
        code: the ground.

    Raises:
        RequestGroundError: it is missing, unknown or not for this kind and outcome; ``evidence["possible"]`` lists
            those that are.
    """
    if outcome == "granted":
        if code is not None:
            raise RequestGroundError("a request that is granted as asked has no ground against it", possible=())
        return
    possible = grounds_for(kind, outcome)
    if code not in possible:
        named = "this outcome needs a ground" if code is None else "this ground is not for this kind and outcome"
        raise RequestGroundError(f"{named}; possible: {', '.join(possible) or 'none'}", possible=possible)
