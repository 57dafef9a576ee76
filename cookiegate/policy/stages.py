"""Handling rules per stage, from acquiring to disposing, as a policy sets them (S38).

The rules are not written beside the policy but made from it, so that an auditor compares one thing only: what the
policy says with what the service does.
"""

from __future__ import annotations

from cookiegate.policy.document import Policy, Purpose, Recipient
from cookiegate.policy.locales import country_name
from cookiegate.policy.register import said

STAGE_COLUMNS = ("purpose", "stage", "rule", "kept_by", "responsible")
_RECORDS = {
    "consent_days": "Proof of a consent",
    "refusal_days": "Proof of a refusal",
    "request_days": "A request and its answer",
    "provision_days": "A record of provision",
    "ip_evidence_days": "An IP address as evidence",
}


def stage_rows(policy: Policy) -> list[dict[str, str]]:
    """One row per purpose and stage, and one per kind of record that the service keeps.

    Returns:
        Rows of texts by :data:`STAGE_COLUMNS`.
    """
    rows = [row for purpose in policy.purposes for row in _purpose_rows(policy, purpose)]
    rows += [_row(policy, "(records)", "dispose", rule, "cookiegate purge") for rule in _record_rules(policy)]
    return rows


def _purpose_rows(policy: Policy, purpose: Purpose) -> list[dict[str, str]]:
    rules = (
        ("acquire", _acquire(purpose), "banner, gate"),
        ("use", _use(purpose), "gate: the token's purposes"),
        ("store", _store(policy, purpose), "gate: the token's categories"),
        ("provide", _provide(policy, purpose), "gate: the purpose's recipients; provision records"),
        ("dispose", f"Erased after {purpose.retention_days} days, or on the person's request.", "cookiegate purge"),
    )
    return [_row(policy, purpose.key, stage, rule, kept_by) for stage, rule, kept_by in rules]


def _row(policy: Policy, purpose: str, stage: str, rule: str, kept_by: str) -> dict[str, str]:
    controller = policy.controller
    who = controller.privacy_officer or controller.desk or controller.representative or controller.name
    values = (purpose, stage, rule, kept_by, said(policy, who))
    return dict(zip(STAGE_COLUMNS, values, strict=True))


def _acquire(purpose: Purpose) -> str:
    what = f"Automatically: {', '.join(purpose.acquire)}" if purpose.acquire else "What people hand in"
    if purpose.always_on:
        return f"{what}; without asking ({purpose.legal_basis.replace('_', ' ')})."
    return f"{what}; only after consent."


def _use(purpose: Purpose) -> str:
    machine = "by machine alone, on consent" if purpose.automated_decisions else "never by machine alone"
    return f"For this purpose and no other. Decisions about people: {machine}."


def _store(policy: Policy, purpose: Purpose) -> str:
    kept = f"For {purpose.retention_days} days, only granted categories."
    if "ip" in purpose.acquire or purpose.always_on:
        return kept
    cut = "shortened" if policy.ip_when_refused == "truncate" else "removed"
    return f"{kept} An IP address that was not granted is {cut}."


def _provide(policy: Policy, purpose: Purpose) -> str:
    return "; ".join(_recipient(policy, policy.recipients[key]) for key in purpose.recipients) or "To nobody."


def _recipient(policy: Policy, recipient: Recipient) -> str:
    facts = [recipient.kind, country_name(recipient.country, "en"), recipient.transfer, recipient.exception]
    told = ", ".join(fact.replace("_", " ") for fact in facts if fact)
    return f"{said(policy, recipient.name)} ({told})"


def _record_rules(policy: Policy) -> list[str]:
    days = {what: getattr(policy.retention, name) for name, what in _RECORDS.items()}
    return [
        f"{what}: destroyed after {count} days." if count else f"{what}: never kept." for what, count in days.items()
    ]
