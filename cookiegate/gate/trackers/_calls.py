"""The calls that Segment, RudderStack and Jitsu share: identify, page, track, group, alias, screen.

Properties and traits are what a site makes of them: only those that the trackers themselves fill in are known, and
others pass once the policy's ``collectors.<tracker>.fields`` maps them (``properties.plan: event``).
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.gate.trackers.table import TimeField

TYPES = frozenset({"page", "screen", "track", "identify", "group", "alias"})
#: Members of a batch around its calls.
BATCH_MEMBERS = {"writeKey": "event", "sentAt": "event"}
TOKEN_FIELDS = ("context.consent.token", "context.consentToken", "context.consent_token", "consent_token")
ID_FIELDS = ("anonymousId", "userId", "previousId", "groupId", "context.sessionId")
TIME_FIELDS = (TimeField("originalTimestamp", "rfc3339"), TimeField("timestamp", "rfc3339"))

_PAGE = "path referrer search title url hash host tab_url referring_domain initial_referrer initial_referring_domain"
_GROUPS: tuple[tuple[str, str, str], ...] = (
    # Parent, category, members.
    ("", "event", "type event messageId timestamp originalTimestamp sentAt writeKey version channel"),
    ("", "browsing", "name category"),
    ("", "identifier", "anonymousId userId previousId groupId"),
    ("integrations.", "event", "All"),
    ("_metadata.", "event", "bundled unbundled bundledIds"),
    ("properties.", "browsing", f"{_PAGE} name category"),
    ("properties.", "screen", "width height"),
    ("context.", "ip", "ip"),
    ("context.", "device", "userAgent"),
    ("context.", "language", "locale"),
    ("context.", "identifier", "sessionId sessionStart groupId"),
    ("context.", "other", "timezone"),
    ("context.library.", "event", "name version env variant"),
    ("context.app.", "event", "name version namespace build installType"),
    ("context.page.", "browsing", _PAGE),
    ("context.page.", "other", "encoding"),
    ("context.campaign.", "browsing", "name source medium term content id"),
    ("context.referrer.", "browsing", "type name url link"),
    ("context.screen.", "screen", "width height density innerWidth innerHeight"),
    ("context.os.", "device", "name version"),
    ("context.device.", "device", "type manufacturer model name"),
    ("context.device.", "identifier", "id advertisingId token"),
    ("context.network.", "other", "carrier wifi cellular bluetooth"),
    (
        "context.userAgentData.",
        "device",
        "mobile platform platformVersion architecture bitness model uaFullVersion wow64",
    ),
    ("context.userAgentData.brands.", "device", "brand version"),
    ("context.userAgentData.fullVersionList.", "device", "brand version"),
)
FIELDS: Mapping[str, str] = {
    f"{parent}{member}": category for parent, category, members in _GROUPS for member in members.split()
}
