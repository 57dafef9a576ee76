"""The register of recipients that an auditor reads: who gets what, on what ground, bound by what (S14, S15, S16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date

from cookiegate.policy.document import Contract, Localized, Policy, Recipient

#: What a row of the register holds, in its order.
REGISTER_COLUMNS = (
    "key", "name", "kind", "country", "purposes", "ground", "transfer", "transfer_safeguards", "vetted_on",
    "confidentiality", "no_reprovision", "audit", "return_or_destroy_at_end", "ends_on", "joint_items",
    "joint_purpose", "joint_responsible", "state",
)  # fmt: skip
_GROUNDS = {"trustee": "entrusted (APPI 27(5)(i))", "joint_user": "joint use (APPI 27(5)(iii))"}
_CLAUSES = ("confidentiality", "no_reprovision", "audit", "return_or_destroy_at_end")


def register_rows(policy: Policy, today: date) -> list[dict[str, str]]:
    """One row per recipient.

    Args:
        policy: a policy; one from before contracts were checked may lack their facts.
        today: which contracts have ended.

    Returns:
        Rows of texts by :data:`REGISTER_COLUMNS`; empty where nothing is to be said. ``state`` is ``used``, ``unused``
        or ``contract ended``.
    """
    return [_row(policy, recipient, today) for recipient in policy.recipients.values()]


def said(policy: Policy, text: Localized | None) -> str:
    """A text in English, or in the language that prevails."""
    return "" if text is None else text.get("en") or text[policy.authoritative_locale]


def _row(policy: Policy, recipient: Recipient, today: date) -> dict[str, str]:
    users = [purpose.key for purpose in policy.purposes if recipient.key in purpose.recipients]
    known = {
        "key": recipient.key,
        "name": said(policy, recipient.name),
        "kind": recipient.kind,
        "country": recipient.country,
        "purposes": " ".join(users),
        "ground": _ground(recipient),
        "transfer": recipient.transfer or "",
        "transfer_safeguards": said(policy, recipient.transfer_safeguards),
        **_contract(recipient.contract),
        **_joint_use(policy, recipient),
        "state": _state(recipient.contract, bool(users), today),
    }
    return {column: known.get(column, "") for column in REGISTER_COLUMNS}


def _ground(recipient: Recipient) -> str:
    if recipient.exception is not None:
        return f"exception: {recipient.exception}"
    return _GROUNDS.get(recipient.kind, "consent")


def _contract(contract: Contract | None) -> dict[str, str]:
    if contract is None:
        return {}
    facts: Mapping[str, object] = asdict(contract)
    clauses = {name: "yes" if facts[name] else "no" for name in _CLAUSES}
    return {"vetted_on": contract.vetted_on, **clauses, "ends_on": contract.ends_on or ""}


def _joint_use(policy: Policy, recipient: Recipient) -> dict[str, str]:
    shared = recipient.joint_use
    if shared is None:
        return {}
    named = {"items": shared.items, "purpose": shared.purpose, "responsible": shared.responsible}
    return {f"joint_{name}": said(policy, text) for name, text in named.items()}


def _state(contract: Contract | None, is_used: bool, today: date) -> str:
    if contract is not None and contract.ends_on is not None and contract.ends_on < today.isoformat():
        return "contract ended"
    return "used" if is_used else "unused"
