"""Streams for subscribers that ask for themselves: what may no longer be used, and their word that it is not."""

from __future__ import annotations

from typing import Any, get_args

from flask import Blueprint, Response, request

from cookiegate.errors import (
    CookiegateError,
    NotFoundError,
    StreamDeniedError,
    SubscriberDeniedError,
)
from cookiegate.rights.delivery.streams import PAGE_MAX, StreamName, Streams
from cookiegate.rights.delivery.subscriber_rows import Subscriber
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.web.call import Call, json_reply
from cookiegate.web.problems import reply_to_error
from cookiegate.web.service import Service
from cookiegate.web.stream_schemas import read_acknowledgement, read_number
from cookiegate.web.views.responses import show_problem, to_response

PAGE = 100
_SCHEME = "bearer "


def make_streams_blueprint(service: Service) -> Blueprint:
    """``/v1/streams/<stream>`` and ``/v1/erasures``, for servers: no cookies, no CORS."""
    blueprint = Blueprint("streams", __name__, url_prefix="/v1")
    streams = Streams(service.storage)

    @blueprint.get("/streams/<stream>")
    def read(stream: str) -> Response:
        """A page of events, oldest first."""
        subscriber, name = _admit(service, stream)
        acknowledged = streams.acknowledged(subscriber, name)
        after = read_number("after", request.args.get("after"), acknowledged, 0, 2**53)
        limit = read_number("limit", request.args.get("limit"), PAGE, 1, PAGE_MAX)
        events = streams.read((name,), after=after, limit=limit, site=subscriber.site)
        page: dict[str, Any] = {"stream": name, "events": [event.as_dict() for event in events]}
        page |= {"next": events[-1].sequence if events else after, "acknowledged": acknowledged}
        return to_response(json_reply(page))

    @blueprint.post("/streams/<stream>/acks")
    def acknowledge(stream: str) -> Response:
        """The subscriber has done what the stream said, up to a sequence."""
        subscriber, name = _admit(service, stream)
        through = read_acknowledgement(Call(request.environ), service.settings.body_limit_bytes)
        reached = streams.acknowledge(subscriber, name, through, service.clock.now_ms())
        return to_response(json_reply({"stream": name, "acknowledged": reached}))

    @blueprint.get("/erasures")
    def read_erasures() -> Response:
        """The stream ``erase`` under the name of what is asked for."""
        return read("erase")

    @blueprint.post("/erasures/acks")
    def acknowledge_erasures() -> Response:
        """The subscriber has deleted, up to a sequence."""
        return acknowledge("erase")

    @blueprint.errorhandler(SubscriberDeniedError)
    def refuse(error: CookiegateError) -> Response:
        """Says how to come in."""
        response = show_problem(reply_to_error(error))
        response.headers["WWW-Authenticate"] = 'Bearer realm="streams"'
        return response

    return blueprint


def _admit(service: Service, stream: str) -> tuple[Subscriber, StreamName]:
    """Who asks, and for which stream.

    Raises:
        SubscriberDeniedError: nobody we know.
        NotFoundError: no such stream.
        StreamDeniedError: not a stream of this subscriber.
    """
    text = request.headers.get("Authorization", "")
    secret = text[len(_SCHEME) :].strip() if text.lower().startswith(_SCHEME) else ""
    subscriber = Subscribers(service.storage, service.clock).find(secret) if secret else None
    if subscriber is None:
        raise SubscriberDeniedError("send the subscriber's secret: Authorization: Bearer whsec_…")
    name = next((known for known in get_args(StreamName) if known == stream), None)
    if name is None:
        raise NotFoundError(f"there is no such stream; there are {', '.join(get_args(StreamName))}")
    if not subscriber.follows(f"consent.{name}", subscriber.site):
        raise StreamDeniedError(f"this subscriber does not follow consent.{name}")
    return subscriber, name
