"""The one tree of errors. Each has a stable code, a plain sentence and its evidence.

Only ``web/errors.py`` knows what HTTP status belongs to a code; only ``cli/`` knows exit codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class CookiegateError(Exception):
    """Something that cookiegate refuses or cannot do.

    Args:
        detail: a sentence for a person: what is wrong, and what to do about it. It never holds a secret,
            an address or a token, nor text from a driver where visitors may read it.
        evidence: machine-readable facts (field names, versions, epochs), safe to publish.
    """

    code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str, **evidence: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.evidence: Mapping[str, object] = evidence


class SettingsError(CookiegateError):
    """The environment asks for something impossible; the start stops."""

    code = "settings_invalid"


class ClockImplausibleError(CookiegateError):
    """The machine's clock cannot be believed, so nothing is destroyed because of its age."""

    code = "clock_implausible"


class KeyFileError(CookiegateError):
    """A key file is missing, garbled or readable by others."""

    code = "key_file_invalid"


class KeyStateError(CookiegateError):
    """A key cannot take the state asked for; ``evidence["kid"]`` names it."""

    code = "key_state_invalid"


class StatusListError(CookiegateError):
    """A status list token that cannot be trusted: wrong signature, other list, expired, or not a list at all."""

    code = "status_list_invalid"


class SourceUnreadableError(CookiegateError):
    """A file or an address that a command was told to read cannot be read, or holds something else."""

    code = "source_unreadable"


class OutputRefusedError(CookiegateError):
    """A file that a command was told to write is there already, or cannot be written."""

    code = "output_refused"


class BackupError(CookiegateError):
    """A backup that cannot be made (already there, the disk is full) or used (cut, changed, of a newer version)."""

    code = "backup_failed"


class RestoreRefusedError(CookiegateError):
    """A restore that would overwrite a record, or that lacks the keys; nothing was changed."""

    code = "restore_refused"


class PolicyError(CookiegateError):
    """A policy document that cannot be used; ``evidence["faults"]`` lists every fault."""

    code = "policy_invalid"


class StorageError(CookiegateError):
    """The record cannot be read or written now; nothing was half-written, and a retry is safe."""

    code = "storage_unavailable"


class RecordDamagedError(CookiegateError):
    """Bytes of the record are not what was written; ``evidence`` names the place. Nothing is signed over it."""

    code = "record_damaged"


class LedgerDamagedError(RecordDamagedError):
    """The sealed ledger contradicts itself or its records: nothing more is signed until it is restored."""

    code = "ledger_damaged"


class CheckpointError(CookiegateError):
    """A signed note, checkpoint or key text that cannot be read or trusted."""

    code = "checkpoint_invalid"


class NotSealedYetError(CookiegateError):
    """It is recorded, but not in the ledger's tree yet; that takes at most a second."""

    code = "not_sealed_yet"


class SiteUnknownError(CookiegateError):
    """No policy is published for this site."""

    code = "site_unknown"


class InvalidInputError(CookiegateError):
    """A request that does not fit its schema; ``evidence["errors"]`` maps each field to its faults."""

    code = "input_invalid"


class MalformedBodyError(CookiegateError):
    """A body that is not the JSON document it claims to be: bad UTF-8, bad syntax, too deep."""

    code = "body_malformed"


class BodyTooLargeError(CookiegateError):
    """A body past the cap."""

    code = "body_too_large"


class MediaTypeError(CookiegateError):
    """A body of a media type that this address does not take."""

    code = "media_type_unsupported"


class OriginDeniedError(CookiegateError):
    """A browser request from an origin that the site's policy does not list."""

    code = "origin_denied"


class BotDeniedError(CookiegateError):
    """A self-declared robot cannot consent."""

    code = "bot_denied"


class NoticeStaleError(CookiegateError):
    """The decision was made under a notice that is not the current one; show the new notice and ask again."""

    code = "notice_stale"


class EpochStaleError(CookiegateError):
    """Someone changed this consent since the page read it; ``evidence["epoch"]`` is the current epoch."""

    code = "epoch_stale"


class IdempotencyConflictError(CookiegateError):
    """The idempotency key was used before, with another body."""

    code = "idempotency_conflict"


class RequestStepError(CookiegateError):
    """A step that a request cannot take now; ``evidence`` has its ``state`` and the steps that are ``possible``."""

    code = "request_step_impossible"


class RequestGroundError(CookiegateError):
    """A decision on a request without a ground that fits; ``evidence["possible"]`` lists those that do."""

    code = "request_ground_unfit"


class ReceiptInvalidError(CookiegateError):
    """A text that is no receipt of this service; ``evidence["reason"]`` is one word for what is wrong with it."""

    code = "receipt_invalid"


class RecordErasedError(CookiegateError):
    """A genuine receipt of a record that was erased; ``evidence`` has its ``entry`` in the ledger, if there is one."""

    code = "record_erased"


class ConsentMissingError(CookiegateError):
    """No consent holds for this visitor, so there is no token to give."""

    code = "consent_missing"


class ConsentRestrictedError(CookiegateError):
    """The person had the use of their data restricted; until they lift that, there is no token to give."""

    code = "consent_restricted"


class OnHoldError(CookiegateError):
    """A legal hold keeps this; ``evidence`` has the ``hold`` and its coded ``ground``. Nothing was erased."""

    code = "on_hold"


class SubscriberDeniedError(CookiegateError):
    """Nobody that follows a stream has this secret."""

    code = "subscriber_unknown"


class StreamDeniedError(CookiegateError):
    """The subscriber does not follow this stream."""

    code = "stream_denied"


class RateLimitedError(CookiegateError):
    """Too many requests; ``evidence["retry_after_s"]`` says when to come back."""

    code = "rate_limited"


class SlowBodiesError(CookiegateError):
    """Too many clients send their bodies slowly at once; one that comes in one piece is read in a moment."""

    code = "bodies_slow"


class NotFoundError(CookiegateError):
    """Nothing lives at this address."""

    code = "not_found"


class OfficerDeniedError(CookiegateError):
    """Whoever acts is not an officer who may do this."""

    code = "officer_denied"


class LookupStateError(CookiegateError):
    """A break-glass look-up cannot take this step now: not approved, expired, or approved by the same person."""

    code = "lookup_state_invalid"


class IncidentStateError(CookiegateError):
    """An accident's file cannot take this step now."""

    code = "incident_state_invalid"
