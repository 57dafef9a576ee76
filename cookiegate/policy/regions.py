"""What the law of a visitor's place asks of a site beyond what is done for everybody.

Everybody is asked before anything is collected, and Global Privacy Control counts everywhere. So a region only chooses
what is shown besides, and how long a refusal is left in peace. Where the place is not known, the strictest of all rules
holds. The rules are data: ``regions.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Literal

import msgspec

from cookiegate.policy.countries import EEA
from cookiegate.policy.fields import Choice, about
from cookiegate.policy.strict_schema import StrictSchema
from cookiegate.shipped import read_shipped

PriorConsent = Literal["required", "partly", "none"]
#: A country, or a part of one (ISO 3166-2).
PLACE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
#: Codes that proxies send where they do not know.
_NO_PLACES = ("XX", "ZZ", "EU", "AP")
#: Countries whose parts have rules of their own: without the part, the strictest of them holds.
_IN_PARTS = ("US", "CA")
ELSEWHERE = "elsewhere"


class RegionsSchema(StrictSchema):
    """Whose law decides what is shown."""

    rules = Choice(
        ("visitor", "everyone"),
        metadata=about(
            "Which [region's rules](regions.md) hold: those of the visitor's place, where the service can tell it, or"
            " the strictest of all for everyone. Default `visitor`.",
            "everyone",
        ),
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """One region.

    Args:
        key, title: its names here.
        places: ISO 3166 codes.
        law, source, since: what asks for it; ``since`` is None where no law is known here.
        prior_consent: whether the law asks for consent before: we do everywhere. The note says what ``partly`` covers.
        transmission_note: what is sent to others is announced wherever the banner is.
        opt_out_link: a link to refuse that data is sold or shared, on sites that do so.
        signal_since: since when Global Privacy Control binds by law; None: we honour it without being told to.
        refused_days: days for which who refused must not be asked again; 0: no limit.
    """

    key: str
    title: str
    places: frozenset[str]
    law: str
    source: str
    since: date | None
    prior_consent: PriorConsent
    prior_consent_note: str = ""
    transmission_note: bool = False
    opt_out_link: bool = False
    signal_since: date | None = None
    signal_note: str = ""
    refused_days: int = 0
    refused_note: str = ""


@dataclass(frozen=True, slots=True)
class Duties:
    """What a visitor's place makes a page do: show two links, and leave a refusal in peace for so many days."""

    transmission_note: bool = False
    opt_out_link: bool = False
    refused_days: int = 0


@cache
def region_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the documentation; the last is for everywhere else."""
    return tuple(map(_rule, read_shipped("cookiegate.policy", "regions.yaml")))


@cache
def rules_of(place: str | None) -> tuple[Rule, ...]:
    """The rules that hold at a place, of which the strictest counts; all of them where it is not known.

    Args:
        place: ``JP``, ``US-CA``; None, and any text that is no such code: not known.
    """
    if place is None or PLACE.fullmatch(place) is None or place in _NO_PLACES:
        return region_rules()
    country = place[:2]
    if place in _IN_PARTS:
        return tuple(rule for rule in region_rules() if any(code.startswith(f"{country}-") for code in rule.places))
    found = tuple(rule for rule in region_rules() if place in rule.places or country in rule.places)
    return found or region_rules()[-1:]


def duties(place: str | None, *, sells: bool) -> Duties:
    """What is to be done for a visitor of a place.

    Args:
        place: as for :func:`rules_of`.
        sells: whether the policy has a purpose that a refusal to sell or share data would switch off. Laws about such
            refusals ask nothing of others.
    """
    return _strictest(rule for rule in rules_of(place) if sells or not rule.opt_out_link)


def _strictest(rules: Iterable[Rule]) -> Duties:
    found = list(rules)
    return Duties(
        transmission_note=any(rule.transmission_note for rule in found),
        opt_out_link=any(rule.opt_out_link for rule in found),
        refused_days=max((rule.refused_days for rule in found), default=0),
    )


def _rule(item: dict[str, object]) -> Rule:
    rule = msgspec.convert(item, Rule)
    codes = frozenset[str]().union(*(EEA if code == "EEA" else {code} for code in rule.places))
    return replace(rule, places=codes)
