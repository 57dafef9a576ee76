"""For operators: health, readiness, counters, and the API's own description."""

from __future__ import annotations

from functools import cache, partial

from flask import Blueprint, Response, make_response, render_template

from cookiegate.web.api_page import api_page
from cookiegate.web.call import json_reply
from cookiegate.web.metrics import CONTENT_TYPE
from cookiegate.web.openapi import describe_api
from cookiegate.web.readiness import Readiness
from cookiegate.web.service import Service
from cookiegate.web.views.responses import to_response


def make_operations_blueprint(service: Service) -> Blueprint:
    """Routes without visitors."""
    blueprint = Blueprint("operations", __name__)
    described = cache(partial(describe_api, service.settings.base_url))  # when first asked for
    readiness = Readiness(service.storage)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return to_response(json_reply({"status": "ok"}))

    @blueprint.get("/readyz")
    def readyz() -> Response:
        """The record can be written, a key can sign, a policy is published, the ledger is whole, withdrawals heard."""
        checks = {
            "record": readiness.record(),
            "keys": _keys(service),
            "policy": _policy(service),
            "ledger": _ledger(service),
            "withdrawals": "ok" if service.knowledge.is_fresh else "not_heard_lately",
        }
        ready = all(result == "ok" for result in checks.values())
        state = "ok" if ready else "unavailable"
        return to_response(json_reply({"status": state, "checks": checks}, 200 if ready else 503))

    @blueprint.get("/metrics")
    def metrics() -> Response:
        """Counters in the Prometheus text format."""
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        return Response(service.metrics.exposition(), headers=headers)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        """The API as OpenAPI 3.1."""
        return to_response(json_reply(described()))

    @blueprint.get("/openapi")
    def readable_openapi() -> Response:
        """The same, to read."""
        return make_response(render_template("api.html", **api_page(described())))

    return blueprint


def _keys(service: Service) -> str:
    return "ok" if service.keyring.jwks()["keys"] else "no_usable_key"


def _policy(service: Service) -> str:
    return "ok" if service.book.sites() else "none_published"


def _ledger(service: Service) -> str:
    return "ok" if service.sealer.damage is None else service.sealer.damage.code
