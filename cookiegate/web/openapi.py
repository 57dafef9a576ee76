"""The API's description, made from the marshmallow schemas by apispec."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from cookiegate import __version__
from cookiegate.gate import trackers
from cookiegate.ledger.receipt_document import CONTEXT_FOLDER, CONTEXT_NAMES
from cookiegate.rights.delivery.streams import PAGE_MAX, STREAMS
from cookiegate.web import form_schemas, ledger_schemas, request_schemas, schemas, stream_schemas
from cookiegate.web.form_schemas import MULTIPART, URL_ENCODED, form_body
from cookiegate.web.openapi_parts import Parameter, json_answer, operation, other_answer, page_or_problem, problems
from cookiegate.web.routes import EVERY


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
NUMBER = _parameter("number", "path", "Number of the list.", type="integer", minimum=1)
REST = _parameter("rest", "path", "The tracker's own path.")
IDEMPOTENCY_KEY = _parameter(
    "Idempotency-Key",
    "header",
    "Random; the same one when the request is repeated.",
    required=True,
    pattern="^[A-Za-z0-9_-]{16,128}$",
)
PURPOSE = _parameter("purpose", "query", "What the data would be used for.", required=True, minLength=1)
SITE_QUERY = _parameter(
    "site", "query", "The token's audience; needed where several sites are served and the origin does not tell."
)
RECIPIENT = _parameter(
    "recipient", "query", "Key of the recipient that gets the data; provision to a third party is recorded first."
)
AGREED = _parameter("status", "query", "How a yes is said, for proxies that take only 200.", enum=["200", "204"])
ADDRESS = _parameter("path", "query", "The tracker's path that the body was sent to; its usual one if none is given.")
TRACKER = _parameter("tracker", "path", "The wire format.", enum=list(trackers.NAMES))
ENTRY = _parameter("entry", "path", "Id of a decision or of another entry.")
FROM_SIZE = _parameter("from", "query", "Size of the older tree.", required=True, type="integer", minimum=0)
TO_SIZE = _parameter("to", "query", "Size of the newer tree.", required=True, type="integer", minimum=0)
TILE_LEVEL = _parameter("level", "path", "Level of the tile, 0 for leaves.", type="integer")
TILE_PATH = _parameter("path", "path", "Number of the tile, such as `x001/067` or `273.p/112` (C2SP tlog-tiles).")
REFERENCE = _parameter("reference", "path", "The request's reference.", pattern="^R-[0-9A-Z]{4}-[0-9A-Z]{4}$")
CODE = _parameter("X-Request-Code", "header", "The code that was told with the reference.", required=True)
TOKEN_HEADER = _parameter("X-Consent-Token", "header", "The consent token; else query `ct`, else cookie `cg_token`.")

STREAM = _parameter("stream", "path", "What is to be done.", enum=list(STREAMS))
AFTER = _parameter(
    "after", "query", "Events above this sequence; else above what was acknowledged.",
    type="integer", minimum=0, maximum=2**53,
)  # fmt: skip
LIMIT = _parameter("limit", "query", "How many at most: 100 unless told.", type="integer", minimum=1, maximum=PAGE_MAX)
VERSION = _parameter("version", "query", "An earlier version, as it was published.", type="integer", minimum=1)
FROM = _parameter("from", "query", "The earlier version; else the one before `to`.", type="integer", minimum=1)
TO = _parameter("to", "query", "The later version; else the current one.", type="integer", minimum=1)
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
        "201": json_answer("Durable: decision, consent, receipt, token.", schemas.DecisionAnswerSchema),
        **problems(
            "body_malformed", "origin_denied", "site_unknown", "notice_stale", "body_too_large",
            "media_type_unsupported", "input_invalid", "rate_limited", "storage_unavailable",
        ),
    }  # fmt: skip
    decide = operation("consent", "Record a visitor's decision", answers, [SITE, IDEMPOTENCY_KEY], body)
    spec.path(f"{site}/decisions", operations={"post": decide})
    token = {
        "200": json_answer("A fresh token.", schemas.TokenAnswerSchema),
        **problems(
            "origin_denied", "consent_missing", "rate_limited", "body_malformed", "body_too_large",
            "media_type_unsupported", "input_invalid",
        ),
    }  # fmt: skip
    bound = {"required": False, "content": {"application/json": {"schema": schemas.TokenBodySchema}}}
    spec.path(f"{site}/token", operations={"post": operation("consent", "Refresh the token", token, [SITE], bound)})
    consent = {"200": json_answer("What holds now.", schemas.ConsentSchema), **problems("site_unknown")}
    spec.path(f"{site}/consent", operations={"get": operation("consent", "Read the consent", consent, [SITE])})
    notice = {"200": json_answer("What to show before asking.", schemas.NoticeSchema), **problems("site_unknown")}
    spec.path(f"{site}/notice", operations={"get": operation("consent", "Read the notice", notice, [SITE, LANG])})
    vendors = {"200": other_answer("The list.", "application/json"), **problems("site_unknown", "not_found")}
    listed = operation("consent", "Read the vendor list that the policy's pages use", vendors, [SITE])
    spec.path(f"{site}/list", operations={"get": listed})


def _describe_published(spec: APISpec) -> None:
    script = {"200": other_answer("The banner's script.", "text/javascript"), **problems("site_unknown")}
    for path, parameters, summary in (
        ("/w/{site}.js", [SITE], "The script tag's file, in a language that the visitor reads"),
        ("/w/{site}.{locale}.js", [SITE, LOCALE], "The script tag's file in one language"),
        ("/w/{site}.headless.js", [SITE], "The script without an interface, in a language that the visitor reads"),
        ("/w/{site}.headless.{locale}.js", [SITE, LOCALE], "The script without an interface in one language"),
        ("/w/{site}@{digest}.js", [SITE, DIGEST], "One immutable build, for script tags with integrity"),
    ):
        spec.path(path, operations={"get": operation("published", summary, script, parameters)})
    config = {"200": other_answer("Policy, notice and texts.", "application/json"), **problems("site_unknown")}
    described = operation("published", "What the script's file holds in another language", config, [SITE, LOCALE])
    spec.path("/w/{site}.{locale}.json", operations={"get": described})
    keys = {"200": other_answer("The key set (RFC 7517).", "application/jwk-set+json")}
    spec.path("/.well-known/jwks.json", operations={"get": operation("published", "Public keys", keys)})
    gpc = {"200": other_answer("The statement.", "application/json")}
    spec.path("/.well-known/gpc.json", operations={"get": operation("published", "Global Privacy Control", gpc)})
    status = {
        "200": other_answer("The signed list.", "application/statuslist+jwt"),
        "501": {"description": "`?time=` is not supported."},
        **problems("not_found"),
    }
    described = operation("published", "A token status list", status, [NUMBER])
    spec.path("/status/{number}", operations={"get": described})


def _describe_gate(spec: APISpec) -> None:
    refusals = problems("token_refused", "purpose_refused", "site_unknown", "input_invalid", "storage_unavailable")
    said = {"description": "Allowed; X-Consent-Scope, -Acquire and -Subject say what."}
    check = {"200": {**said}, "204": said, **refusals}
    parameters = [PURPOSE, RECIPIENT, SITE_QUERY, TOKEN_HEADER]
    operations = {
        method: operation("gate", "Forward-auth: may this request be logged?", check, [*parameters, AGREED])
        for method in map(str.lower, EVERY)
    }
    spec.path("/gate/check", operations=operations)
    strip = {
        "200": other_answer("The body with only what was granted, in the tracker's own type.", "*/*"),
        **refusals,
        **problems("site_unknown", "not_found", "body_too_large"),
    }
    body = {"required": True, "content": {"application/json": {"schema": {}}}}
    described = operation("gate", "Strip one tracker's body", strip, [TRACKER, ADDRESS, *parameters], body)
    spec.path("/gate/strip/{tracker}", operations={"post": described})
    content = other_answer("What the tracker expects; `X-Consent-Reason` says why something was dropped.", "*/*")
    collect = {
        **dict.fromkeys(("200", "202"), content),
        "204": {"description": content["description"]},
        **problems(
            "site_unknown",
            "not_found",
            "body_malformed",
            "body_too_large",
            "rate_limited",
            "upstream_unavailable",
            "upstream_slow",
            "storage_unavailable",
        ),
    }
    operations = {
        method: operation("gate", "The gate as the collector", collect, [TRACKER, REST])
        for method in map(str.lower, EVERY)
    }
    spec.path("/collect/{tracker}/{rest}", operations=operations)


def _describe_pages(spec: APISpec) -> None:
    page = {"200": other_answer("A page, usable without JavaScript.", "text/html"), **problems("site_unknown")}
    changed = {
        "200": other_answer("A refusal: the page, with its receipt in a form field.", "text/html"),
        "303": {"description": "Back to the page; `flash` says whether it was recorded."},
        **problems(
            "origin_denied", "site_unknown", "body_too_large", "input_invalid", "rate_limited", "storage_unavailable"
        ),
    }  # fmt: skip
    spec.path(
        "/preferences/{site}",
        operations={
            "get": operation("pages", "Current choice and how to change it", page, [SITE, LANG]),
            "post": operation(
                "pages", "Change the choice by form", changed, [SITE, LANG], form_body(form_schemas.ChoiceFormSchema)
            ),
        },
    )
    css = {"200": other_answer("Colours.", "text/css"), **problems("site_unknown")}
    spec.path("/preferences/{site}/theme.css", operations={"get": operation("pages", "The theme", css, [SITE])})


def _describe_notices(spec: APISpec) -> None:
    missing = problems("site_unknown", "not_found")
    page = {"200": other_answer("A page, usable without JavaScript.", "text/html"), **missing}
    feed = {"200": other_answer("The feed (RFC 4287).", "application/atom+xml"), **problems("site_unknown")}
    for path, summary, parameters, answers in (
        ("", "The whole notice, with what changed and every earlier version", [SITE, LANG, VERSION], page),
        ("/changes", "Every difference between two versions", [SITE, LANG, FROM, TO], page),
        ("/vendors", "The vendors that hear of choices by IAB TCF, with what each declared", [SITE, LANG], page),
        ("/changes.atom", "Announcements of changes", [SITE, LANG], feed),
    ):
        spec.path(f"/notice/{{site}}{path}", operations={"get": operation("pages", summary, answers, parameters)})


def _describe_records(spec: APISpec) -> None:
    path, form = "/v1/sites/{site}/record", "/preferences/{site}/record"
    brought = ("body_malformed", "body_too_large", "media_type_unsupported", "input_invalid", "receipt_invalid")
    found = {
        "200": {
            "description": "Everything: see disclosure.schema.json.",
            "content": {"application/json": {}, "text/csv": {}},
        },
        **problems(
            "origin_denied", "consent_missing", "record_erased", *brought, "rate_limited", "storage_unavailable"
        ),
    }
    done = {
        "200": json_answer("Done, durably.", schemas.RecordActSchema),
        **problems("origin_denied", "consent_missing", "record_erased", "on_hold", *brought, "rate_limited"),
    }
    body = {"content": {"application/json": {"schema": schemas.RecordBodySchema}}}
    read = {
        "get": operation("record", "Read what is recorded, by the handle", found, [SITE, LANG, FORM]),
        "post": operation("record", "Read what is recorded, by a receipt", found, [SITE, LANG, FORM], body),
    }
    spec.path(path, operations=read)
    act = operation("record", "Erase the record, restrict its use, or lift that", done, [SITE, ACT], body)
    spec.path(f"{path}/{{act}}", operations={"post": act})
    page = {
        "200": other_answer("A page, usable without JavaScript.", "text/html"),
        **problems("site_unknown", "not_found"),
    }
    button = form_body(form_schemas.RecordFormSchema, URL_ENCODED, MULTIPART)
    acted = {**found, "303": {"description": "Done; the page that says so."}, **page}
    acted["422"] = page_or_problem("The receipt, or the form, does not fit.")
    acted |= problems("origin_denied", "on_hold", "body_too_large")
    pages = {
        "get": operation("pages", "What is recorded about the visitor", page, [SITE, LANG]),
        "post": operation("pages", "Show, download, restrict or erase it by form", acted, [SITE, LANG], button),
    }
    spec.path(form, operations=pages)
    spec.path(f"{form}/erased", operations={"get": operation("pages", "What an erasure did", page, [SITE, LANG])})


def _describe_receipts(spec: APISpec) -> None:
    path = "/preferences/{site}/receipt"
    page = {"200": other_answer("The receipt, or a form to bring one.", "text/html"), **problems("site_unknown")}
    file = {"200": other_answer("The document, with its signed text.", "application/ld+json")}
    brought = {
        "200": {"description": "The receipt.", "content": {"text/html": {}, "application/ld+json": {}}},
        "422": page_or_problem("Not a receipt that can be accepted."),
        **problems("origin_denied", "site_unknown", "body_too_large", "rate_limited"),
    }
    body = form_body(form_schemas.ReceiptFormSchema, URL_ENCODED, MULTIPART)
    operations = {
        "get": operation("pages", "The receipt of the choice that holds", page, [SITE, LANG]),
        "post": operation("pages", "Show a receipt, or make its file", brought, [SITE, LANG], body),
    }
    spec.path(path, operations=operations)
    answers = {**file, **problems("site_unknown", "consent_missing")}
    spec.path(f"{path}.json", operations={"get": operation("pages", "The receipt as a file", answers, [SITE])})
    context = {"200": other_answer("The JSON-LD context.", "application/ld+json")}
    described = operation("published", "What the keys of a receipt mean", context)
    for name in CONTEXT_NAMES:
        spec.path(CONTEXT_FOLDER + name, operations={"get": described})


def _describe_ledger(spec: APISpec) -> None:
    text = {"200": other_answer("A signed note.", "text/plain"), **problems("not_sealed_yet")}
    spec.path("/ledger/checkpoint", operations={"get": operation("ledger", "The newest signed checkpoint", text)})
    key = {"200": other_answer("Name, hash and base64 of the key.", "text/plain")}
    spec.path("/ledger/key", operations={"get": operation("ledger", "The key that checkpoints are checked with", key)})
    proof = {
        "200": json_answer("The proof and the checkpoint that it leads to.", ledger_schemas.InclusionProofSchema),
        **problems("not_found", "not_sealed_yet", "ledger_damaged"),
    }
    spec.path("/ledger/proof/{entry}", operations={"get": operation("ledger", "Is it in the ledger?", proof, [ENTRY])})
    consistency = {
        "200": json_answer("The proof.", ledger_schemas.ConsistencyProofSchema),
        **problems("input_invalid", "not_sealed_yet", "ledger_damaged"),
    }
    described = operation("ledger", "Is the older tree part of the newer one?", consistency, [FROM_SIZE, TO_SIZE])
    spec.path("/ledger/consistency", operations={"get": described})
    tile = {
        "200": other_answer("Hashes of 32 bytes, at most 256.", "application/octet-stream"),
        **problems("not_found"),
    }
    described = operation("ledger", "Hashes of the tree", tile, [TILE_LEVEL, TILE_PATH])
    spec.path("/ledger/tile/{level}/{path}", operations={"get": described})


def _describe_streams(spec: APISpec) -> None:
    refusals = problems("subscriber_unknown", "stream_denied", "not_found", "input_invalid", "storage_unavailable")
    page = {"200": json_answer("Events, oldest first.", stream_schemas.StreamPageSchema), **refusals}
    reading = operation("streams", "What may no longer be used", page, [STREAM, AFTER, LIMIT, SECRET])
    spec.path("/v1/streams/{stream}", operations={"get": reading})
    erasures = operation("streams", "Whose data must be deleted: the stream `erase`", page, [AFTER, LIMIT, SECRET])
    spec.path("/v1/erasures", operations={"get": erasures})
    body = {"required": True, "content": {"application/json": {"schema": stream_schemas.AcknowledgementSchema}}}
    done = {
        "200": json_answer("Noted.", stream_schemas.AcknowledgedSchema),
        **refusals,
        **problems("body_malformed", "body_too_large", "media_type_unsupported"),
    }
    telling = operation("streams", "Acknowledge a stream up to a sequence", done, [STREAM, SECRET], body)
    spec.path("/v1/streams/{stream}/acks", operations={"post": telling})
    deleted = operation("streams", "Acknowledge deletions up to a sequence", done, [SECRET], body)
    spec.path("/v1/erasures/acks", operations={"post": deleted})


def _describe_requests(spec: APISpec) -> None:
    body = {"required": True, "content": {"application/json": {"schema": request_schemas.RequestBodySchema}}}
    taken = {
        "201": json_answer("Durable: reference, code, and where it stands.", request_schemas.RequestReceivedSchema),
        **problems(
            "body_malformed", "origin_denied", "site_unknown", "idempotency_conflict", "body_too_large",
            "media_type_unsupported", "input_invalid", "rate_limited", "storage_unavailable",
        ),
    }  # fmt: skip
    ask = operation("requests", "Exercise a right", taken, [SITE, IDEMPOTENCY_KEY], body)
    spec.path("/v1/sites/{site}/requests", operations={"post": ask})
    stands = {
        "200": json_answer("Where it stands.", request_schemas.RequestSchema),
        **problems("not_found", "rate_limited"),
    }
    look = operation("requests", "See where a request stands", stands, [SITE, REFERENCE, CODE])
    spec.path("/v1/sites/{site}/requests/{reference}", operations={"get": look})
    page = {"200": other_answer("A page, usable without JavaScript.", "text/html"), **problems("site_unknown")}
    sent = {
        "201": other_answer("Reference and code, shown once.", "text/html"),
        "422": other_answer("The form again, with what does not fit.", "text/html"),
        **problems("origin_denied", "site_unknown", "body_too_large", "rate_limited", "storage_unavailable"),
    }
    form = {
        "get": operation("requests", "The form", page, [SITE, LANG]),
        "post": operation(
            "requests", "Exercise a right by form", sent, [SITE, LANG], form_body(form_schemas.RequestFormSchema)
        ),
    }
    spec.path("/preferences/{site}/request", operations=form)
    served = {"200": page["200"], **problems("origin_denied", "body_too_large", "rate_limited")}
    served |= {
        "404": page_or_problem("No such request, or another code."),
        "422": other_answer("What is wrong.", "text/html"),
    }
    press, button = (
        form_body(form_schemas.StatusFormSchema, URL_ENCODED, MULTIPART),
        form_body(form_schemas.ConfirmFormSchema),
    )
    status = {
        "get": operation("requests", "A page that asks for the code", page, [SITE, REFERENCE, LANG]),
        "post": operation("requests", "The status page and its buttons", served, [SITE, REFERENCE, LANG], press),
    }
    spec.path("/preferences/{site}/request/{reference}", operations=status)
    confirm = {
        "get": operation("requests", "Behind the mailed link: a button", served, [SITE, REFERENCE, LANG]),
        "post": operation("requests", "Confirm the e-mail address", served, [SITE, REFERENCE, LANG], button),
    }
    spec.path("/preferences/{site}/request/{reference}/confirm", operations=confirm)


def _describe_operations(spec: APISpec) -> None:
    health = {"200": json_answer("Well.", schemas.HealthSchema)}
    ready = {**health, "503": json_answer("Not ready; the checks say why.", schemas.HealthSchema)}
    spec.path("/healthz", operations={"get": operation("operations", "The process answers", health)})
    spec.path("/readyz", operations={"get": operation("operations", "The service can do its work", ready)})
    text = {"200": other_answer("Counters.", "text/plain")}
    spec.path("/metrics", operations={"get": operation("operations", "Prometheus metrics", text)})
    document = {"200": other_answer("This document.", "application/json")}
    spec.path("/openapi.json", operations={"get": operation("operations", "The API's description", document)})
    page = {"200": other_answer("This document, to read.", "text/html")}
    spec.path("/openapi", operations={"get": operation("operations", "The API's description as a page", page)})
