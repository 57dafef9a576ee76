"""What a policy asks of a site's pages, once it was read and found good: plain values, each with its own schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Signal = Literal["gpc", "dnt"]
#: Purpose of the policy → numbers of the framework.
Numbers = Mapping[str, tuple[int, ...]]

_ADVERTISING = frozenset({"ad", "ads", "advertisement", "advertising", "marketing", "remarketing", "retargeting"})


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What a policy wants removed: tracker or pattern of names → purposes, of which one is enough to keep it."""

    trackers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    cookies: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    storage: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    databases: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    caches: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Hold:
    """What is held by itself: host → purpose key. ``*.example.com`` is every host below, not ``example.com`` itself."""

    hosts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who shares a choice: hosts of the site at or beneath ``domain``, and other sites by key.

    ``group`` has the name of each site by locale.
    """

    domain: str | None = None
    group: Mapping[str, Mapping[str, str]] | None = None

    def holds(self, host: str) -> bool:
        """Whether a host, in small letters and without its port, is at or beneath the domain."""
        return self.domain is not None and (host == self.domain or host.endswith(f".{self.domain}"))


@dataclass(frozen=True, slots=True)
class Signals:
    """What a policy says of signals: purposes that they switch off besides the usual ones, and whether DNT counts."""

    affects: tuple[str, ...] = ()
    dnt: Literal["honour", "ignore"] | None = None


def is_advertising(key: str) -> bool:
    """Whether a purpose's key says that it is for advertising, such as ``ads`` or ``marketing-mail``."""
    return not _ADVERTISING.isdisjoint(re.split(r"[-_]", key))


@dataclass(frozen=True, slots=True)
class Regions:
    """What a policy says of regions: ``rules`` are those of the visitor's place, or the strictest for everyone."""

    rules: Literal["visitor", "everyone"] | None = None


@dataclass(frozen=True, slots=True)
class ConsentMode:
    """A policy's word on Consent Mode: the purpose of each consent type; a type without one stays denied.

    Args:
        advanced: whether Google's tags load before a choice, and send pings without cookies.
        wait_for_update: in ms, region: ISO 3166 codes; both only where ``advanced``.
    """

    ad_storage: str | None = None
    ad_user_data: str | None = None
    ad_personalization: str | None = None
    analytics_storage: str | None = None
    functionality_storage: str | None = None
    personalization_storage: str | None = None
    security_storage: str | None = None
    advanced: bool | None = None
    wait_for_update: int | None = None
    region: tuple[str, ...] | None = None
    url_passthrough: bool | None = None
    ads_data_redaction: bool | None = None


@dataclass(frozen=True, slots=True)
class Tcf:
    """A policy's word on TCF.

    Args:
        purposes, special_features: purpose of the policy → numbers of the framework.
        vendors: numbers of vendors; None for all of the list.
        gvl: address of a vendor list; None for the service's own.
        cookie: the purpose under which the string is kept as ``euconsent-v2``; None to keep it nowhere.
    """

    cmp_id: int
    cmp_version: int
    purposes: Numbers
    special_features: Numbers | None = None
    vendors: tuple[int, ...] | None = None
    publisher_country: str | None = None
    service_specific: bool | None = None
    standard_texts: bool | None = None
    gvl: str | None = None
    cookie: str | None = None

    def is_wider_than(self, before: Tcf) -> bool:
        """Whether an earlier answer would now count for more: for another vendor, or another number."""
        maps = ((self.purposes, before.purposes), (self.special_features or {}, before.special_features or {}))
        numbers = any(set(now) - set(then.get(key, ())) for here, then in maps for key, now in here.items())
        if before.vendors is None:
            return numbers
        return numbers or self.vendors is None or bool(set(self.vendors) - set(before.vendors))


@dataclass(frozen=True, slots=True)
class Gpp:
    """A policy's word on GPP: its sections, and the purposes that each opt-out stands for."""

    sections: tuple[str, ...]
    sale: tuple[str, ...] | None = None
    sharing: tuple[str, ...] | None = None
    targeted_advertising: tuple[str, ...] | None = None
    cmp_id: int | None = None
    cmp_version: int | None = None
