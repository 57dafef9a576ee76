"""Receipts as data: taken apart without the service, and as RDF, with no network."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import rdflib
from pyld import jsonld
from pyshacl import validate
from support.policies import EXAMPLES, MANY_LANGUAGES
from support.service import Bench, Visitor

from cookiegate.ledger.receipt_document import CONTEXT_PATH, context_text
from cookiegate.policy.document import Policy
from cookiegate.policy.reading import load_policy
from cookiegate.storage.contract import DecisionRow

HERE = Path(__file__).parent
POLICIES = sorted(set(EXAMPLES.glob("*.yaml")) - {MANY_LANGUAGES})
ACTIONS = ("accept", "reject", "choose", "withdraw")


def example_policies() -> tuple[Policy, ...]:
    """Every example policy."""
    return tuple(load_policy(path) for path in POLICIES)


def payload(receipt: str) -> dict[str, Any]:
    """The signed document, unverified."""
    body = receipt.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def load_context(url: str, _options: object = None) -> dict[str, Any]:
    """The only document that expanding a receipt may need."""
    assert url.endswith(CONTEXT_PATH), f"{url} would be fetched"
    return {
        "contextUrl": None,
        "documentUrl": url,
        "contentType": "application/ld+json",
        "document": json.loads(context_text()),
    }


def as_graph(document: dict[str, Any]) -> rdflib.Graph:
    """A receipt as RDF."""
    options = {"documentLoader": load_context, "format": "application/n-quads"}
    # Line by line and sorted, so that what is compared does not depend on the order of members.
    quads = sorted(str(jsonld.to_rdf(document, options)).splitlines())
    return rdflib.Graph().parse(data="\n".join(quads), format="nt")


@cache
def shapes() -> rdflib.Graph:
    """Our SHACL shapes."""
    return rdflib.Graph().parse(HERE / "shapes.ttl")


def faults(document: dict[str, Any]) -> str:
    """What the shapes say against a receipt; nothing when it conforms."""
    conforms, _, text = validate(as_graph(document), shacl_graph=shapes(), advanced=True, inference="none")
    return "" if conforms else str(text)


def newest(bench: Bench, site: str) -> DecisionRow:
    """The last decision of a site."""
    return bench.service.storage.decisions(site)[-1]


def take(visitor: Visitor, action: str, locale: str, **body: Any) -> str:
    """A decision under a notice in one language; its receipt."""
    answer = visitor.decide(action, notice=visitor.notice(locale)["notice"], **body)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["receipt"])


def visit(bench: Bench, policy: Policy) -> Visitor:
    """Someone new on one of the policy's own pages."""
    return bench.visitor(site=policy.site, origin=policy.origins[0])


def decide(bench: Bench, policy: Policy, action: str, locale: str) -> str:
    """One decision of someone new, a withdrawal after a yes; its receipt."""
    visitor = visit(bench, policy)
    if action == "withdraw":
        take(visitor, "accept", locale)
    if action != "choose":
        return take(visitor, action, locale)
    first = policy.optional_purposes[0]
    return take(visitor, action, locale, purposes={first.key: True}, acquire=dict.fromkeys(first.acquire[:1], True))
