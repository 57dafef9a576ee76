"""The shape of a tracker's table: data that says what a tracker sends, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: Headers that any browser or proxy adds, by lower-case name. A header that neither this nor a table knows is
#: dropped: cookies, authorization and custom identifiers among them.
COMMON_HEADERS: Mapping[str, str] = {
    "accept-language": "language",
    "content-type": "event",
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
    "user-agent": "device",
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
class Route:
    """An address that the tracker sends to, and where the events are in such a request."""

    method: str
    path: str
    events: Literal["body", "query"]
    answer: Answer


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
class TrackerTable:
    """One tracker's wire format as an allow-list. Categories are the seven of a policy, or ``event``.

    Args:
        name: what ``--tracker`` and addresses call it.
        routes: addresses.
        content_type: of the bodies that the gate writes.
        fields: field or dotted path → category.
        headers: lower-case name → category, beside the common ones.
        cookies: name → category; every other cookie is dropped.
        list_at: member of the body that holds the list of events; None if the body is one event.
        many: whether a body may also be a list of events.
        envelope: fixed members of the body around ``list_at``.
        type_field: field that names the event's type.
        types: the known types; empty if the site invents its own.
        token_fields: fields or dotted paths that may carry the token, in this order.
        documents: fields that hold documents.
        schemas: ``vendor/name/jsonschema/model`` → field → category.
        token_schema: the schema of a context that carries the token in its member ``token``.
        id_fields: fields that identify a client, a session or a user.
        time_fields: fields that hold the client's time.
    """

    name: str
    routes: tuple[Route, ...]
    content_type: str
    fields: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    list_at: str | None = None
    many: bool = False
    envelope: Mapping[str, str] = field(default_factory=dict)
    type_field: str | None = None
    types: frozenset[str] = frozenset()
    token_fields: tuple[str, ...] = ()
    documents: Mapping[str, Document] = field(default_factory=dict)
    schemas: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    token_schema: str | None = None
    id_fields: tuple[str, ...] = ()
    time_fields: tuple[str, ...] = ()

    @property
    def empty_answer(self) -> Answer:
        """The answer to the tracker's usual request."""
        return self.routes[0].answer

    def category_of_header(self, name: str) -> str | None:
        """The category of a lower-case header name; None if it is unknown and must go."""
        return self.headers.get(name) or COMMON_HEADERS.get(name)
