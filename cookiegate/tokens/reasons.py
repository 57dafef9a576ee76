"""Why a token or an event was let through or not: a closed list that logs, headers and metrics share."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The one word for a verdict. ``docs/reference/gate.md`` explains each; a test holds the page to this list."""

    OK = "ok"
    TOKEN_MISSING = "token_missing"  # noqa: S105
    TOKEN_OVERSIZED = "token_oversized"  # noqa: S105
    TOKEN_MALFORMED = "token_malformed"  # noqa: S105
    ALGORITHM_DENIED = "algorithm_denied"
    TYPE_DENIED = "type_denied"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_INVALID = "signature_invalid"
    CLAIMS_INVALID = "claims_invalid"
    ISSUER_MISMATCH = "issuer_mismatch"
    AUDIENCE_MISMATCH = "audience_mismatch"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_NOT_YET_VALID = "token_not_yet_valid"  # noqa: S105
    LIFETIME_TOO_LONG = "lifetime_too_long"
    STATUS_UNAVAILABLE = "status_unavailable"
    WITHDRAWN = "withdrawn"
    EPOCH_STALE = "epoch_stale"
    POLICY_OUTDATED = "policy_outdated"
    PURPOSE_MISSING = "purpose_missing"
    PURPOSE_UNKNOWN = "purpose_unknown"
    PURPOSE_NOT_GRANTED = "purpose_not_granted"
    RECIPIENT_NOT_COVERED = "recipient_not_covered"
    TRACKER_MISMATCH = "tracker_mismatch"
    EVENT_MALFORMED = "event_malformed"
    EVENT_UNKNOWN = "event_unknown"
    BODY_TOO_LARGE = "body_too_large"
    ENCODING_UNKNOWN = "encoding_unknown"
    EVENT_TOO_EARLY = "event_too_early"
    EVENT_TOO_LATE = "event_too_late"
    BINDING_MISMATCH = "binding_mismatch"


class Denied(Exception):  # noqa: N818  a verdict on its way up, not an error of ours
    """Carries a denial out of a strict reader to the verdict; it never leaves the verifier or the gate."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
