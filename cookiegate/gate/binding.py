"""A token that is bound to a client's own id is of no use in another client's events.

The claim ``bnd`` maps a tracker's name to a short hash over the audience and the id that the tracker gave the client.
The page computes it; neither the service nor the token knows the id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cookiegate.gate.paths import split_at_dots, value_at
from cookiegate.tokens import base64url
from cookiegate.tokens.claims import Claims

BINDING_BYTES = 16


def binding_of(audience: str, client_id: str) -> str:
    """The hash that binds a token of a site to a client: 22 characters of base64url."""
    text = f"{audience}\n{client_id}".encode("utf-8", "surrogatepass")
    return base64url.encode(hashlib.sha256(text).digest()[:BINDING_BYTES])


class Binding:
    """Holds one tracker's events against their tokens' bindings.

    Args:
        tracker: the tracker's name, a key of the claim.
        fields: paths of the client's id; the first that holds a text counts.
        split: makes names of a path.
        same: those of them that all stand for one id: where one counts, the others must not say otherwise.
    """

    def __init__(
        self,
        tracker: str,
        fields: Sequence[str],
        split: Callable[[str], Sequence[str]] = split_at_dots,
        same: Sequence[str] = (),
    ) -> None:
        self._tracker = tracker
        self._paths = tuple(tuple(split(field)) for field in fields)
        self._same = tuple(tuple(split(field)) for field in same)

    def concerns(self, claims: Claims) -> bool:
        """Whether the token is bound to a client of this tracker."""
        return self._tracker in claims.bindings

    def matches(self, claims: Claims, event: Mapping[str, Any]) -> bool:
        """Whether the event may use the token: it is not bound, or bound to this event's client."""
        wanted = claims.bindings.get(self._tracker)
        if wanted is None:
            return True
        client_id = self._client_id(event)
        return client_id is not None and binding_of(claims.aud, client_id) == wanted

    def _client_id(self, event: Mapping[str, Any]) -> str | None:
        """The client's id; None if there is none, or no single one."""
        for path in self._paths:
            found = value_at(event, path)
            if isinstance(found, str) and found:
                others = [value_at(event, other) for other in self._same] if path in self._same else []
                return found if all(other in (None, "", found) for other in others) else None
        return None
