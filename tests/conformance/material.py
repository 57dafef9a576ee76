"""The conformance material: events of every tracker with tokens of every kind, and what each engine must count.

The expected counts come from how each event is made, never from a gate. The same seed gives the same events in the
same order, but for the moment of making, the keys and the signatures.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.shapes import MARKER, TYPED, Shape, packed, shapes
from conformance.tokens import FATES, LIST_SIZE, PASSED, PURPOSE, VISITORS, Fate, Terms, Tokens
from cookiegate.clock import Clock, SystemClock, rfc3339
from cookiegate.gate import Gate, StatusBook, TrackerRequest, Verifier
from cookiegate.gate.request import read_line
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.register import StatusRegister

EVENTS = 20_000
#: What ``make test`` uses.
FEW_EVENTS = 2_000
ISSUER = "https://consent.test"
AUDIENCE = "demo"
#: Fields that were taken out of events that pass; not known beforehand, but the same for every engine that tells.
STRIPPED = "stripped"
#: Tracker → ``passed`` and reasons → events; and maybe ``stripped`` → fields.
Tally = Mapping[str, Mapping[str, int]]
_UNKNOWN_HEADERS = {"X-Nobody-Knows": MARKER, "Cookie": f"nobody={MARKER}"}


@dataclass(frozen=True)
class Material:
    """What every engine gets.

    Args:
        folder: holds ``jwks.json``, ``status.jwt`` and ``<tracker>.jsonl``.
        lines: tracker → its lines as ``cookiegate gate --tracker <tracker>`` reads them, without newlines: for
            ``plain`` an event each, for others a request each.
        expected: tracker → ``passed`` and reasons → events.
        jwks: the key set.
        status: the one status list, a signed token.
        withdrawn: its withdrawn places, for an engine that keeps a status register of its own.
        issuer, audience, purpose: what every gate is told.
        made_ms: the moment of making; good tokens hold for 14 minutes from then on.
    """

    folder: Path
    lines: Mapping[str, Sequence[bytes]]
    expected: Tally
    jwks: Mapping[str, Any]
    status: str
    withdrawn: Sequence[int]
    issuer: str
    audience: str
    purpose: str
    made_ms: int

    @property
    def jwks_file(self) -> Path:
        """The key set as a file."""
        return self.folder / "jwks.json"

    @property
    def status_file(self) -> Path:
        """The status list as a file."""
        return self.folder / "status.jwt"

    def events_file(self, tracker: str) -> Path:
        """A tracker's lines as a file."""
        return self.folder / f"{tracker}.jsonl"

    def verifier(self) -> Verifier:
        """A verifier as every engine has it."""
        book = StatusBook()
        book.load(self.status, PublicKeys(self.jwks))
        return Verifier(self.jwks, audience=self.audience, issuer=self.issuer, status=book)

    def gate(self, tracker: str, verifier: Verifier | None = None) -> Gate:
        """A gate as every engine has it, with counts of its own."""
        return Gate(verifier or self.verifier(), purpose=self.purpose, tracker=tracker)

    def requests(self, tracker: str) -> Iterator[TrackerRequest]:
        """The lines as requests; a plain event is the body of one."""
        for line in self.lines[tracker]:
            if tracker == "plain":
                yield TrackerRequest("POST", "/events", {"Content-Type": "application/json"}, line)
            else:
                yield read_line(line)


def tally(counts: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Counts objects (``accepted``, ``dropped``, ``stripped``) by tracker as an engine returns them."""
    return {
        tracker: {
            PASSED: found.accepted,
            **{str(reason): number for reason, number in found.dropped.items()},
            STRIPPED: found.stripped.total(),
        }
        for tracker, found in counts.items()
    }


def differences(expected: Tally, found: Tally) -> list[str]:
    """What an engine counted otherwise, a line each; stripped fields are compared where both tell."""
    lines = []
    for tracker, wanted in expected.items():
        got = found.get(tracker, {})
        for name in sorted({*wanted, *got}):
            if name == STRIPPED and not (name in wanted and name in got):
                continue
            if (pair := (wanted.get(name, 0), got.get(name, 0)))[0] != pair[1]:
                lines.append(f"{tracker} {name}: {pair[1]}, not {pair[0]}")
    return lines


def make(
    folder: Path,
    events: int = EVENTS,
    *,
    seed: int = 1,
    clock: Clock | None = None,
    keys: Path | None = None,
    issuer: str = ISSUER,
    audience: str = AUDIENCE,
    status_list: int = 1,
) -> Material:
    """Makes the material and its files.

    Args:
        folder: where the files go.
        events: how many, over all trackers.
        seed: the same seed, the same events and counts.
        clock: the moment of making.
        keys: a service's data folder whose keys are to sign; keys of its own when None.
        issuer, audience: of the tokens.
        status_list: number of the status list that the tokens are in.
    """
    clock = clock or SystemClock()
    folder.mkdir(parents=True, exist_ok=True)
    tokens = Tokens(keys or folder / "keys", folder / "stranger", Terms(issuer, audience, status_list), clock, seed)
    register = StatusRegister(tokens.ring, issuer, size=LIST_SIZE, clock=clock)
    register.ensure(status_list)
    for place in tokens.places():
        register.revoke(status_list, place)
    signed = register.signed(status_list)
    assert signed is not None
    known = shapes()
    lines: dict[str, list[bytes]] = {}
    expected: dict[str, dict[str, int]] = {}
    for number, (tracker, own) in enumerate(known.items()):
        share = (events * (number + 1)) // len(known) - (events * number) // len(known)
        making = _Making(own, tokens, random.Random(f"{seed} {tracker}"), clock.now_ms())
        lines[tracker] = making.lines(share)
        expected[tracker] = dict(sorted(making.counts.items()))
        (folder / f"{tracker}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines[tracker]))
    jwks = tokens.ring.jwks()
    (folder / "jwks.json").write_text(json.dumps(jwks), encoding="utf-8")
    (folder / "status.jwt").write_bytes(signed)
    return Material(
        folder, lines, expected, jwks, signed.decode(), tokens.places(), issuer, audience, PURPOSE, clock.now_ms()
    )  # fmt: skip


class _Making:
    """One tracker's lines, and what must be counted of them."""

    def __init__(self, own: Sequence[Shape], tokens: Tokens, chance: random.Random, now_ms: int) -> None:
        self.counts: Counter[str] = Counter()
        self._shapes = own
        self._tokens = tokens
        self._chance = chance
        self._now_ms = now_ms

    def lines(self, events: int) -> list[bytes]:
        """Lines of so many events."""
        made = []
        while (left := events - self.counts.total()) > 0:
            shape = self._chance.choice(self._shapes)
            made.append(self._plain(shape) if shape.tracker == "plain" else self._request(shape, left))
        return made

    def _request(self, shape: Shape, left: int) -> bytes:
        """A request: mostly as it should be, now and then one that is refused whole."""
        kind = self._chance.random()
        if shape.has_json and kind < 0.04:
            return self._unreadable(shape, kind)
        headers = dict(_UNKNOWN_HEADERS) if self._chance.random() < 0.3 else {}
        is_refused = 0.04 <= kind < 0.07
        if is_refused:
            headers["Cookie"] = "cg_choice=refused.1"
        number = self._chance.randint(1, 6) if shape.around else 1
        fate, token = self._fate(shape, ""), ""
        if shape.shares_token:
            token = self._tokens.text(fate.name, self._visitor())
        texts = []
        for _ in range(min(number, left)):
            text, outcome = self._event(shape, fate if shape.shares_token else None)
            texts.append(text)
            self.counts["withdrawn" if is_refused else outcome] += 1
        return _encoded(shape.request(texts, token, headers, self._received_at))

    def _event(self, shape: Shape, fate: Fate | None) -> tuple[str, str]:
        """An event's text and what becomes of it."""
        item = self._chance.choice(shape.items)
        client_id = shape.client_id(item)
        if fate is None:
            fate = self._fate(shape, client_id)
        token = (
            "" if shape.shares_token else self._tokens.text(fate.name, self._visitor(), shape.tracker, client_id or "")
        )
        text = shape.fill(item, token, self._now_ms + fate.at_s * 1000)
        if self._chance.random() < 0.3:
            text = shape.add_unknown(text)
        outcome = fate.outcome(tells_time=shape.tells_time)
        if shape.tracker in TYPED and self._chance.random() < 0.05:
            # The token is looked at first: only where it is good does the type decide.
            return shape.invent(text), "event_unknown" if outcome == PASSED else outcome
        return text, outcome

    def _fate(self, shape: Shape, client_id: str | None) -> Fate:
        known = [fate for fate in FATES if client_id or not fate.name.startswith("bound")]
        return self._chance.choices(known, [fate.weight for fate in known])[0]

    def _unreadable(self, shape: Shape, kind: float) -> bytes:
        """A body that ends too early, or comes in an encoding that nobody reads: one event, as far as one can tell."""
        text, _ = self._event(shape, None)
        line = shape.request([text], self._tokens.text("granted", self._visitor()), {}, self._received_at)
        if kind < 0.02:
            line["headers"]["Content-Encoding"] = "br"
            self.counts["encoding_unknown"] += 1
        else:
            line |= packed(line["body"][: len(line["body"]) // 2], None)
            self.counts["event_malformed"] += 1
        return _encoded(line)

    def _plain(self, shape: Shape) -> bytes:
        text, outcome = self._event(shape, None)
        if self._chance.random() < 0.02:
            text, outcome = text[: len(text) // 2], "event_malformed"
        self.counts[outcome] += 1
        return text.encode()

    def _visitor(self) -> int:
        return self._chance.randrange(VISITORS)

    @property
    def _received_at(self) -> str:
        return rfc3339(self._now_ms)


def _encoded(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode()


def readable(lines: Sequence[bytes]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The events that a reader of JSON makes rows of, and the lines that it cannot read."""
    events, broken = [], []
    for line in lines:
        try:
            events.append(json.loads(line))
        except ValueError:
            broken.append(line)
    return events, broken
