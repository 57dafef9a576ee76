"""Keys change hands without a valid token being refused: published before they sign, disabled after they are spent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cookiegate.clock import FrozenClock
from cookiegate.errors import KeyStateError
from cookiegate.gate import Verifier
from cookiegate.tokens.issuing import TOKEN_TTL_LIMIT_S, Issuer
from cookiegate.tokens.keys import PUBLISHED_AHEAD_S, SPENT_AFTER_S, KeyRing
from cookiegate.web.endpoints.published import JWKS_MAX_AGE_S

ISSUER = "https://consent.test"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def ring(tmp_path: Path, clock: FrozenClock) -> KeyRing:
    return KeyRing.open(tmp_path, clock)


def kids(ring: KeyRing) -> set[str]:
    return {key["kid"] for key in ring.jwks()["keys"]}


def states(ring: KeyRing) -> list[str]:
    return [item.state for item in ring.list()]


def test_a_new_key_is_published_before_it_signs(ring: KeyRing, clock: FrozenClock) -> None:
    former = ring.active.kid
    coming = ring.rotate(ahead_s=PUBLISHED_AHEAD_S)
    assert (ring.active.kid, kids(ring), states(ring)) == (former, {former, coming.kid}, ["active", "next"])
    clock.advance(PUBLISHED_AHEAD_S - 1)
    assert not ring.reload()
    clock.advance(1)
    assert ring.reload()
    assert (ring.active.kid, states(ring)) == (coming.kid, ["passive", "active"])


def test_every_process_turns_at_the_same_time_without_anybody_writing(tmp_path: Path, clock: FrozenClock) -> None:
    nodes = [KeyRing.open(tmp_path, clock) for _ in range(3)]
    coming = nodes[0].rotate(ahead_s=PUBLISHED_AHEAD_S)
    for node in nodes:
        node.reload()
    index = (tmp_path / "keys" / "ring.json").read_bytes()
    clock.advance(PUBLISHED_AHEAD_S)
    for node in nodes:
        node.reload()
    assert {node.active.kid for node in nodes} == {coming.kid}
    assert (tmp_path / "keys" / "ring.json").read_bytes() == index
    assert KeyRing.open(tmp_path, clock).active.kid == coming.kid


def test_a_second_rotation_waits_for_the_first_unless_it_is_in_a_hurry(ring: KeyRing, clock: FrozenClock) -> None:
    coming = ring.rotate(ahead_s=PUBLISHED_AHEAD_S)
    with pytest.raises(KeyStateError, match="becomes active at"):
        ring.rotate(ahead_s=PUBLISHED_AHEAD_S)
    assert ring.rotate(ahead_s=2).kid == coming.kid  # the one that some readers know
    clock.advance(2)
    ring.reload()
    assert ring.active.kid == coming.kid


def test_a_key_is_disabled_when_its_tokens_are_spent_or_when_it_leaked(ring: KeyRing, clock: FrozenClock) -> None:
    former = ring.active.kid
    ring.rotate(ahead_s=PUBLISHED_AHEAD_S)
    clock.advance(PUBLISHED_AHEAD_S + 3_000)  # nobody looked meanwhile: what counts is when it stopped to sign
    ring.rotate(ahead_s=0)
    second = next(item.kid for item in ring.list() if item.state == "passive" and item.kid != former)
    ring.disable(former)
    with pytest.raises(KeyStateError, match="may be good until"):
        ring.disable(second)
    clock.advance(SPENT_AFTER_S)
    ring.disable(second)
    assert kids(ring) == {ring.active.kid}


def test_starting_over_lets_no_token_stand_and_receipts_verify_again_later(ring: KeyRing, clock: FrozenClock) -> None:
    former = ring.active.kid
    ring.rotate(ahead_s=0)
    disabled, passive = former, ring.active.kid
    ring.disable(disabled, now=True)
    fresh = ring.start_over()
    assert (kids(ring), ring.active.kid) == ({fresh.kid}, fresh.kid)
    assert states(ring) == ["disabled", "resting", "active"]
    clock.advance(SPENT_AFTER_S)
    assert ring.reload()
    assert kids(ring) == {passive, fresh.kid}


def test_the_times_cover_what_others_keep() -> None:
    assert PUBLISHED_AHEAD_S >= JWKS_MAX_AGE_S + 60
    assert SPENT_AFTER_S >= TOKEN_TTL_LIMIT_S + 60


@dataclass
class Reader:
    """Whoever verifies elsewhere, with a key set as old as its cache allows."""

    every_s: int
    offset_s: int
    jwks: dict[str, Any]
    verifier: Verifier = field(init=False)

    def follow(self, second: int, published: dict[str, Any]) -> None:
        if (second + self.offset_s) % self.every_s == 0 and published is not self.jwks:
            self.jwks = published
            self.verifier.replace_keys(published)


def test_an_hour_of_rotating_and_disabling_refuses_no_valid_token(tmp_path: Path, clock: FrozenClock) -> None:
    """Three nodes that look at the folder in turn, readers that keep key sets for five minutes, a token each 5 s."""
    nodes = [KeyRing.open(tmp_path, clock) for _ in range(3)]
    issuers = [Issuer(node, ISSUER) for node in nodes]
    readers = [Reader(JWKS_MAX_AGE_S, offset, nodes[0].jwks()) for offset in (0, 95, 295)]
    for reader in readers:
        reader.verifier = Verifier(reader.jwks, audience="demo", clock=clock, cache_size=1)
    own = [Verifier(node.jwks, audience="demo", clock=clock, cache_size=1) for node in nodes]
    alive: list[tuple[int, str]] = []
    refused, checked, rotated, disabled = 0, 0, 0, 0
    for second in range(0, 3_600, 5):
        clock.advance(5)
        nodes[second // 5 % 3].reload()  # each node is up to 15 s behind: far worse than half a second
        issued = issuers[second % 3].issue(
            site="demo", sub="s" * 22, policy_version=1, epoch=second, scope=["analytics"], acquire=[],
            status_list=1, status_index=second, issued_at_ms=clock.now_ms(),
        )  # fmt: skip
        alive.append((second, issued.text))
        alive = [(at, text) for at, text in alive if second - at < TOKEN_TTL_LIMIT_S]
        for reader in readers:
            reader.follow(second, nodes[second // 5 % 3].jwks())
        for verifier in (*own, *(reader.verifier for reader in readers)):
            for _, text in (alive[0], alive[len(alive) // 2], alive[-1]):
                checked += 1
                refused += not verifier.verify(text).ok
        if second % 600 == 300:
            rotated += _try(lambda: KeyRing.open(tmp_path, clock).rotate(ahead_s=PUBLISHED_AHEAD_S))
        for entry in KeyRing.open(tmp_path, clock).list():
            if entry.state == "passive":
                disabled += _try(lambda kid=entry.kid: KeyRing.open(tmp_path, clock).disable(kid))  # type: ignore[misc]
    assert refused == 0
    assert (checked > 10_000, rotated >= 3, disabled >= 2) == (True, True, True)


def _try(act: Any) -> bool:
    try:
        act()
    except KeyStateError:
        return False
    return True
