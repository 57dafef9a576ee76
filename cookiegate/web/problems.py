"""Errors as HTTP: the one place that knows which status belongs to which code (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from cookiegate.errors import CookiegateError
from cookiegate.web.call import Reply, json_reply

PROBLEM = "application/problem+json"

#: code -> (status, title). ``docs/reference/errors.md`` is held to this table by a test.
PROBLEMS: dict[str, tuple[int, str]] = {
    "body_malformed": (400, "The body cannot be read"),
    "idempotency_key_invalid": (400, "The Idempotency-Key header is missing or unusable"),
    "request_malformed": (400, "The request cannot be read"),
    "token_refused": (401, "The consent token is missing or not valid"),
    "subscriber_unknown": (401, "No subscriber has this secret"),
    "stream_denied": (403, "This stream is not followed by the subscriber"),
    "purpose_refused": (403, "The consent does not allow this"),
    "origin_denied": (403, "This origin is not allowed"),
    "bot_denied": (403, "Robots cannot consent"),
    "not_found": (404, "Nothing lives here"),
    "consent_restricted": (403, "The use of this consent is restricted"),
    "site_unknown": (404, "No such site"),
    "consent_missing": (404, "No consent holds"),
    "method_not_allowed": (405, "This method is not for this address"),
    "notice_stale": (409, "The notice is not the current one"),
    "epoch_stale": (409, "The consent was changed elsewhere"),
    "not_sealed_yet": (409, "It is not in the ledger yet"),
    "on_hold": (409, "A legal hold keeps this"),
    "idempotency_conflict": (409, "The Idempotency-Key was used for another body"),
    "request_step_impossible": (409, "The request cannot take this step now"),
    "record_erased": (410, "The record was erased"),
    "body_too_large": (413, "The body is too large"),
    "media_type_unsupported": (415, "The body's media type is not taken here"),
    "input_invalid": (422, "The input does not fit"),
    "receipt_invalid": (422, "The receipt cannot be accepted"),
    "request_ground_unfit": (422, "The ground does not fit the request"),
    "policy_invalid": (422, "The policy does not fit"),
    "rate_limited": (429, "Too many requests"),
    "internal_error": (500, "Something went wrong here"),
    "bodies_slow": (503, "Too many bodies are on their way slowly"),
    "ledger_damaged": (503, "The ledger was changed by someone else"),
    "record_damaged": (503, "The record was changed by someone else"),
    "storage_unavailable": (503, "The record cannot be reached now"),
    "upstream_unavailable": (502, "The collector behind the gate cannot be reached"),
    "upstream_busy": (503, "Too many events wait for the collector"),
    "upstream_slow": (504, "The collector behind the gate is too slow"),
}
WRONG_METHOD = "this address takes other methods; see the Allow header"
RETRY_AFTER_S = 1
_BY_STATUS = {
    400: "request_malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "media_type_unsupported",
    422: "input_invalid",
    429: "rate_limited",
}


def problem_document(code: str, detail: str, **evidence: Any) -> dict[str, Any]:
    """The members of a problem document.

    Source: RFC 9457. ``type`` names the code's anchor in the error reference.
    """
    status, title = PROBLEMS.get(code, PROBLEMS["internal_error"])
    return {
        "type": f"urn:cookiegate:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **evidence,
    }


def problem_reply(code: str, detail: str, **evidence: Any) -> Reply:
    """A problem document as an answer, with ``Retry-After`` where waiting helps."""
    document = problem_document(code, detail, **evidence)
    reply = json_reply(document, document["status"], PROBLEM)
    if document["status"] in (429, 503) or "retry_after_s" in evidence:
        reply.add("Retry-After", str(evidence.get("retry_after_s", RETRY_AFTER_S)))
    return reply


def reply_to_error(error: CookiegateError) -> Reply:
    """The answer to an error of ours."""
    if error.code not in PROBLEMS:
        return problem_reply("internal_error", "something went wrong here; the log has the details")
    return problem_reply(error.code, error.detail, **error.evidence)


def code_of_status(status: int) -> str:
    """The code for an error that the framework raised by status."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return "internal_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "request_malformed"
