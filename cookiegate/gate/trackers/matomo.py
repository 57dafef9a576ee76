"""Matomo's tracking API, as ``matomo.js`` 5 speaks it by its documentation, and the documented parameters.

Everything is a query: in the address (image and beacon), in a form, or as texts in a list (bulk). ``token_auth`` is
what a server of one's own needs to tell addresses and times; browsers never send it.
Custom dimensions and variables are what a site makes of them: they pass once the policy's ``collectors.matomo.fields``
maps them (``dimension1: event``).
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.gate.trackers.table import Answer, Route, TimeField, TrackerTable

_BY_CATEGORY: Mapping[str, str] = {
    "event": (
        "idsite rec apiv rand r send_image queuedtracking ping ca token_auth bots new_visit"
        " e_c e_a e_n e_v idgoal revenue"
        " ec_id ec_items ec_st ec_tx ec_sh ec_dt _pks _pkn _pkc _pkp pk_s"
        " ma_id ma_mt ma_le"
        " cdt cdo"
    ),
    "ip": "cip",
    "device": "ua uadata pdf qt realp wma fla java dir gears ag cookie",
    "language": "lang",
    "screen": "res ma_w ma_h ma_fs",
    "browsing": (
        "url urlref action_name link download search search_cat search_count"
        " c_n c_p c_t c_i _rcn _rck _ref _refts ma_ti ma_re ma_pn ma_st ma_ttp ma_ps ma_se"
    ),
    "identifier": "_id _idn _idts _idvc _viewts uid cid pv_id",
    "other": "h m s cs pf_net pf_srv pf_tfr pf_dm1 pf_dm2 pf_onl gt_ms",
}
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_IMAGE = Answer(200, {"content-type": "image/gif"}, _PIXEL)
_SILENT = Answer(204)
_FORM = "application/x-www-form-urlencoded; charset=UTF-8"


def _routes(path: str) -> tuple[Route, ...]:
    return (
        # What matomo.js sends by default: a beacon with everything in the address.
        Route("POST", path, "query", _SILENT),
        Route("POST", path, "form", _SILENT, content_type=_FORM),
        Route(
            "POST",
            path,
            "body",
            Answer(200, {"content-type": "application/json"}, b'{"status":"success","tracked":1,"invalid":0}'),
            list_at="requests",
            items="query",
            members={"token_auth": "event", "send_image": "event"},
        ),
        Route("GET", path, "query", _IMAGE),
    )


TABLE = TrackerTable(
    name="matomo",
    routes=tuple(route for path in ("/matomo.php", "/piwik.php") for route in _routes(path)),
    content_type="application/json",
    fields={name: category for category, names in _BY_CATEGORY.items() for name in names.split()},
    token_fields=("consent_token", "ct"),
    id_fields=("_id", "uid", "cid", "pv_id"),
    time_fields=(
        TimeField("cdt", "s_text"),
        TimeField("cdt", "rfc3339"),
        TimeField("cdo", "s_text", is_age=True),
    ),
    binding_fields=("_id", "cid"),
    binding_same=("_id", "cid"),
)
