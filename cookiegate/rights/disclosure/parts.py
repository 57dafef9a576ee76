"""The sections of a disclosure, each made from what the record holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from cookiegate.clock import rfc3339
from cookiegate.errors import PolicyError, RecordDamagedError
from cookiegate.ledger.receipt_authorities import authorities, jurisdictions
from cookiegate.ledger.receipt_notices import NoticeArchive
from cookiegate.policy.document import Policy
from cookiegate.rights.holds import Hold
from cookiegate.rights.provision.provisions import Provision
from cookiegate.rights.retention.subject_rules import RULES
from cookiegate.storage import tables
from cookiegate.storage.contract import DecisionRow, StatusSlot, Storage

DAY_MS = 86_400_000
Facts = dict[str, Any]
#: Who decided on an exception, and the decision that it started from, say nothing about the person.
_NOT_OF_THE_PERSON = frozenset({"by", "decision"})
_PURPOSE = (
    "key", "title", "description", "legal_basis", "legal_basis_text", "always_on", "acquire", "retention_days",
    "retention_text",
)  # fmt: skip
_RECIPIENT = ("key", "name", "kind", "kind_text", "country", "country_name", "transfer", "url")


def decision(storage: Storage, archive: NoticeArchive, row: DecisionRow, base_url: str) -> Facts:
    """A decision: its record as it is in the ledger, what was read and shown then, and where the proof is."""
    record: Facts = json.loads(row.record)
    return {
        **record,
        "notice_locale": _notice_locale(archive, row.site, record),
        "notice_address": f"{base_url}/notice/{row.site}?version={record['policy_version']}",
        "shown": shown(storage, record.get("ui")),
        "leaf": row.leaf.hex(),
        "proof_address": f"{base_url}/ledger/proof/{row.id}",
    }


def _notice_locale(archive: NoticeArchive, site: str, record: Facts) -> str | None:
    try:
        return archive.find(site, record["policy_version"], record["notice"])[1].locale
    except (RecordDamagedError, PolicyError):  # the rest is the person's all the same
        return None


def shown(storage: Storage, digest: str | None) -> Facts | None:
    """What was on the screen: kind and locale of the surface with this digest."""
    if digest is None:
        return None
    table = tables.artifacts
    rows = storage.read(sa.select(table.c.name).where(table.c.sha256 == digest))
    _, surface, _, locale = (*(rows[0]["name"] if rows else "").split("/"), "", "", "")[:4]
    return {"sha256": digest, "surface": surface or None, "locale": locale or None}


def tokens(storage: Storage, slots: Iterable[StatusSlot | None], base_url: str, ttl_s: int) -> list[Facts]:
    """Which tokens there were. They are never stored: what is known is their place in a status list, and their end."""
    distinct = list(dict.fromkeys(slot for slot in slots if slot is not None))
    return [
        {
            "status_list": f"{base_url}/status/{slot.list_id}",
            "status_index": slot.index,
            "valid_for_s": ttl_s,
            "revoked_at": _revoked_at(storage, slot),
        }
        for slot in distinct
    ]


def _revoked_at(storage: Storage, slot: StatusSlot) -> str | None:
    table = tables.revocations.c
    mine = (table.status_list == slot.list_id, table.status_index == slot.index)
    rows = storage.read(sa.select(table.revoked_at_ms).where(*mine))
    return rfc3339(rows[0]["revoked_at_ms"]) if rows else None


def entries(storage: Storage, key_id: int) -> list[Facts]:
    """The ledger entries about the person besides their decisions, such as restrictions."""
    table = tables.entries.c
    ids = [row["id"] for row in storage.read(sa.select(table.id).where(table.key_id == key_id).order_by(table.id))]
    rows = [storage.entry(entry_id) for entry_id in ids]
    return [json.loads(row.record) for row in rows if row is not None and not row.is_erased]


def hold(one: Hold) -> Facts:
    """A legal hold that keeps the record. Its matter stays with the operator."""
    return {
        "placed_at": rfc3339(one.placed_at_ms),
        "until": None if one.until_ms is None else rfc3339(one.until_ms),
        "scope": "site" if one.key_id is None else "subject",
        "ground": one.ground,
    }


def provision(one: Provision) -> Facts:
    """A record of provision to a third party. Source: APPI 33(5)."""
    facts: Facts = msgspec.to_builtins(one)
    return {name: value for name, value in facts.items() if name not in _NOT_OF_THE_PERSON}


def purpose(body: Mapping[str, Any]) -> Facts:
    """A purpose with its recipients, as the notice tells it."""
    recipients = [{name: one.get(name) for name in _RECIPIENT} for one in body["recipients"]]
    return {**{name: body[name] for name in _PURPOSE}, "recipients": recipients}


def retention(policy: Policy, decisions: Sequence[DecisionRow], *, is_kept: bool) -> list[Facts]:
    """How long each part is kept, and until when where that is known. Source: GDPR 15(1)(d).

    Args:
        policy: the current one; its periods hold for all that is recorded.
        decisions: of the person, in order of time.
        is_kept: whether a hold or a restriction keeps what would be disposed of.
    """
    found = [_of_decisions(policy, decisions[-1], is_kept)] if decisions else []
    found += [
        {"section": "events", "record": one.key, "days": one.retention_days, "kept_until": None, "paused": is_kept}
        for one in policy.purposes
        if one.acquire
    ]
    days = policy.retention.provision_days
    return [*found, {"section": "provisions", "record": "provision", "days": days, "kept_until": None, "paused": False}]


def _of_decisions(policy: Policy, last: DecisionRow, is_kept: bool) -> Facts:
    name = "refused" if last.epoch == 0 else "withdrawn" if last.slot is None else "expired"
    rule = next(rule for rule in RULES if rule.name == name)
    days = rule.days(policy)
    until = rfc3339(last.decided_at_ms + days * DAY_MS)
    return {"section": "decisions", "record": rule.record_type, "days": days, "kept_until": until, "paused": is_kept}


def sources(*, is_identified: bool, is_forwarded: bool) -> list[Facts]:
    """Where each section comes from, and whether this service keeps it. Source: GDPR 15(1)(g).

    Args:
        is_identified: whether anything could be collected under a pseudonym.
        is_forwarded: whether events go to a collector of the operator's own.
    """
    found = [("decisions", "own_choice", True), ("decisions.device", "browser", True)]
    if is_identified:
        found.append(("events", "browser", not is_forwarded))
    return [{"section": section, "source": source, "kept_here": here} for section, source, here in found]


def rights(policy: Policy, base_url: str, locale: str) -> list[Facts]:
    """What the person can do, and where. Source: GDPR 15(1)(e), (f); APPI 32(1)(iii)."""
    page = f"{base_url}/preferences/{policy.site}"
    places = {
        "withdraw": page,
        "correct": page,
        "restrict": f"{page}/record",
        "erase": f"{page}/record",
        "portability": f"{page}/record",
        "request": f"{page}/request",
    }
    own = [{"right": right, "name": None, "address": address} for right, address in places.items()]
    bodies = authorities(jurisdictions(policy.controller.country, eu_data=policy.eu_data), locale)
    return own + [{"right": "complain", "name": name, "address": address} for name, address in bodies]
