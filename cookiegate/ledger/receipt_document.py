"""The receipt as a JSON-LD document: what a notice says, in the terms of ISO/IEC TS 27560 and W3C DPV.

Everything here depends on a policy version, a notice and a choice alone, so that it is made once and used for many
receipts. ``contexts/receipt-3.jsonld`` says which term each key stands for; ``docs/reference/receipts.md`` lists them.

Source: ISO/IEC TS 27560:2023, section 6.3; W3C DPV 2.3 and its guide to consent records and receipts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from cookiegate.ledger.receipt_authorities import authorities, jurisdictions, laws
from cookiegate.policy.document import Policy, Recipient
from cookiegate.policy.notice import Notice

Members = dict[str, Any]

CONTEXT_NAME = "receipt-3.jsonld"
#: Those of former receipts stay where they are.
CONTEXT_NAMES = ("receipt-1.jsonld", "receipt-2.jsonld", CONTEXT_NAME)
CONTEXT_FOLDER = "/ledger/contexts/"
CONTEXT_PATH = f"{CONTEXT_FOLDER}{CONTEXT_NAME}"
#: The version of the schema that a receipt follows. Source: the DPV guide's profile for receipts.
SCHEMA = "dpv-27560:receipt"

#: A joint user (APPI 27(5)(iii)) decides on purposes too, so DPV sees a controller in it.
_ROLES = {"trustee": "DataProcessor", "third_party": "ThirdParty", "joint_user": "DataController"}
#: Categories for which DPV has no term of its own, with the nearest wider one.
_OWN_CATEGORIES = {"screen": "pd:DeviceBased", "other": "pd:DeviceBased"}
#: A purpose that acquires nothing by itself uses what people hand over, such as an inquiry.
_PROVIDED = "provided"
#: Blank nodes, as a receipt's parts are nothing outside of it. Keys of purposes and recipients have no full stop.
_CONTROLLER = "_:the.controller"
_CONTACTS = ("desk", "email", "phone", "url")


@cache
def context_text(name: str = CONTEXT_NAME) -> bytes:
    """The JSON-LD context of receipts, as it is published. It never changes: a new meaning gets a new number.

    Args:
        name: one of ``CONTEXT_NAMES``.
    """
    return files("cookiegate.ledger").joinpath("contexts", name).read_bytes()


def context_of(claims: Mapping[str, Any]) -> bytes:
    """The context that a receipt names; the newest where it is not one of ours."""
    name = str(claims.get("@context", "")).rpartition("/")[2]
    return context_text(name if name in CONTEXT_NAMES else CONTEXT_NAME)


def describe_notice(policy: Policy, notice: Notice, base_url: str) -> Members:
    """What every receipt under one notice says.

    Args:
        policy: the version that the notice renders.
        notice: one of its notices.
        base_url: address of the service.
    """
    country = policy.controller.country
    places = jurisdictions(country, eu_data=policy.eu_data)
    site, locale = quote(policy.site, safe=""), quote(notice.locale)
    rights_at = f"{base_url}/preferences/{site}/request"
    used = [key for key in _OWN_CATEGORIES if any(key in purpose.acquire for purpose in policy.purposes)]
    return {
        "@context": base_url + CONTEXT_PATH,
        "type": "ConsentReceipt",
        "conformsTo": SCHEMA,
        "iss": base_url,
        "notice": {
            "type": "ConsentNotice",
            "language": notice.locale,
            "url": f"{base_url}/notice/{site}?lang={locale}&version={notice.body['policy_version']}",
        },
        "controller": _controller(policy, notice.body["controller"], rights_at),
        "recipients": {_to(key): _recipient(policy.recipients[key], notice) for key in _recipient_keys(policy)},
        "processes": {f"_:{purpose['key']}": _process(purpose) for purpose in notice.body["purposes"]},
        "storage": {"location": [country, *sorted(_recipient_countries(policy) - {country})]},
        "withdrawal": {
            "type": "WithdrawConsent",
            "at": [f"{base_url}/preferences/{site}", f"{base_url}/v1/sites/{site}/decisions"],
        },
        "right": {"type": "DataSubjectRight", "at": rights_at},
        "jurisdiction": places,
        "law": laws(places),
        "authority": [{"name": name, "url": url} for name, url in authorities(places, notice.locale)],
        "included": [{"id": f"cg:{key}", "broader": _OWN_CATEGORIES[key]} for key in used],
    }


def describe_choice(
    action: str, ask_again_days: int, purposes: Mapping[str, bool], acquire: Mapping[str, bool]
) -> list[Members]:
    """The states of consent that one decision made, and what each holds for.

    Args:
        action: of the decision.
        ask_again_days: how long the decision holds.
        purposes: each purpose that could be refused, with whether it was allowed.
        acquire: each category that could be refused, likewise.

    Returns:
        ``given`` for what was allowed, where anything was; then ``refused``, or ``withdrawn``, for the rest.
    """
    rest = "withdrawn" if action in ("withdraw", "signal") else "refused"
    states = ("given", rest) if any(purposes.values()) else (rest,)
    described = [_state(state, ask_again_days, purposes, acquire) for state in states]
    return [state for state in described if state["type"] == states[0] or "for" in state or "data" in state]


def _state(state: str, days: int, purposes: Mapping[str, bool], acquire: Mapping[str, bool]) -> Members:
    allowed = state == "given"
    members: Members = {"type": state, "by": "DataSubject", "duration": f"P{days}D"}
    if processes := [f"_:{key}" for key, on in purposes.items() if on == allowed]:
        members["for"] = processes
    if data := [key for key, on in acquire.items() if on == allowed]:
        members["data"] = data
    return members


def _controller(policy: Policy, shown: Mapping[str, Any], otherwise: str) -> Members:
    """Who answers for the data; ``otherwise`` is where to turn to when the policy names no contact."""
    people = {"representative": shown["representative"], "officer": shown["privacy_officer"]}
    keeps_all = any(not purpose.recipients for purpose in policy.purposes)
    return {
        **({"id": _CONTROLLER} if keeps_all else {}),
        "identifier": policy.site,
        "name": shown["name"],
        "address": shown["address"],
        **{role: {"name": name} for role, name in people.items() if name},
        "contact": [shown[key] for key in _CONTACTS if shown[key]] or [otherwise],
    }


def _recipient_keys(policy: Policy) -> Iterable[str]:
    return dict.fromkeys(key for purpose in policy.purposes for key in purpose.recipients)


def _recipient_countries(policy: Policy) -> set[str]:
    return {policy.recipients[key].country for key in _recipient_keys(policy)}


def _recipient(recipient: Recipient, notice: Notice) -> Members:
    abroad = {"transfer": recipient.transfer} if recipient.transfer else {}
    return {
        "type": _ROLES[recipient.kind],
        "name": recipient.name[notice.locale],
        "country": recipient.country,
        **abroad,
    }


def _process(shown: Mapping[str, Any]) -> Members:
    """One purpose with what it uses, for how long, and who gets it; the controller alone, where nobody else does."""
    return {
        "purpose": {"title": shown["title"]},
        "basis": shown["legal_basis"],
        "data": shown["acquire"] or [_PROVIDED],
        "storage": {"duration": f"P{shown['retention_days']}D"},
        "to": [_to(item["key"]) for item in shown["recipients"]] or [_CONTROLLER],
    }


def _to(key: str) -> str:
    return f"_:to.{key}"
