"""The API's description, made from the marshmallow schemas by apispec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from cookiegate import __version__
from cookiegate.gate import trackers
from cookiegate.rights.delivery.streams import STREAMS
from cookiegate.web import ledger_schemas, request_schemas, schemas, stream_schemas
from cookiegate.web.problems import PROBLEM, PROBLEMS

Parameter = dict[str, Any]


def _parameter(name: str, where: str, description: str, *, required: bool = False, **schema: Any) -> Parameter:
    return {
        "name": name,
        "in": where,
        "required": required or where == "path",
        "schema": {"type": "string", **schema},
        "description": description,
    }


SITE = _parameter("site", "path", "The site's id.")
LANG = _parameter("lang", "query", "A locale of the policy, such as `ja`.")
LOCALE = _parameter("locale", "path", "A locale of the policy, such as `ja`.")
DIGEST = _parameter("digest", "path", "SHA-256 of the file, hex.")
NUMBER = _parameter("number", "path", "Number of the list.", type="integer")
REST = _parameter("rest", "path", "The tracker's own path.")
IDEMPOTENCY_KEY = _parameter(
    "Idempotency-Key",
    "header",
    "Random; the same one when the request is repeated.",
    required=True,
    pattern="^[A-Za-z0-9_-]{16,128}$",
)
PURPOSE = _parameter("purpose", "query", "What the data would be used for.", required=True)
SITE_QUERY = _parameter(
    "site", "query", "The token's audience; needed where several sites are served and the origin does not tell."
)
RECIPIENT = _parameter(
    "recipient", "query", "Key of the recipient that gets the data; provision to a third party is recorded first."
)
TRACKER = _parameter("tracker", "path", "The wire format.", enum=list(trackers.NAMES))
ENTRY = _parameter("entry", "path", "Id of a decision or of another entry.")
FROM_SIZE = _parameter("from", "query", "Size of the older tree.", required=True, type="integer")
TO_SIZE = _parameter("to", "query", "Size of the newer tree.", required=True, type="integer")
TILE_LEVEL = _parameter("level", "path", "Level of the tile, 0 for leaves.", type="integer")
TILE_PATH = _parameter("path", "path", "Number of the tile, such as `x001/067` or `273.p/112` (C2SP tlog-tiles).")
REFERENCE = _parameter("reference", "path", "The request's reference.", pattern="^R-[0-9A-Z]{4}-[0-9A-Z]{4}$")
CODE = _parameter("X-Request-Code", "header", "The code that was told with the reference.", required=True)
TOKEN_HEADER = _parameter("X-Consent-Token", "header", "The consent token; else query `ct`, else cookie `cg_token`.")

STREAM = _parameter("stream", "path", "What is to be done.", enum=list(STREAMS))
AFTER = _parameter("after", "query", "Events above this sequence; else above what was acknowledged.", type="integer")
LIMIT = _parameter("limit", "query", "How many at most: 100 unless told, up to 1000.", type="integer")
VERSION = _parameter("version", "query", "An earlier version, as it was published.", type="integer")
FROM = _parameter("from", "query", "The earlier version; else the one before `to`.", type="integer")
TO = _parameter("to", "query", "The later version; else the current one.", type="integer")
FORM = _parameter("format", "query", "`json` unless told.", enum=["json", "csv"])
ACT = _parameter("act", "path", "What is to be done.", enum=["erase", "restrict", "lift"])
SECRET = _parameter("Authorization", "header", "`Bearer` and the subscriber's secret.", required=True)


def describe_api(base_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of this version."""
    spec = APISpec(
        title="cookiegate",
        version=__version__,
        openapi_version="3.1.0",
        info={"description": "Consent that the pipeline can check.", "license": {"name": "Apache-2.0"}},
        servers=[{"url": base_url}],
        plugins=[MarshmallowPlugin()],
    )
    _describe_consent(spec)
    _describe_published(spec)
    _describe_gate(spec)
    _describe_pages(spec)
    _describe_receipts(spec)
    _describe_notices(spec)
    _describe_records(spec)
    _describe_ledger(spec)
    _describe_streams(spec)
    _describe_requests(spec)
    _describe_operations(spec)
    document: dict[str, Any] = spec.to_dict()
    return document


def _describe_consent(spec: APISpec) -> None:
    site = "/v1/sites/{site}"
    body = {"required": True, "content": {"application/json": {"schema": schemas.DecisionBodySchema}}}
    answers = {
        "201": _json("Durable: decision, consent, receipt, token.", schemas.DecisionAnswerSchema),
        **_problems(
            "body_malformed", "origin_denied", "site_unknown", "notice_stale", "body_too_large",
            "media_type_unsupported", "input_invalid", "rate_limited", "storage_unavailable",
        ),
    }  # fmt: skip
    decide = _operation("consent", "Record a visitor's decision", answers, [SITE, IDEMPOTENCY_KEY], body)
    spec.path(f"{site}/decisions", operations={"post": decide})
    token = {
        "200": _json("A fresh token.", schemas.TokenAnswerSchema),
        **_problems("origin_denied", "consent_missing", "rate_limited"),
    }
    spec.path(f"{site}/token", operations={"post": _operation("consent", "Refresh the token", token, [SITE])})
    consent = {"200": _json("What holds now.", schemas.ConsentSchema), **_problems("site_unknown")}
    spec.path(f"{site}/consent", operations={"get": _operation("consent", "Read the consent", consent, [SITE])})
    notice = {"200": _json("What to show before asking.", schemas.NoticeSchema), **_problems("site_unknown")}
    spec.path(f"{site}/notice", operations={"get": _operation("consent", "Read the notice", notice, [SITE, LANG])})


def _describe_published(spec: APISpec) -> None:
    script = {"200": _other("The banner's script.", "text/javascript"), **_problems("site_unknown")}
    for path, parameters, summary in (
        ("/w/{site}.js", [SITE], "The script tag's file, in a language that the visitor reads"),
        ("/w/{site}.{locale}.js", [SITE, LOCALE], "The script tag's file in one language"),
        ("/w/{site}@{digest}.js", [SITE, DIGEST], "One immutable build, for script tags with integrity"),
    ):
        spec.path(path, operations={"get": _operation("published", summary, script, parameters)})
    keys = {"200": _other("The key set (RFC 7517).", "application/jwk-set+json")}
    spec.path("/.well-known/jwks.json", operations={"get": _operation("published", "Public keys", keys)})
    gpc = {"200": _other("The statement.", "application/json")}
    spec.path("/.well-known/gpc.json", operations={"get": _operation("published", "Global Privacy Control", gpc)})
    status = {
        "200": _other("The signed list.", "application/statuslist+jwt"),
        "501": {"description": "`?time=` is not supported."},
        **_problems("not_found"),
    }
    operation = _operation("published", "A token status list", status, [NUMBER])
    spec.path("/status/{number}", operations={"get": operation})


def _describe_gate(spec: APISpec) -> None:
    refusals = _problems("token_refused", "purpose_refused", "input_invalid", "storage_unavailable")
    check = {"204": {"description": "Allowed; X-Consent-Scope, -Acquire and -Subject say what."}, **refusals}
    parameters = [PURPOSE, RECIPIENT, SITE_QUERY, TOKEN_HEADER]
    operations = {
        method: _operation("gate", "Forward-auth: may this request be logged?", check, parameters)
        for method in ("get", "post")
    }
    spec.path("/gate/check", operations=operations)
    strip = {
        "200": _other("The body with only what was granted.", "application/json"),
        **refusals,
        **_problems("not_found", "body_too_large"),
    }
    body = {"required": True, "content": {"application/json": {"schema": {}}}}
    operation = _operation("gate", "Strip one tracker's body", strip, [TRACKER, *parameters], body)
    spec.path("/gate/strip/{tracker}", operations={"post": operation})
    content = _other("What the tracker expects; `X-Consent-Reason` says why something was dropped.", "*/*")
    collect = {
        **dict.fromkeys(("200", "202", "204"), content),
        **_problems("not_found", "body_too_large", "rate_limited", "upstream_unavailable", "storage_unavailable"),
    }
    operations = {
        method: _operation("gate", "The gate as the collector", collect, [TRACKER, REST]) for method in ("get", "post")
    }
    spec.path("/collect/{tracker}/{rest}", operations=operations)


def _describe_pages(spec: APISpec) -> None:
    page = {"200": _other("A page, usable without JavaScript.", "text/html"), **_problems("site_unknown")}
    changed = {
        "200": _other("A refusal: the page, with its receipt in a form field.", "text/html"),
        "303": {"description": "Back to the page; `flash` says whether it was recorded."},
        **_problems("origin_denied", "body_too_large", "input_invalid", "rate_limited", "storage_unavailable"),
    }
    spec.path(
        "/preferences/{site}",
        operations={
            "get": _operation("pages", "Current choice and how to change it", page, [SITE, LANG]),
            "post": _operation("pages", "Change the choice by form", changed, [SITE, LANG]),
        },
    )
    css = {"200": _other("Colours.", "text/css")}
    spec.path("/preferences/{site}/theme.css", operations={"get": _operation("pages", "The theme", css, [SITE])})


def _describe_notices(spec: APISpec) -> None:
    page = {"200": _other("A page, usable without JavaScript.", "text/html"), **_problems("site_unknown", "not_found")}
    feed = {"200": _other("The feed (RFC 4287).", "application/atom+xml"), **_problems("site_unknown")}
    for path, summary, parameters, answers in (
        ("", "The whole notice, with what changed and every earlier version", [SITE, LANG, VERSION], page),
        ("/changes", "Every difference between two versions", [SITE, LANG, FROM, TO], page),
        ("/changes.atom", "Announcements of changes", [SITE, LANG], feed),
    ):
        spec.path(f"/notice/{{site}}{path}", operations={"get": _operation("pages", summary, answers, parameters)})


def _describe_records(spec: APISpec) -> None:
    path, form = "/v1/sites/{site}/record", "/preferences/{site}/record"
    found = {
        "200": {
            "description": "Everything: see disclosure.schema.json.",
            "content": {"application/json": {}, "text/csv": {}},
        },
        **_problems("consent_missing", "record_erased", "receipt_invalid", "rate_limited", "storage_unavailable"),
    }
    done = {
        "200": _json("Done, durably.", schemas.RecordActSchema),
        **_problems("origin_denied", "consent_missing", "record_erased", "on_hold", "receipt_invalid", "rate_limited"),
    }
    body = {"content": {"application/json": {"schema": schemas.RecordBodySchema}}}
    read = {
        "get": _operation("record", "Read what is recorded, by the handle", found, [SITE, LANG, FORM]),
        "post": _operation("record", "Read what is recorded, by a receipt", found, [SITE, LANG, FORM], body),
    }
    spec.path(path, operations=read)
    act = _operation("record", "Erase the record, restrict its use, or lift that", done, [SITE, ACT], body)
    spec.path(f"{path}/{{act}}", operations={"post": act})
    page = {"200": _other("A page, usable without JavaScript.", "text/html"), **_problems("site_unknown", "not_found")}
    pages = {
        "get": _operation("pages", "What is recorded about the visitor", page, [SITE, LANG]),
        "post": _operation("pages", "Show, download, restrict or erase it by form", page, [SITE, LANG]),
    }
    spec.path(form, operations=pages)
    spec.path(f"{form}/erased", operations={"get": _operation("pages", "What an erasure did", page, [SITE, LANG])})


def _describe_receipts(spec: APISpec) -> None:
    path = "/preferences/{site}/receipt"
    page = {"200": _other("The receipt, or a form to bring one.", "text/html"), **_problems("site_unknown")}
    file = {"200": _other("The document, with its signed text.", "application/ld+json")}
    brought = {
        "200": {"description": "The receipt.", "content": {"text/html": {}, "application/ld+json": {}}},
        **_problems("origin_denied", "site_unknown", "body_too_large", "receipt_invalid", "rate_limited"),
    }
    fields = {"receipt": {"type": "string"}, "file": {"type": "string"}, "format": {"enum": ["json"]}}
    body = {"content": {"multipart/form-data": {"schema": {"type": "object", "properties": fields}}}}
    operations = {
        "get": _operation("pages", "The receipt of the choice that holds", page, [SITE, LANG]),
        "post": _operation("pages", "Show a receipt, or make its file", brought, [SITE, LANG], body),
    }
    spec.path(path, operations=operations)
    answers = {**file, **_problems("site_unknown", "consent_missing")}
    spec.path(f"{path}.json", operations={"get": _operation("pages", "The receipt as a file", answers, [SITE])})
    context = {"200": _other("The JSON-LD context.", "application/ld+json")}
    operation = _operation("published", "What the keys of a receipt mean", context)
    spec.path("/ledger/contexts/receipt-1.jsonld", operations={"get": operation})


def _describe_ledger(spec: APISpec) -> None:
    text = {"200": _other("A signed note.", "text/plain"), **_problems("not_sealed_yet")}
    spec.path("/ledger/checkpoint", operations={"get": _operation("ledger", "The newest signed checkpoint", text)})
    key = {"200": _other("Name, hash and base64 of the key.", "text/plain")}
    spec.path("/ledger/key", operations={"get": _operation("ledger", "The key that checkpoints are checked with", key)})
    proof = {
        "200": _json("The proof and the checkpoint that it leads to.", ledger_schemas.InclusionProofSchema),
        **_problems("not_found", "not_sealed_yet", "ledger_damaged"),
    }
    spec.path("/ledger/proof/{entry}", operations={"get": _operation("ledger", "Is it in the ledger?", proof, [ENTRY])})
    consistency = {
        "200": _json("The proof.", ledger_schemas.ConsistencyProofSchema),
        **_problems("input_invalid", "not_sealed_yet", "ledger_damaged"),
    }
    operation = _operation("ledger", "Is the older tree part of the newer one?", consistency, [FROM_SIZE, TO_SIZE])
    spec.path("/ledger/consistency", operations={"get": operation})
    tile = {"200": _other("Hashes of 32 bytes, at most 256.", "application/octet-stream"), **_problems("not_found")}
    operation = _operation("ledger", "Hashes of the tree", tile, [TILE_LEVEL, TILE_PATH])
    spec.path("/ledger/tile/{level}/{path}", operations={"get": operation})


def _describe_streams(spec: APISpec) -> None:
    refusals = _problems("subscriber_unknown", "stream_denied", "not_found", "input_invalid", "storage_unavailable")
    page = {"200": _json("Events, oldest first.", stream_schemas.StreamPageSchema), **refusals}
    reading = _operation("streams", "What may no longer be used", page, [STREAM, AFTER, LIMIT, SECRET])
    spec.path("/v1/streams/{stream}", operations={"get": reading})
    body = {"required": True, "content": {"application/json": {"schema": stream_schemas.AcknowledgementSchema}}}
    done = {
        "200": _json("Noted.", stream_schemas.AcknowledgedSchema),
        **refusals,
        **_problems("body_malformed", "body_too_large", "media_type_unsupported"),
    }
    telling = _operation("streams", "Acknowledge a stream up to a sequence", done, [STREAM, SECRET], body)
    spec.path("/v1/streams/{stream}/acks", operations={"post": telling})


def _describe_requests(spec: APISpec) -> None:
    body = {"required": True, "content": {"application/json": {"schema": request_schemas.RequestBodySchema}}}
    taken = {
        "201": _json("Durable: reference, code, and where it stands.", request_schemas.RequestReceivedSchema),
        **_problems(
            "body_malformed", "origin_denied", "site_unknown", "idempotency_conflict", "body_too_large",
            "media_type_unsupported", "input_invalid", "rate_limited", "storage_unavailable",
        ),
    }  # fmt: skip
    ask = _operation("requests", "Exercise a right", taken, [SITE, IDEMPOTENCY_KEY], body)
    spec.path("/v1/sites/{site}/requests", operations={"post": ask})
    stands = {
        "200": _json("Where it stands.", request_schemas.RequestSchema),
        **_problems("not_found", "rate_limited"),
    }
    look = _operation("requests", "See where a request stands", stands, [SITE, REFERENCE, CODE])
    spec.path("/v1/sites/{site}/requests/{reference}", operations={"get": look})
    page = {"200": _other("A page, usable without JavaScript.", "text/html"), **_problems("site_unknown")}
    sent = {
        "201": _other("Reference and code, shown once.", "text/html"),
        "422": _other("The form again, with what does not fit.", "text/html"),
        **_problems("origin_denied", "rate_limited", "storage_unavailable"),
    }
    form = {
        "get": _operation("requests", "The form", page, [SITE, LANG]),
        "post": _operation("requests", "Exercise a right by form", sent, [SITE, LANG]),
    }
    spec.path("/preferences/{site}/request", operations=form)
    served = {"200": page["200"], **_problems("origin_denied", "not_found", "body_too_large", "rate_limited")}
    status = {
        "get": _operation("requests", "A page that asks for the code", page, [SITE, REFERENCE, LANG]),
        "post": _operation("requests", "The status page and its buttons", served, [SITE, REFERENCE, LANG]),
    }
    spec.path("/preferences/{site}/request/{reference}", operations=status)
    confirm = {
        "get": _operation("requests", "Behind the mailed link: a button", served, [SITE, REFERENCE, LANG]),
        "post": _operation("requests", "Confirm the e-mail address", served, [SITE, REFERENCE, LANG]),
    }
    spec.path("/preferences/{site}/request/{reference}/confirm", operations=confirm)


def _describe_operations(spec: APISpec) -> None:
    health = {"200": _json("Well.", schemas.HealthSchema)}
    ready = {**health, "503": _json("Not ready; the checks say why.", schemas.HealthSchema)}
    spec.path("/healthz", operations={"get": _operation("operations", "The process answers", health)})
    spec.path("/readyz", operations={"get": _operation("operations", "The service can do its work", ready)})
    text = {"200": _other("Counters.", "text/plain")}
    spec.path("/metrics", operations={"get": _operation("operations", "Prometheus metrics", text)})
    document = {"200": _other("This document.", "application/json")}
    spec.path("/openapi.json", operations={"get": _operation("operations", "The API's description", document)})
    page = {"200": _other("This document, to read.", "text/html")}
    spec.path("/openapi", operations={"get": _operation("operations", "The API's description as a page", page)})


def _operation(
    tag: str,
    summary: str,
    responses: dict[str, Any],
    parameters: Sequence[Parameter] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {"tags": [tag], "summary": summary, "responses": responses}
    if parameters:
        operation["parameters"] = list(parameters)
    if body:
        operation["requestBody"] = body
    return operation


def _json(description: str, schema: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _other(description: str, media_type: str) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {}}}


def _problems(*codes: str) -> dict[str, Any]:
    """Error answers by status; codes that share a status share an entry."""
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(PROBLEMS[code][0]), []).append(code)
    return {
        status: {
            "description": "Codes: " + ", ".join(f"`{code}`" for code in shared),
            "content": {PROBLEM: {"schema": schemas.ProblemSchema}},
        }
        for status, shared in by_status.items()
    }
