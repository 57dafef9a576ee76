"""A policy in one locale, complete with every text, and the digest that names it.

A decision records this digest, so it can be shown later what exactly a visitor read (S3).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import rfc8785

from cookiegate.policy.cldr import list_text
from cookiegate.policy.document import CATEGORIES, Controller, JointUse, Localized, Policy, Purpose
from cookiegate.policy.locales import country_name, language_name, negotiate, text_direction
from cookiegate.policy.signals import SIGNAL_NAMES
from cookiegate.policy.theme import complete_theme
from cookiegate.policy.wording import Phrasebook, apart, fill, ui_keys


@dataclass(frozen=True, slots=True)
class Notice:
    """What a visitor reads. ``body["notice"]`` repeats ``sha256``; nobody changes ``body``."""

    sha256: str
    locale: str
    body: dict[str, Any]

    @property
    def canonical(self) -> bytes:
        """The bytes whose SHA-256 is ``sha256``: the body without its own digest (RFC 8785)."""
        return rfc8785.dumps({key: value for key, value in self.body.items() if key != "notice"})

    @classmethod
    def from_canonical(cls, body: bytes, locale: str) -> Notice:
        """The notice behind its canonical bytes."""
        sha256 = hashlib.sha256(body).hexdigest()
        return cls(sha256, locale, {"notice": sha256, **json.loads(body)})


def build_notice(policy: Policy, version: int, locale: str) -> Notice:
    """Renders a policy.

    Args:
        policy: a policy that passed its checks.
        version: its version, 1 or more.
        locale: one of its locales.
    """
    book = Phrasebook(policy, locale)
    body: dict[str, Any] = {
        "site": policy.site,
        "policy_version": version,
        "locale": locale,
        "dir": text_direction(locale),
        "authoritative_locale": policy.authoritative_locale,
        "controller": _controller(policy.controller, locale),
        "purposes": [_purpose(policy, purpose, book, locale) for purpose in policy.purposes],
        "acquire": _acquire(policy, book),
        "ip_when_refused": policy.ip_when_refused,
        "ask_again_days": policy.ask_again_days,
        "retention": _retention(policy, book),
        "texts": _texts(policy, book, locale),
        "theme": complete_theme(policy.theme),
        "links": {"policy": _in(policy.policy_url, locale)},
        "out_of_scope": _in(policy.out_of_scope, locale),
    }
    return Notice.from_canonical(rfc8785.dumps(body), locale)


def _controller(controller: Controller, locale: str) -> dict[str, str | None]:
    return {
        "name": controller.name[locale],
        "address": controller.address[locale],
        "representative": _in(controller.representative, locale),
        "privacy_officer": _in(controller.privacy_officer, locale),
        "desk": _in(controller.desk, locale),
        "email": controller.email,
        "phone": controller.phone,
        "url": controller.url,
    }


def _retention(policy: Policy, book: Phrasebook) -> dict[str, str]:
    """How long the service keeps its own records; addresses as evidence only where the policy keeps any (S1)."""
    kept = policy.retention
    texts = {"consent_text": book.retention(kept.consent_days), "refusal_text": book.retention(kept.refusal_days)}
    if kept.ip_evidence_days:
        texts["ip_evidence_text"] = book.retention(kept.ip_evidence_days)
    return texts


def _purpose(policy: Policy, purpose: Purpose, book: Phrasebook, locale: str) -> dict[str, Any]:
    return {
        "key": purpose.key,
        "title": purpose.title[locale],
        "description": book.description(purpose),
        "loss_text": book.loss(purpose),
        "legal_basis": purpose.legal_basis,
        "legal_basis_text": book.text(f"legal_basis_{purpose.legal_basis}"),
        "always_on": purpose.always_on,
        "automated_decisions": purpose.automated_decisions,
        "acquire": [category for category in CATEGORIES if category in purpose.acquire],
        "retention_days": purpose.retention_days,
        "retention_text": book.retention(purpose.retention_days),
        "recipients": [_recipient(policy, key, book, locale) for key in purpose.recipients],
    }


def _recipient(policy: Policy, key: str, book: Phrasebook, locale: str) -> dict[str, Any]:
    recipient = policy.recipients[key]
    transfer, exception = recipient.transfer, recipient.exception
    return {
        "key": key,
        "name": recipient.name[locale],
        "kind": recipient.kind,
        "kind_text": book.text(f"kind_{recipient.kind}"),
        "country": recipient.country,
        "country_name": country_name(recipient.country, locale),
        "url": recipient.url,
        "transfer": transfer,
        "transfer_text": transfer and book.text(f"transfer_{transfer}"),
        "transfer_safeguards": _in(recipient.transfer_safeguards, locale),
        "joint_use": _joint_use(recipient.joint_use, locale),
        "exception": exception,
        "exception_text": exception and book.text(f"exception_{exception}"),
    }


def _joint_use(shared: JointUse | None, locale: str) -> dict[str, str] | None:
    if shared is None:
        return None
    named = {"items": shared.items, "purpose": shared.purpose, "responsible": shared.responsible}
    return {name: text[locale] for name, text in named.items()}


def _acquire(policy: Policy, book: Phrasebook) -> list[dict[str, Any]]:
    used = {category for purpose in policy.purposes for category in purpose.acquire}
    optional = policy.optional_categories
    return [
        {"key": category, **book.category(category), "optional": category in optional}
        for category in CATEGORIES
        if category in used
    ]


def _texts(policy: Policy, book: Phrasebook, locale: str) -> dict[str, str]:
    values = {
        "controller": apart(policy.controller.name[locale], locale),
        "language": language_name(policy.authoritative_locale, locale),
        "period": book.retention(policy.ask_again_days),
        "days": str(policy.ask_again_days),
        "signal": apart(" / ".join(SIGNAL_NAMES[signal] for signal in policy.signals_that_count), locale),
        "purposes": book.titles(policy.optional_purposes),
        "sites": _sites(policy, locale),
        "always_on_note": book.always_on_note(),
    }
    affected = {**values, "purposes": book.titles(policy.affected_purposes)}
    told = {key: affected if key.startswith("signal_") else values for key in ui_keys()}
    # A note that says nothing leaves two spaces behind.
    texts = {key: fill(book.text(key), words).replace("  ", " ").strip() for key, words in told.items()}
    return {**texts, **dict.fromkeys(_unsaid(policy, locale, values["sites"]), "")}


def _sites(policy: Policy, locale: str) -> str:
    """The other sites of the group."""
    group = (policy.share and policy.share.group) or {}
    return list_text([apart(name[locale], locale) for name in group.values()], locale)


def _unsaid(policy: Policy, locale: str, sites: str) -> list[str]:
    """Texts that say nothing true under this policy."""
    said = {
        "authoritative_note": locale != policy.authoritative_locale,
        "signal_honoured": bool(policy.affected_purposes),
        "signal_overridden": bool(policy.affected_purposes),
        "shared_note": bool(sites),
    }
    return [key for key, is_said in said.items() if not is_said]


def _in(text: Localized | None, locale: str) -> str | None:
    return None if text is None else text[locale]


__all__ = ["Notice", "build_notice", "negotiate"]
