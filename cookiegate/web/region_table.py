"""The table of regions in the documentation, made from the rules: ``python -m cookiegate.web.region_table``."""

from __future__ import annotations

from datetime import date

from cookiegate.policy.regions import Rule, region_rules

_HEAD = (
    "region", "law and source", "since", "law wants consent first", "what is sent: shown", "opt-out link", "GPC binds",
    "a refusal is left in peace",
)  # fmt: skip
_PRIOR = {"required": "yes", "none": "no: stricter than the law asks"}


def region_table() -> str:
    """One row for each rule, in Markdown."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *map(_row, region_rules())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(rule: Rule) -> tuple[str, ...]:
    partly = f"partly: {rule.prior_consent_note}; for the rest stricter than the law asks"
    return (
        f"{rule.title} (`{rule.key}`)",
        f"{rule.law}: {rule.source}",
        _date(rule.since),
        _PRIOR.get(rule.prior_consent, partly),
        "always" if rule.transmission_note else "–",
        "if data is sold or shared" if rule.opt_out_link else "–",
        _with(
            f"since {_date(rule.signal_since)}" if rule.signal_since else "no: honoured all the same", rule.signal_note
        ),
        _with(f"{rule.refused_days} days" if rule.refused_days else "as the policy says", rule.refused_note),
    )


def _with(text: str, note: str) -> str:
    return f"{text}: {note}" if note else text


def _date(day: date | None) -> str:
    return day.isoformat() if day else "–"


if __name__ == "__main__":
    print(region_table())
