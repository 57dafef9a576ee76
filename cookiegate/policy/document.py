"""What a policy is, once it has been read and found good. Everything here is frozen and plain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from cookiegate.policy.pages import (
    Cleaning,
    ConsentMode,
    Gpp,
    Hold,
    Regions,
    Sharing,
    Signal,
    Signals,
    Tcf,
    is_advertising,
)

#: Acquisition categories: what a browser gives away by itself, in the order that notices show them.
CATEGORIES = ("ip", "device", "language", "screen", "browsing", "identifier", "other")

#: Days after which any choice is asked again, when the document does not say.
ASK_AGAIN_DAYS = 180
#: What a controller's country is, when the document does not say.
HOME_COUNTRY = "JP"

Localized = Mapping[str, str]
RecipientKind = Literal["third_party", "trustee", "joint_user"]
IpWhenRefused = Literal["drop", "truncate"]
LegalBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]
#: Why data may go to another country (S16).
Transfer = Literal["equivalent_country", "standard_clauses", "equivalent_measures", "consent"]


@dataclass(frozen=True, slots=True)
class Contract:
    """What binds a trustee (S15). Dates are ISO 8601; ``ends_on`` is None while nobody gave notice."""

    vetted_on: str
    confidentiality: bool
    no_reprovision: bool
    audit: bool
    return_or_destroy_at_end: bool
    ends_on: str | None = None


@dataclass(frozen=True, slots=True)
class JointUse:
    """What is published about joint use (S14).

    Source: APPI, article 27, paragraph 5, item 3.
    """

    items: Localized
    purpose: Localized
    responsible: Localized


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets data (S14).

    Args:
        transfer: the basis for provision abroad; None for a recipient in the controller's own country.
        transfer_safeguards: what protects the data there, or the address of a page that says so.
        contract: of a trustee.
        joint_use: of a joint user.
        exception: code of the legal exception under which a third party gets data without consent.
    """

    key: str
    name: Localized
    kind: RecipientKind
    country: str
    url: str | None = None
    transfer: Transfer | None = None
    transfer_safeguards: Localized | None = None
    contract: Contract | None = None
    joint_use: JointUse | None = None
    exception: str | None = None

    @property
    def is_third_party(self) -> bool:
        """Whether the law sees a third party in them, so that each provision is recorded.

        Source: APPI, article 29, paragraph 1; article 28, paragraph 1: abroad, trustees and joint users are third
        parties too, unless their country or their measures are equivalent.
        """
        return self.kind == "third_party" or self.transfer == "consent"


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
    #: Whether it decides about people by machine alone, with legal or similarly significant effects (S10).
    automated_decisions: bool = False
    #: What is lost by saying no.
    loss: Localized | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days the service keeps its own records (S17); a purpose's data has ``Purpose.retention_days``."""

    consent_days: int = 1_095
    refusal_days: int = 365
    request_days: int = 1_095
    provision_days: int = 1_095
    ip_evidence_days: int = 0


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the data, where they are established, and how to reach them (S32)."""

    name: Localized
    address: Localized
    representative: Localized | None
    privacy_officer: Localized | None
    desk: Localized | None
    email: str | None
    phone: str | None
    url: str | None
    country: str = HOME_COUNTRY


#: Whether a page is loaded anew after a withdrawal where nothing else stops what runs in it; ``auto`` if not said.
Reload = Literal["auto", "never"]

#: What becomes of events that come after a withdrawal but happened before it.
LateEvents = Literal["while_granted", "until_withdrawal"]


@dataclass(frozen=True, slots=True)
class Collector:
    """A tracker in front of which the gate stands: its declared purpose, and for ``plain`` events its fields.

    ``recipient`` is the key of whoever gets what is collected; None when it stays with the controller.
    ``prior_consent`` names the purposes of which one must be granted for a sensitive field to pass (S11); ``bind`` asks
    pages to bind tokens to the client id that this tracker gave.
    """

    tracker: str
    purpose: str
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    recipient: str | None = None
    late_events: LateEvents | None = None
    prior_consent: Mapping[str, tuple[str, ...]] | None = None
    bind: bool | None = None


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
    #: Whether data of people in the EU is handled, which leaves it only with adequate protection (S16).
    eu_data: bool = False
    retention: Retention = field(default_factory=Retention)
    signals: Signals | None = None
    regions: Regions | None = None
    hold: Hold | None = None
    #: Days after which a refusal is asked again, where that is longer than ``ask_again_days``.
    ask_again_refused_days: int | None = None
    #: Trackers that pages stop and start by themselves → their purposes.
    attach: Mapping[str, str] | None = None
    clean: Cleaning | None = None
    google: ConsentMode | None = None
    tcf: Tcf | None = None
    gpp: Gpp | None = None
    share: Sharing | None = None
    reload_on_withdrawal: Reload | None = None
    #: Origins whose pages show the developer panel where their address asks for it.
    debug_origins: tuple[str, ...] | None = None
    #: The purposes that a visitor may refuse.
    optional_purposes: tuple[Purpose, ...] = field(init=False, repr=False, compare=False)
    #: The categories that optional purposes use: those a visitor may refuse, in the standard order.
    optional_categories: tuple[str, ...] = field(init=False, repr=False, compare=False)
    #: The purposes that a browser's signal switches off, unless the visitor allows them by name.
    affected_purposes: tuple[Purpose, ...] = field(init=False, repr=False, compare=False)
    #: Whether a collector lets events pass that happened before a withdrawal.
    takes_late_events: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        optional = tuple(purpose for purpose in self.purposes if not purpose.always_on)
        used = {category for purpose in optional for category in purpose.acquire}
        late = any(collector.late_events == "until_withdrawal" for collector in self.collectors.values())
        object.__setattr__(self, "takes_late_events", late)
        object.__setattr__(self, "optional_purposes", optional)
        object.__setattr__(self, "affected_purposes", tuple(filter(self._is_affected, optional)))
        object.__setattr__(self, "optional_categories", tuple(item for item in CATEGORIES if item in used))

    def _is_affected(self, purpose: Purpose) -> bool:
        """Whether data of the purpose goes to somebody who uses it for ends of their own, or is for advertising."""
        named = self.signals is not None and purpose.key in self.signals.affects
        shared = (self.recipients[key].kind != "trustee" for key in purpose.recipients if key in self.recipients)
        return named or is_advertising(purpose.key) or any(shared)

    @property
    def honours_dnt(self) -> bool:
        """Whether Do Not Track counts, too."""
        return self.signals is not None and self.signals.dnt == "honour"

    @property
    def signals_that_count(self) -> tuple[Signal, ...]:
        """By rank."""
        return ("gpc", "dnt") if self.honours_dnt else ("gpc",)

    @property
    def refused_days(self) -> int:
        """Days after which somebody who refused may be asked again: never sooner than somebody who allowed."""
        return max(self.ask_again_days, self.ask_again_refused_days or 0)

    @property
    def bound_trackers(self) -> tuple[str, ...]:
        """The trackers whose client ids tokens are bound to."""
        return tuple(tracker for tracker, collector in self.collectors.items() if collector.bind)

    def bindings_asked(self, sent: Mapping[str, str] | None) -> Mapping[str, str]:
        """Of the bindings that a page sent, those that the policy asks for."""
        return {tracker: sent[tracker] for tracker in self.bound_trackers if tracker in sent} if sent else {}

    def purpose(self, key: str) -> Purpose | None:
        """The purpose with this key, or None."""
        return next((purpose for purpose in self.purposes if purpose.key == key), None)

    def providing(self, purpose_key: str, recipient_key: str) -> Providing | None:
        """The ground on which data of a purpose goes to a recipient; None when there is none (S12).

        A policy that was published when checks were less strict may have no ground where one is needed, so a gate asks
        here.
        """
        purpose, recipient = self.purpose(purpose_key), self.recipients.get(recipient_key)
        if purpose is None or recipient is None or recipient_key not in purpose.recipients:
            return None
        ground = "consent" if purpose.legal_basis == "consent" else _GROUNDS.get(recipient.kind, recipient.exception)
        if ground is None or (recipient.transfer == "consent" and ground != "consent"):
            return None
        return Providing(purpose, recipient, ground)


#: On what ground those get data who are no third parties.
_GROUNDS = {"trustee": "entrusted", "joint_user": "joint_use"}


@dataclass(frozen=True, slots=True)
class Providing:
    """Data of a purpose on its way to a recipient.

    Args:
        ground: ``consent``, ``entrusted``, ``joint_use``, or the code of a legal exception.
    """

    purpose: Purpose
    recipient: Recipient
    ground: str

    @property
    def is_recorded(self) -> bool:
        """Whether each provision is recorded for the person to ask about.

        Source: APPI, article 29, paragraph 1.
        """
        return self.recipient.is_third_party


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
