"""The gate: checks a token, then lets through only the fields that it grants.

    from cookiegate.gate import Gate, Verifier

    gate = Gate(Verifier(jwks, audience="demo"), purpose="analytics")
    kept = gate.event({"consent_token": token, "event": "page_view", "url": url, "user_agent": agent})

The names load on first use, so that importing a part of the package costs only that part.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cookiegate.gate.gate import Gate
    from cookiegate.gate.request import AcceptedRequest, Filtered, TrackerRequest
    from cookiegate.tokens.statuses import StatusBook
    from cookiegate.tokens.verifying import Reason, Verdict, Verifier

_HOMES = {
    "AcceptedRequest": "cookiegate.gate.request",
    "Filtered": "cookiegate.gate.request",
    "Gate": "cookiegate.gate.gate",
    "Reason": "cookiegate.tokens.reasons",
    "StatusBook": "cookiegate.tokens.statuses",
    "TrackerRequest": "cookiegate.gate.request",
    "Verdict": "cookiegate.tokens.verifying",
    "Verifier": "cookiegate.tokens.verifying",
}

__all__ = [
    "AcceptedRequest",
    "Filtered",
    "Gate",
    "Reason",
    "StatusBook",
    "TrackerRequest",
    "Verdict",
    "Verifier",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(_HOMES[name]), name)
