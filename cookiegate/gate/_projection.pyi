"""What one grant leaves of JSON, compiled from ``projection/``: text in, text out, no objects between them."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from cookiegate.tokens.claims import Claims

#: What becomes of a name: action, how it is counted, the slot that remembers its value (or the number of its document),
#: and the rules inside of it.
_Entry: TypeAlias = tuple[int, str | None, int, "_Node | None"]
#: Path of an object, ending in a dot unless empty, what becomes of its names, and its form: an object, an object whose
#: other members are nobody's, or a list of attributes.
_Node: TypeAlias = tuple[str, dict[str, _Entry], int]

#: SHA-256 of the sources that it was built from.
BUILT_FROM: str

class Projection:
    """How the requests of one route are left under one grant.

    Args:
        event: rules for an event.
        around: rules for the members around the list of events; None if a body has no such list.
        list_at: the member that holds the list.
        source: where the events are: 0 in the body, 1 the query is the event, 2 lines of the body that share the query.
        are_queries: whether the events in the list are queries.
        envelope: fixed members around the list: name, and the text that is written.
        many: whether a body may be one event, or a list.
        levels: of nested bodies: rules for what is beside the list, and the member that holds it.
        documents: of fields that hold documents: whether one alone, whether in base64url, the schema around it, and the
            type of event that needs it.
        schemas: ``vendor/name/jsonschema/model`` → rules for its members.
        token_schema: of a document whose member ``token`` is the event's token.
        types: rules whose names are the known types; None if any will do.
        tokens: the slots before this one may hold the event's own token; the first that is there counts.
        type_slot: holds the event's type; -1 for events without one.
        times: slot, unit and whether it is an age; the first that can be read counts.
        truncate: cuts an address; None if it is none.
        headers: rules for headers, by lower-case name.
        content_type: of what is written; None if there is no body.
        beside: rules for parameters beside a body.
        address: rules for ``ip``, the client's address.
        read_address: header's name, value → what stays of its addresses.

    Raises:
        ValueError: for more than 512 names in one object, 32 slots, 8 documents or 4 levels.
    """

    def __init__(
        self,
        event: _Node,
        around: _Node | None,
        list_at: str | None,
        source: int,
        are_queries: bool,
        envelope: tuple[tuple[str, str], ...],
        many: bool,
        levels: tuple[tuple[_Node, str], ...],
        documents: tuple[tuple[bool, bool, str, str | None], ...],
        schemas: _Node,
        token_schema: str | None,
        types: _Node | None,
        tokens: int,
        type_slot: int,
        times: tuple[tuple[int, int, bool], ...],
        truncate: Callable[[str], str | None],
        headers: _Node,
        content_type: str | None,
        beside: _Node,
        address: _Node,
        read_address: Callable[[str, str], str | None],
    ) -> None: ...

class Grant:
    """What a known token makes of events.

    Args:
        projections: what its grant leaves, by the number of the route; None where only the thorough way can tell.
        token, stamp: as bytes.
        claims: what it says.
        earliest_ms, latest_ms: when it held.
    """

    claims: Claims
    earliest_ms: int
    #: When it was last found to stand.
    moment: int
    #: Whether an event that tells no time may pass.
    passes_untimed: bool
    def __init__(
        self,
        projections: tuple[Projection | None, ...],
        token: bytes,
        stamp: bytes,
        claims: Claims,
        earliest_ms: int,
        latest_ms: int,
    ) -> None: ...

class Grants:
    """Grants by their tokens."""

    def __len__(self) -> int: ...
    def add(self, grant: Grant, /) -> None:
        """Remembers one."""
        ...
    def clear(self) -> None:
        """Forgets all."""
        ...

class Requests:
    """How the requests of one tracker are read.

    Args:
        addresses: rules whose names are ``METHOD path``; the slot is the number of the choice.
        choices: the route of an empty body, of JSON, and of any other.
        folded: whether a token may be in a document.
        body_limit: bytes of a body, at most.
        events_limit: so many events may be in any body;
        event_bytes: in a larger one, one for every so many bytes.
        leeway_s: tolerated clock difference.
        checks_times: whether an event must have happened while its token held.
        stamps_events: whether events are stamped rather than lines.

    Raises:
        ValueError: for more than 512 addresses or 32 choices.
    """

    def __init__(
        self,
        addresses: _Node,
        choices: tuple[tuple[int, ...], ...],
        folded: bool,
        body_limit: int,
        events_limit: int,
        event_bytes: int,
        leeway_s: int,
        checks_times: bool,
        stamps_events: bool,
    ) -> None: ...

def project_lines(
    lines: list[bytes],
    grants: Grants,
    stands: Callable[[Grant], bool],
    reader: Requests | str,
    moment: int,
    received_ms: int,
    /,
) -> tuple[list[bytes | str | None], int, Mapping[str, int]]:
    """What stays of lines that hold an event, or a request, each.

    Args:
        lines: with or without newlines.
        grants: of tokens that were met.
        stands: asked about a grant that was not yet found to stand at this moment.
        reader: how requests are read; for plain events the member with the token.
        moment: now, as ``stands`` numbers it.
        received_ms: when the lines came; a request may say that it came earlier.

    Returns:
        For each line what to write, its token if that was never met, or None if the thorough way must look; how many
        events are written; and how often each path was refused in those.
    """
    ...

def project_request(
    requests: Requests,
    grants: Grants,
    stands: Callable[[Grant], bool],
    moment: int,
    now_ms: int,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str | bytes | None,
    is_open: bool,
    received_at: str | None,
    ip: str | None,
    /,
) -> tuple[int, Claims, dict[str, str], bytes | None, str, str | None, int, Mapping[str, int]] | str | None:
    """What stays of one request.

    Args:
        requests: how it is read.
        grants, stands, moment: as for :func:`project_lines`.
        now_ms: milliseconds since 1970.
        method, path: as they came, with the query.
        headers: nobody else may change them meanwhile.
        body: decoded if ``is_open``, whatever the headers say.
        received_at, ip: as they came.

    Returns:
        The number of its route, the claims, what stays of headers, body, query and address, the number of its events,
        and how often each name was refused; its token if that was never met; None if the thorough way must look.
    """
    ...
