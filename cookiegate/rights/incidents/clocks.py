"""The clocks of an accident: until when the authority hears of it, and the persons affected.

Source: APPI article 26 and Enforcement Rules articles 7, 8 (preliminary report promptly, taken as three to five days;
final report within thirty days, sixty where an improper purpose is suspected); GDPR article 33 (72 hours).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cause = Literal["attack", "misuse", "misdelivery", "misconfiguration", "loss", "tampering", "unknown"]
CAUSES: dict[Cause, str] = {
    "attack": "someone broke in",
    "misuse": "someone with access took data",
    "misdelivery": "data was sent to the wrong person",
    "misconfiguration": "data was open to others",
    "loss": "a device, a medium or data was lost",
    "tampering": "data was changed",
    "unknown": "not known yet",
}
#: An improper purpose is suspected: the final report has sixty days.
IMPROPER: frozenset[Cause] = frozenset({"attack", "misuse", "tampering"})
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment and what is due by then; ``law`` names the article."""

    key: Literal["appi_preliminary_from", "appi_preliminary", "gdpr_authority", "appi_final"]
    law: str
    at_ms: int


def deadlines(cause: Cause, known_at_ms: int) -> list[Deadline]:
    """What is due when, in order of time.

    Args:
        cause: decides between thirty and sixty days.
        known_at_ms: when anyone of the operator's staff learned of it, milliseconds since the epoch.
    """
    final_days = 60 if cause in IMPROPER else 30
    found = [
        Deadline("appi_preliminary_from", "APPI 26(1), Enforcement Rules 8(1)", known_at_ms + 3 * DAY_MS),
        Deadline("appi_preliminary", "APPI 26(1), Enforcement Rules 8(1)", known_at_ms + 5 * DAY_MS),
        Deadline("gdpr_authority", "GDPR 33(1)", known_at_ms + 72 * HOUR_MS),
        Deadline("appi_final", "APPI 26(1), Enforcement Rules 8(2)", known_at_ms + final_days * DAY_MS),
    ]
    return sorted(found, key=lambda item: item.at_ms)
