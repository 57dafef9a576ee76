"""What a policy is, once it has been read and found good. Everything here is frozen and plain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

#: Acquisition categories: what a browser gives away by itself, in the order that notices show them.
CATEGORIES = ("ip", "device", "language", "screen", "browsing", "identifier", "other")

Localized = Mapping[str, str]
RecipientKind = Literal["third_party", "trustee", "joint_user"]
IpWhenRefused = Literal["drop", "truncate"]
LegalBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets data (S14)."""

    key: str
    name: Localized
    kind: RecipientKind
    country: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why data is used. ``acquire`` lists the categories it uses; ``recipients`` are recipient keys."""

    key: str
    title: Localized
    description: Localized
    legal_basis: LegalBasis
    acquire: tuple[str, ...]
    retention_days: int
    recipients: tuple[str, ...] = ()
    always_on: bool = False


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the data, and how to reach them (S32)."""

    name: Localized
    address: Localized
    representative: Localized | None
    privacy_officer: Localized | None
    desk: Localized | None
    email: str | None
    phone: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Collector:
    """A tracker in front of which the gate stands: its declared purpose, and for ``plain`` events its fields."""

    tracker: str
    purpose: str
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy document. ``texts`` and ``categories`` hold only what the document overrides."""

    site: str
    origins: tuple[str, ...]
    controller: Controller
    locales: tuple[str, ...]
    authoritative_locale: str
    purposes: tuple[Purpose, ...]
    recipients: Mapping[str, Recipient]
    policy_url: Localized | None
    ip_when_refused: IpWhenRefused
    ask_again_days: int
    theme: Mapping[str, str]
    texts: Mapping[str, Localized]
    categories: Mapping[str, Mapping[str, Localized]]
    collectors: Mapping[str, Collector]
    out_of_scope: Localized | None = None
    source_document: str | None = None
    #: The purposes that a visitor may refuse.
    optional_purposes: tuple[Purpose, ...] = field(init=False, repr=False, compare=False)
    #: The categories that optional purposes use: those a visitor may refuse, in the standard order.
    optional_categories: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        optional = tuple(purpose for purpose in self.purposes if not purpose.always_on)
        used = {category for purpose in optional for category in purpose.acquire}
        object.__setattr__(self, "optional_purposes", optional)
        object.__setattr__(self, "optional_categories", tuple(item for item in CATEGORIES if item in used))

    def purpose(self, key: str) -> Purpose | None:
        """The purpose with this key, or None."""
        return next((purpose for purpose in self.purposes if purpose.key == key), None)


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """A policy with its place in history.

    ``holds_since`` is the oldest version whose decisions still hold: no later version up to this one asked
    visitors again.
    """

    policy: Policy
    version: int
    sha256: str
    holds_since: int
    published_at_ms: int
