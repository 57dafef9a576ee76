"""Fields with sensitive names: each needs a rule of its own, and is counted under a name of its own."""

from __future__ import annotations

from cookiegate.policy.sensitive import is_sensitive

PREFIX = "sensitive "


def rule_of(path: str, category: str) -> str:
    """What a field needs to pass: its category, or for a sensitive one an allowance of its own."""
    return PREFIX + path if is_sensitive(path) else category


def label(name: str) -> str:
    """How a stripped field is counted: a sensitive one is told apart."""
    return PREFIX + name if not name.startswith(PREFIX) and is_sensitive(name) else name
