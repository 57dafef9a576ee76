"""The hot routes in Flask: the same endpoints through the same desk, for servers that mount Flask alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from flask_limiter.errors import RateLimitExceeded

from cookiegate.web.call import Call
from cookiegate.web.desk import Desk
from cookiegate.web.routes import ROUTES, Route
from cookiegate.web.service import Service
from cookiegate.web.views.responses import to_response

#: All of them: the desk refuses what a route does not take, as it does for the front.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def make_hot_blueprint(service: Service, desk: Desk) -> Blueprint:
    """Every hot route as a Flask view."""
    blueprint = Blueprint("hot", __name__)
    for route in ROUTES:
        blueprint.add_url_rule(
            route.pattern,
            endpoint=route.pattern.replace(".", "_"),
            view_func=_view(service, desk, route),
            methods=METHODS,
            provide_automatic_options=False,
        )
    return blueprint


def _view(service: Service, desk: Desk, route: Route) -> Callable[..., Response]:
    limited = getattr(service.limits, route.allowance) if route.allowance else None
    count = service.limits.counter(limited) if limited else None

    def view(**args: Any) -> Response:
        call = Call(request.environ)
        if limited is not None and count is not None and call.method in route.methods:
            try:
                count()
            except RateLimitExceeded:
                error = service.limits.exhausted(limited, call, args.get("site", ""))
                return to_response(desk.refuse_limited(route, call, args, error))
        return to_response(desk.answer(route, call, args, limited=True))

    return view
