"""A large body with a list of events: filtered piece by piece as it comes, kept in a file until it is whole.

Nothing goes on before the last byte has been read: a body that breaks off passes nothing, as a small one does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from cookiegate.gate import bodies, shapes
from cookiegate.gate.adapters.lists import ListReader
from cookiegate.gate.adapters.outgoing import Outgoing, Passed, StoredBody
from cookiegate.gate.carriers import (
    CHOICE_COOKIE,
    TOKEN_COOKIE,
    TOKEN_HEADER,
    TOKEN_PARAMETER,
    cookies,
    says_refused,
)
from cookiegate.gate.counts import Counts
from cookiegate.gate.gate import Gate
from cookiegate.gate.request import AcceptedRequest, Filtered, TrackerRequest
from cookiegate.gate.trackers.table import Route
from cookiegate.tokens.reasons import Denied, Reason

PIECE_CHARS = 131_072
PIECE_ITEMS = 1_000
#: So that no body takes seconds, however small its events.
ITEMS_LIMIT = 100_000
#: More visitors than this are not of one batch; each keeps one of its events in memory until the end.
GRANTS_LIMIT = 256
#: The file is in memory up to this size.
MEMORY_BYTES = 1_048_576


@dataclass(slots=True)
class _Grant:
    item: str
    of_item: Counts
    events: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)


class LargeBody:
    """One large request on its way through a gate.

    Args:
        gate: decides.
        head: the request without its body.
        query: its decoded query.
        route: where the list is.
    """

    def __init__(self, gate: Gate, head: TrackerRequest, query: Mapping[str, str], route: Route) -> None:
        self._gate = gate
        plain = {name: value for name, value in head.headers.items() if name.lower() != "content-encoding"}
        self._head = replace(head, headers=plain)
        self._route = route
        self._short = _short(head, query)
        self._reader = ListReader(route.list_at, route.many, gate.body_limit_bytes)
        self._piece_chars = min(PIECE_CHARS, gate.body_limit_bytes // 8)  # in bytes it must be no large body itself
        self._piece: list[str] = []
        self._piece_size = self._items = 0
        self._grants: dict[bytes, _Grant] = {}
        self._counts = Counts()
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115  outlives this method
        self._size = 0

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Takes the next bytes, inflated.

        Raises:
            Denied: the body cannot be read; nothing of it goes on.
        """
        for item in self._reader.feed(data, is_last=is_last):
            if self._piece and self._piece_size + len(item) > self._piece_chars:
                self._filter_piece()
            self._items += 1
            if self._items > ITEMS_LIMIT:
                raise Denied(Reason.BODY_TOO_LARGE)
            self._piece.append(item)
            self._piece_size += len(item)
            if len(self._piece) >= PIECE_ITEMS:
                self._filter_piece()

    def end(self) -> Passed:
        """The outcome, after the last byte.

        Raises:
            Denied: the body is not what the tracker sends; nothing of it goes on.
        """
        if self._piece:
            self._filter_piece()
        whole = self._filter(self._body([], around=True), self._head)
        for reason in whole.counts.dropped:
            raise Denied(reason)
        outgoing = [found for grant in self._grants.values() if (found := self._finish(grant))]
        return Passed(outgoing, self._counts, self._file)

    def close(self) -> None:
        """Forgets what was kept; for a body that does not get to its end."""
        self._file.close()

    def _filter_piece(self) -> None:
        items, self._piece, self._piece_size = self._piece, [], 0
        body = self._body(items)
        bodies.read_json(body)  # a piece that is no JSON condemns the whole, not only itself
        filtered = self._filter(body, self._short)
        self._counts.add(filtered.counts)
        known = [bytes(accepted.claims.stamp) for accepted in filtered.accepted]
        if not self._grants.keys() >= set(known):
            self._learn(items)
        for stamp, accepted in zip(known, filtered.accepted, strict=True):
            grant = self._grants.get(stamp)
            if grant is None:  # it ended between two looks
                self._counts.accepted -= len(accepted.events)
                self._counts.dropped[Reason.WITHDRAWN] += len(accepted.events)
                continue
            inner = self._inner(accepted.body or b"")
            grant.places.append((self._size, len(inner)))
            grant.events += len(accepted.events)
            self._file.write(inner)
            self._size += len(inner)

    def _learn(self, items: Sequence[str]) -> None:
        """Finds an item of each grant that is new, by which head and rest of its request can be had at the end."""
        for item in items:
            found = self._filter(self._body([item]), self._short)
            for accepted in found.accepted:
                self._grants.setdefault(bytes(accepted.claims.stamp), _Grant(item, found.counts))
        if len(self._grants) > GRANTS_LIMIT:
            raise Denied(Reason.BODY_TOO_LARGE)

    def _finish(self, grant: _Grant) -> Outgoing | None:
        """One grant's request: asked again at the end, since the body may have come for minutes."""
        filtered = self._filter(self._body([grant.item], around=True), self._head)
        for reason in filtered.counts.dropped:
            self._counts.accepted -= grant.events
            self._counts.dropped[reason] += grant.events
            return None
        (accepted,) = filtered.accepted
        for name, times in filtered.counts.stripped.items():
            self._counts.strip((name,), times - grant.of_item.stripped[name])
        before, after = self._around(accepted)
        allowed = self._gate.allowed(accepted.claims)
        return Outgoing(accepted, allowed, StoredBody(self._file, grant.places, before, after))

    def _filter(self, body: bytes, head: TrackerRequest) -> Filtered:
        filtered = self._gate.filter(replace(head, body=body))
        if Reason.BODY_TOO_LARGE in filtered.counts.dropped:
            raise Denied(Reason.BODY_TOO_LARGE)
        return filtered

    def _body(self, items: Sequence[str], *, around: bool = False) -> bytes:
        joined = ",".join(items)
        if self._reader.is_bare:
            return f"[{joined}]".encode()
        if around:
            members = [f"{msgspec.json.encode(name).decode()}:{text}" for name, text in self._reader.around.items()]
        else:
            members = [msgspec.json.encode({name: text}).decode()[1:-1] for name, text in self._route.envelope.items()]
        members.append(f'"{self._route.list_at}":[{joined}]')
        return ("{" + ",".join(members) + "}").encode()

    def _inner(self, body: bytes) -> bytes:
        """The items of a written body, without what stands around them."""
        if self._reader.is_bare:
            return body[1:-1]
        list_at = str(self._route.list_at)
        before = msgspec.json.encode({**self._route.envelope, list_at: []})[:-2]
        if body.startswith(before) and body.endswith(b"]}"):
            return body[len(before) : -2]
        return msgspec.json.encode(msgspec.json.decode(body)[list_at])[1:-1]

    def _around(self, accepted: AcceptedRequest) -> tuple[bytes, bytes]:
        if self._reader.is_bare:
            return b"[", b"]"
        list_at = str(self._route.list_at)
        written = msgspec.json.decode(accepted.body or b"{}")
        rest = {name: value for name, value in written.items() if name != list_at}
        return msgspec.json.encode({**rest, list_at: []})[:-2], b"]}"


def _short(head: TrackerRequest, query: Mapping[str, str]) -> TrackerRequest:
    """The head with nothing but what decides, so that what else it holds is counted once and not for every piece.

    All of its tokens stay, each where it was: the first decides, and none may stay in an event's texts.
    """
    headers = {name.lower(): value for name, value in head.headers.items()}
    cookie = headers.get("cookie", "")
    kept = {TOKEN_HEADER: headers[TOKEN_HEADER]} if TOKEN_HEADER in headers else {}
    carried = {TOKEN_COOKIE: token} if (token := cookies(cookie).get(TOKEN_COOKIE)) else {}
    if says_refused(cookie):
        carried[CHOICE_COOKIE] = "refused"
    if carried:
        kept["cookie"] = "; ".join(f"{name}={value}" for name, value in carried.items())
    asked = {TOKEN_PARAMETER: query[TOKEN_PARAMETER]} if query.get(TOKEN_PARAMETER) else {}
    path = head.path.partition("?")[0]
    return replace(head, path=f"{path}?{shapes.write_pairs(asked)}" if asked else path, headers=kept, ip=None)
