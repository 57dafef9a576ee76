"""Whether what decisions point at is what was published: policies, notices, files that visitors were served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from cookiegate.ledger.examining import Known
from cookiegate.ledger.findings import Findings
from cookiegate.storage.contract import NoticeRow, PolicyRow

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def check_documents(
    policies: Iterable[PolicyRow], notices: Iterable[NoticeRow], artifacts: Iterable[tuple[str, bytes]], found: Findings
) -> Known:
    """Checks every document against its digest.

    Args:
        policies: by site and version.
        notices: in any order.
        artifacts: digest (hex) and bytes.
        found: takes the findings.

    Returns:
        What decisions may point at.
    """
    _check_policies(policies, found)
    known = {(row.site, row.sha256): row.version for row in notices if _check_notice(row, found)}
    return Known(known, frozenset(digest for digest, body in artifacts if _check_artifact(digest, body, found)))


def _check_policies(policies: Iterable[PolicyRow], found: Findings) -> None:
    last: dict[str, int] = {}
    for row in policies:
        where, expected = f"policy {row.site}, version {row.version}", last.get(row.site, 0) + 1
        if _digest(row.document) != row.sha256 or _members(row.document).get("site") != row.site:
            found.add("policy_changed", where, "its document does not fit its digest and site")
        if row.version != expected:
            found.add("policy_changed", where, f"version {expected} is missing before it")
        last[row.site] = row.version


def _check_notice(row: NoticeRow, found: Findings) -> bool:
    body = _members(row.body)
    told = (body.get("site"), body.get("policy_version"), body.get("locale"))
    sound = _digest(row.body) == row.sha256 and told == (row.site, row.version, row.locale)
    if not sound:
        found.add(
            "notice_changed", f"notice {row.sha256}", "its text does not fit its digest, site, version and locale"
        )
    return sound


def _check_artifact(digest: str, body: bytes, found: Findings) -> bool:
    sound = _digest(body) == digest
    if not sound:
        found.add("artifact_changed", f"file {digest}", "its bytes do not fit its digest")
    return sound


def _digest(body: bytes) -> str:
    """The digest of stored bytes; none where somebody put a value of another kind in their place."""
    return hashlib.sha256(body).hexdigest() if isinstance(body, bytes) else ""


def _members(document: bytes) -> dict[str, Any]:
    try:
        return _decode(document)
    except (msgspec.MsgspecError, ValueError, TypeError):
        return {}
