"""Trackers that a page's script stops and starts by itself, each with the purpose that it serves."""

from __future__ import annotations

from collections.abc import Iterator

from cookiegate.policy.faults import Complaint, quoted, suggest
from cookiegate.policy.raw import Data, as_mapping, entries, purposes

#: Trackers that the widget has an adapter for: ``widget/src/parts/attach-<tracker>.js``.
ATTACHED = ("ga4", "matomo", "plausible", "posthog", "rudderstack", "segment", "snowplow", "umami")


def attached_purposes(data: Data) -> Iterator[Complaint]:
    """Every purpose that ``attach`` names is there, and is the one that the tracker declares as a collector."""
    keys = [key for _, one in purposes(data) if isinstance(key := one.get("key"), str)]
    collectors = as_mapping(data.get("collectors"))
    for tracker, purpose in entries(data.get("attach")):
        if not isinstance(purpose, str) or not keys:
            continue
        declared = as_mapping(collectors.get(tracker)).get("purpose")
        if purpose not in keys:
            message = f"There is no purpose {quoted(purpose)}."
            yield Complaint(message, suggest(purpose, keys), ("attach", tracker))
        elif isinstance(declared, str) and declared != purpose:
            message = f"As a collector, {quoted(tracker)} declares the purpose {quoted(declared)}."
            yield Complaint(message, f"Write {declared}, or correct `collectors`.", ("attach", tracker))
