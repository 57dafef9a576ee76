"""Google Analytics 4's collect endpoint, by what is documented of it; it was not seen on the wire here.

One event is in the address; several are lines of the body, and the address holds what they share. Event parameters
(``ep.``, ``epn.``) and user properties (``up.``, ``upn.``) are what a site makes of them: they pass once the policy's
``collectors.ga4.fields`` maps them (``ep.plan: event``).
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.gate.trackers.table import Answer, Route, TrackerTable

_BY_CATEGORY: Mapping[str, str] = {
    "event": "v tid gtm en _s _z _ee _eu _dbg cu epn.value ep.currency ep.transaction_id gcs gcd npa dma tag_exp",
    "ip": "_uip",
    "device": "uaa uab uafvl uam uamb uap uapv uaw",
    "language": "ul",
    "screen": "sr vp",
    "browsing": (
        "dl dr dt dp dh _et ep.page_location ep.page_referrer ep.page_title epn.percent_scrolled ep.link_url"
        " ep.link_domain ep.link_text ep.link_id ep.link_classes ep.outbound ep.search_term ep.file_name"
        " ep.file_extension"
    ),
    "identifier": "_p cid uid sid sct seg _fv _nsi _ss ecid fid gclid",
    "other": "tz tfd frm pscdl are",
}
_ANSWER = Answer(204)

TABLE = TrackerTable(
    name="ga4",
    routes=(
        Route("POST", "/g/collect", "lines", _ANSWER),
        Route("GET", "/g/collect", "query", _ANSWER),
    ),
    content_type="text/plain;charset=UTF-8",
    fields={name: category for category, names in _BY_CATEGORY.items() for name in names.split()},
    flat=True,
    type_field="en",
    token_fields=("ep.consent_token", "consent_token"),
    id_fields=("cid", "uid", "sid"),
    binding_fields=("cid",),
)
