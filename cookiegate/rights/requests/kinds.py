"""What a person may ask for, and what each kind of request needs and leads to (S19–S24, S28)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal[
    "disclosure", "purpose_notice", "correction", "addition", "deletion", "suspension", "stop_provision",
    "restriction", "portability", "complaint",
]  # fmt: skip
#: What carrying a request out does: show the data, say the purposes, correct, erase, stop the use, or answer.
Effect = Literal["disclose", "explain", "correct", "erase", "restrict", "answer"]


@dataclass(frozen=True, slots=True)
class KindRule:
    """One kind of request.

    ``articles`` are the laws behind it. ``address_suffices``: nothing about a person is shown or changed by the answer,
    or the law asks for no verification, so that control of the e-mail address is proof enough. ``may_cost``: a fee may
    be asked (APPI 38 allows it for these alone). ``has_alternative``: another measure may take its place.
    """

    kind: Kind
    effect: Effect
    articles: tuple[str, ...]
    address_suffices: bool = False
    may_cost: bool = False
    has_alternative: bool = False

    @property
    def is_served_at_once(self) -> bool:
        """Whether the service itself carries it out for whoever holds the handle or a receipt."""
        return self.effect in ("disclose", "explain", "erase", "restrict")


_RULES = (
    KindRule("disclosure", "disclose", ("APPI 33", "GDPR 15", "CCPA 1798.110"), may_cost=True),
    KindRule(
        "purpose_notice", "explain", ("APPI 32", "GDPR 15(1)(a)", "CCPA 1798.110"),
        address_suffices=True, may_cost=True,
    ),
    KindRule("correction", "correct", ("APPI 34", "GDPR 16", "CCPA 1798.106")),
    KindRule("addition", "correct", ("APPI 34", "GDPR 16")),
    KindRule("deletion", "erase", ("APPI 34, 35", "GDPR 17", "CCPA 1798.105"), has_alternative=True),
    KindRule("suspension", "restrict", ("APPI 35(1), (5)", "GDPR 21", "CCPA 1798.121"), has_alternative=True),
    # An opt-out of sale or sharing needs no verification (Cal. Code Regs. tit. 11, § 7060(b)).
    KindRule(
        "stop_provision", "restrict", ("APPI 35(3), (5)", "GDPR 21", "CCPA 1798.120"),
        address_suffices=True, has_alternative=True,
    ),
    KindRule("restriction", "restrict", ("GDPR 18",), has_alternative=True),
    KindRule("portability", "disclose", ("APPI 33", "GDPR 20", "CCPA 1798.130"), may_cost=True),
    KindRule("complaint", "answer", ("APPI 40", "GDPR 77", "UK DPA 164A", "CCPA 1798.199.45"), address_suffices=True),
)  # fmt: skip

#: Every kind, in the order that forms and tables show them.
KINDS: Mapping[Kind, KindRule] = MappingProxyType({rule.kind: rule for rule in _RULES})
