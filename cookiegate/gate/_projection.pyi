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
    """How the events of one route are left under one grant.

    Args:
        event: rules for an event.
        around: rules for the members around the list of events; None if a body has no such list.
        list_at: the member that holds the list.
        is_query: whether the event is the request's query.
        are_queries: whether the events in the list are queries.
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

    Raises:
        ValueError: for more than 512 names in one object, 32 slots, 8 documents or 4 levels.
    """

    def __init__(
        self,
        event: _Node,
        around: _Node | None,
        list_at: str | None,
        is_query: bool,
        are_queries: bool,
        levels: tuple[tuple[_Node, str], ...],
        documents: tuple[tuple[bool, bool, str, str | None], ...],
        schemas: _Node,
        token_schema: str | None,
        types: _Node | None,
        tokens: int,
        type_slot: int,
        times: tuple[tuple[int, int, bool], ...],
        truncate: Callable[[str], str | None],
    ) -> None: ...
    def body(
        self,
        data: bytes,
        envelope: tuple[tuple[str, str], ...],
        many: bool,
        most: int,
        token: str,
        stamp: bytes,
        is_shared: bool,
        secrets: tuple[str, ...],
        passes_untimed: bool,
        earliest_ms: int,
        latest_ms: int,
        received_ms: int,
        /,
    ) -> tuple[bytes, int, Mapping[str, int]] | None:
        """What stays of a body whose events all go by one good token.

        Args:
            data: the body, or the query.
            envelope: fixed members: name, and the text that is written.
            many: whether it may be one event, or a list.
            most: so many events at most.
            token: theirs.
            stamp: JSON that each event gets as ``consent``; empty for none.
            is_shared: whether an event without a token of its own goes by it.
            secrets: what no text may hold.
            passes_untimed: whether an event that tells no time may pass.
            earliest_ms, latest_ms, received_ms: when the token held, and when the body came.

        Returns:
            The body, the number of its events, and how often each path was refused; None if the thorough way must look.
        """
        ...

class Grant:
    """What a known token makes of lines.

    Args:
        projection: what its grant leaves.
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
        self, projection: Projection, token: bytes, stamp: bytes, claims: Claims, earliest_ms: int, latest_ms: int
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

def project_lines(
    lines: list[bytes],
    grants: Grants,
    stands: Callable[[Grant], bool],
    token_name: str,
    moment: int,
    received_ms: int,
    /,
) -> tuple[list[bytes | str | None], int, Mapping[str, int]]:
    """What stays of lines that hold an event each.

    Args:
        lines: with or without newlines.
        grants: of tokens that were met.
        stands: asked about a grant that was not yet found to stand at this moment.
        token_name: the member with the token.
        moment: now, as ``stands`` numbers it.
        received_ms: when the lines came.

    Returns:
        For each line what to write, its token if that was never met, or None if the thorough way must look; how many
        are written; and how often each path was refused in those.
    """
    ...
