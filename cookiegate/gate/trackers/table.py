"""The shape of a tracker's table: data that says what a tracker sends, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: Headers that any browser or proxy adds, by lower-case name. A header that neither this nor a table knows is
#: dropped: cookies, authorization and custom identifiers among them.
COMMON_HEADERS: Mapping[str, str] = {
    "accept-language": "language",
    "cf-connecting-ip": "ip",
    "content-type": "event",
    "fastly-client-ip": "ip",
    "fly-client-ip": "ip",
    "forwarded": "ip",
    "origin": "browsing",
    "referer": "browsing",
    "sec-ch-ua": "device",
    "sec-ch-ua-arch": "device",
    "sec-ch-ua-bitness": "device",
    "sec-ch-ua-full-version-list": "device",
    "sec-ch-ua-mobile": "device",
    "sec-ch-ua-model": "device",
    "sec-ch-ua-platform": "device",
    "sec-ch-ua-platform-version": "device",
    "true-client-ip": "ip",
    "user-agent": "device",
    "x-client-ip": "ip",
    "x-cluster-client-ip": "ip",
    "x-forwarded-for": "ip",
    "x-real-ip": "ip",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a collector answers, so that the tracker is content and does not retry for ever."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a nested body: an object with a list in it, and what stands beside the list for all of its items.

    Args:
        list_at: the member that holds the list.
        shared: member beside the list → the name that it has in each event.
    """

    list_at: str
    shared: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """An address that the tracker sends to, and where the events are in such a request.

    Several routes may have one address: the request's body tells which of them it is.

    Args:
        method, path: the address; a path without query.
        events: ``body``: JSON, whatever its content type says; ``query``: one event in the address; ``form``: one
            event as an urlencoded body; ``lines``: an urlencoded event in each line of the body, and in the
            address what they share.
        answer: what contents the tracker.
        list_at: member of a JSON body that holds the list of events; None if the body is one event.
        many: whether a JSON body may also be one event or a list of events.
        items: what the list holds: JSON objects, or texts with a ``query`` each.
        envelope: fixed members of a JSON body around the list, schemas whose minor version may differ.
        members: other members around the list → category.
        levels: lists in lists, from the outside; the items of the last are the events. Instead of ``list_at``.
        packed_in: field of a form that holds the JSON in base64.
        query: parameters of the address that stay beside a body → category.
        compression: parameter of the address that names the body's compression; ``gzip``, ``gzip-js`` and ``base64``
            are known.
        content_type: of the bodies that the gate writes, if it is not the table's.
    """

    method: str
    path: str
    events: Literal["body", "query", "form", "lines"]
    answer: Answer
    list_at: str | None = None
    many: bool = False
    items: Literal["object", "query"] = "object"
    envelope: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    levels: tuple[Level, ...] = ()
    packed_in: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    compression: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A field whose text is a self-describing JSON document (Iglu): its members are judged by their own schema.

    ``contexts`` is a list of documents, of which unknown ones are dropped; ``event`` is one document, and an event
    with an unknown one is dropped whole. ``wrapper`` is the schema around them; ``of_type`` is the event type that
    needs an ``event`` document.
    """

    kind: Literal["contexts", "event"]
    base64: bool
    wrapper: str
    of_type: str | None = None


@dataclass(frozen=True, slots=True)
class TimeField:
    """A field that holds the client's time.

    Args:
        path: field or dotted path in the event.
        unit: ``ms`` and ``s`` since 1970 as numbers, ``ms_text``, ``s_text`` and ``ns_text`` the same as text,
            ``rfc3339`` as text.
        is_age: whether it tells how long ago the event was when it was sent, rather than when.
    """

    path: str
    unit: Literal["ms", "s", "ms_text", "s_text", "ns_text", "rfc3339"]
    is_age: bool = False


@dataclass(frozen=True, slots=True)
class TrackerTable:
    """One tracker's wire format as an allow-list. Categories are the seven of a policy, or ``event``.

    Args:
        name: what ``--tracker`` and addresses call it.
        routes: addresses; the first with a body is the usual one.
        content_type: of the bodies that the gate writes.
        fields: field or dotted path → category. A path goes into objects, and into the objects of a list.
        headers: lower-case name → category, beside the common ones.
        cookies: name → category; every other cookie is dropped.
        flat: whether dots in names are just dots.
        attributes: paths of attributes, lists of ``key`` and typed ``value`` as OpenTelemetry has them; in ``fields``
            the rest of such a path is the key, dots and all.
        values: paths of single typed values.
        type_field: field that names the event's type.
        types: the known types; empty if the site invents its own.
        token_fields: fields or dotted paths that may carry the token, in this order.
        documents: fields that hold documents.
        schemas: ``vendor/name/jsonschema/model`` → field → category.
        token_schema: the schema of a context that carries the token in its member ``token``.
        id_fields: fields that identify a client, a session or a user.
        time_fields: fields that hold the client's time; the first that is there counts.
        binding_fields: paths of the client's own id that a token may be bound to; the first that is there counts.
        binding_same: those of them of which a collector may take any as the client's id; they must not differ.
    """

    name: str
    routes: tuple[Route, ...]
    content_type: str
    fields: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    flat: bool = False
    attributes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    type_field: str | None = None
    types: frozenset[str] = frozenset()
    token_fields: tuple[str, ...] = ()
    documents: Mapping[str, Document] = field(default_factory=dict)
    schemas: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    token_schema: str | None = None
    id_fields: tuple[str, ...] = ()
    time_fields: tuple[TimeField, ...] = ()
    binding_fields: tuple[str, ...] = ()
    binding_same: tuple[str, ...] = ()

    @property
    def usual_route(self) -> Route:
        """The route with the tracker's usual body; its first route if it has none."""
        return next((route for route in self.routes if route.events == "body"), self.routes[0])

    @property
    def sent_headers(self) -> tuple[str, ...]:
        """The headers of the tracker that a page of another origin needs leave for."""
        return ("Content-Type", "Content-Encoding", "X-Consent-Token", *self.headers)

    @property
    def list_at(self) -> str | None:
        """The member of the usual body that holds the events."""
        return self.usual_route.list_at

    @property
    def envelope(self) -> Mapping[str, str]:
        """The fixed members of the usual body."""
        return self.usual_route.envelope

    def split(self, path: str) -> tuple[str, ...]:
        """The names on the way to a field."""
        if self.flat:
            return (path,)
        for parent in self.attributes:
            if path.startswith(f"{parent}."):
                return (*parent.split("."), path[len(parent) + 1 :])
        return tuple(path.split("."))

    @property
    def empty_answer(self) -> Answer:
        """The answer to the tracker's usual request."""
        return self.routes[0].answer

    def category_of_header(self, name: str) -> str | None:
        """The category of a lower-case header name; None if it is unknown and must go."""
        return self.headers.get(name) or COMMON_HEADERS.get(name)
