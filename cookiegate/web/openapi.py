"""The API's description, made from the marshmallow schemas by apispec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from cookiegate import __version__
from cookiegate.gate import trackers
from cookiegate.web import schemas
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
TRACKER = _parameter("tracker", "path", "The wire format.", enum=list(trackers.NAMES))
TOKEN_HEADER = _parameter("X-Consent-Token", "header", "The consent token; else query `ct`, else cookie `cg_token`.")


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
    refusals = _problems("token_refused", "purpose_refused", "input_invalid")
    check = {"204": {"description": "Allowed; X-Consent-Scope, -Acquire and -Subject say what."}, **refusals}
    parameters = [PURPOSE, SITE_QUERY, TOKEN_HEADER]
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
    spec.path("/notice/{site}", operations={"get": _operation("pages", "The whole notice", page, [SITE, LANG])})


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
