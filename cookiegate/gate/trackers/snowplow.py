"""Snowplow's tracker protocol, as ``@snowplow/browser-tracker`` 4.10.1 speaks it, and its documented parameters.

Every value is text. Contexts and self-describing events are JSON in a field, plain (``co``, ``ue_pr``) or base64url
(``cx``, ``ue_px``).
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.gate.trackers.table import Answer, Document, Route, TimeField, TrackerTable

_VENDOR = "com.snowplowanalytics.snowplow"
_CONTEXTS = f"iglu:{_VENDOR}/contexts/jsonschema/1-0-0"
_UNSTRUCT = f"iglu:{_VENDOR}/unstruct_event/jsonschema/1-0-0"
#: The smallest transparent GIF: what the collector's pixel answers.
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

_BY_CATEGORY: Mapping[str, str] = {
    "event": (
        "e eid aid tna p tv dtm stm ttm"
        " se_ca se_ac se_la se_pr se_va"
        " tr_id tr_af tr_tt tr_tx tr_sh tr_ci tr_st tr_co tr_cu"
        " ti_id ti_sk ti_nm ti_ca ti_pr ti_qu ti_cu tid"
    ),
    "ip": "ip",
    "device": "ua cookie f_pdf f_qt f_realp f_wma f_dir f_fla f_java f_gears f_ag",
    "language": "lang",
    "screen": "res vp ds cd",
    "browsing": "url refr page pp_mix pp_max pp_miy pp_may",
    "identifier": "duid nuid tnuid uid sid vid fp mac",
    "other": "tz cs",
}


def _schema(name: str, model: int = 1, **categories: str) -> tuple[str, dict[str, str]]:
    fields = {member: category for category, members in categories.items() for member in members.split()}
    return f"{_VENDOR}/{name}/jsonschema/{model}", fields


_SCHEMAS = dict(
    [
        # Contexts that the tracker itself adds.
        _schema("web_page", identifier="id"),
        _schema("application", event="version"),
        _schema("activity_metrics", browsing="mouseDistance scrollDistance keyPresses clicks touches"),
        _schema(
            "browser_context",
            2,
            screen="viewport documentSize resolution colorDepth devicePixelRatio",
            device="cookiesEnabled webdriver deviceMemory hardwareConcurrency",
            language="browserLanguage",
            browsing="documentLanguage",
            other="online",
            identifier="tabId",
        ),
        _schema(
            "client_session",
            identifier="userId sessionId eventIndex sessionIndex previousSessionId firstEventId firstEventTimestamp",
            other="storageMechanism",
        ),
        # Events that the tracker has a function for. Typed form values (`value`, `elements`) are not known on purpose.
        _schema("link_click", browsing="targetUrl elementId elementClasses elementTarget elementContent"),
        _schema("button_click", browsing="label id classes name"),
        _schema("screen_view", browsing="name", identifier="id"),
        _schema("site_search", browsing="terms totalResults pageResults"),
        _schema("social_interaction", event="action network", browsing="target"),
        _schema("focus_form", browsing="formId elementId nodeName elementClasses elementType"),
        _schema("change_form", browsing="formId elementId nodeName elementClasses type"),
        _schema("submit_form", browsing="formId formClasses"),
        _schema("add_to_cart", event="sku quantity name category unitPrice currency"),
        _schema("remove_from_cart", event="sku quantity name category unitPrice currency"),
        _schema(
            "ad_impression",
            event="impressionId costModel cost bannerId zoneId advertiserId campaignId",
            browsing="targetUrl",
        ),
        _schema(
            "ad_click",
            event="clickId costModel cost bannerId zoneId impressionId advertiserId campaignId",
            browsing="targetUrl",
        ),
        _schema(
            "ad_conversion",
            event="conversionId costModel cost category action property initialValue advertiserId campaignId",
        ),
        _schema("consent_granted", event="expiry"),
        _schema("consent_withdrawn", event="all"),
        _schema("consent_document", event="id version name description"),
    ]
)

TABLE = TrackerTable(
    name="snowplow",
    routes=(
        Route(
            "POST",
            f"/{_VENDOR}/tp2",
            "body",
            Answer(200, {"content-type": "text/plain; charset=utf-8"}, b"ok"),
            list_at="data",
            envelope={"schema": f"iglu:{_VENDOR}/payload_data/jsonschema/1-0-4"},
        ),
        Route("GET", "/i", "query", Answer(200, {"content-type": "image/gif"}, _PIXEL)),
    ),
    content_type="application/json; charset=UTF-8",
    fields={name: category for category, names in _BY_CATEGORY.items() for name in names.split()},
    # Asks the collector not to look at address and cookie.
    headers={"sp-anonymous": "event"},
    # The collector's own network user id; every other cookie of the site is none of its business.
    cookies={"sp": "identifier"},
    type_field="e",
    types=frozenset({"pv", "pp", "se", "ue", "tr", "ti"}),
    token_fields=("consent_token",),
    documents={
        "co": Document("contexts", base64=False, wrapper=_CONTEXTS),
        "cx": Document("contexts", base64=True, wrapper=_CONTEXTS),
        "ue_pr": Document("event", base64=False, wrapper=_UNSTRUCT, of_type="ue"),
        "ue_px": Document("event", base64=True, wrapper=_UNSTRUCT, of_type="ue"),
    },
    schemas=_SCHEMAS,
    token_schema="iglu:jp.cookiegate/consent/jsonschema/1-0-0",  # noqa: S106  a schema's name
    id_fields=("duid", "nuid", "uid", "sid"),
    # The true time wins over the device's, as in the collector's own enrichment.
    time_fields=(TimeField("ttm", "ms_text"), TimeField("dtm", "ms_text")),
    binding_fields=("duid",),
)
