"""Documents that the tests of policies start from."""

from __future__ import annotations

from pathlib import Path

from cookiegate.policy.document import Policy
from cookiegate.policy.faults import Fault
from cookiegate.policy.reading import check, load_policy, read_policy

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "policies"
DEMO = EXAMPLES / "demo.yaml"

#: What a trustee needs.
CONTRACT = """\
    contract: {vetted_on: 2026-04-01, confidentiality: true, no_reprovision: true, audit: true,
      return_or_destroy_at_end: true}
"""
#: The least that a policy must say, in one language.
SMALL = f"""\
site: shop
origins: ["https://shop.example.jp"]
locales: [en]
controller:
  name: Aoba Store
  address: Tokyo
  email: privacy@example.jp
recipients:
  host:
    name: Aoba Cloud
    kind: trustee
    country: JP
{CONTRACT}purposes:
  - key: security
    always_on: true
    title: Security
    description: To keep the site safe.
    legal_basis: legitimate_interests
    acquire: [ip]
    retention_days: 90
  - key: analytics
    title: Analytics
    description: To count visits.
    legal_basis: consent
    acquire: [device, browsing]
    retention_days: 180
    recipients: [host]
"""


def edited(*edits: tuple[str, str], text: str = SMALL) -> str:
    """The small document with the first occurrence of each text replaced."""
    for old, new in edits:
        assert old in text, f"{old!r} is not in the document"
        text = text.replace(old, new, 1)
    return text


def small(*edits: tuple[str, str]) -> Policy:
    """The small policy, edited."""
    return read_policy(edited(*edits))


def only_fault(text: str) -> Fault:
    """The one fault of a document."""
    faults = check(text)
    assert len(faults) == 1, faults
    return faults[0]


def seed_policies() -> dict[str, Policy]:
    """The five policies made from the founding documents, by the number of the document."""
    policies = [load_policy(path) for path in sorted(EXAMPLES.glob("*.yaml"))]
    return {policy.source_document[:3]: policy for policy in policies if policy.source_document}
