"""Every forged token of the security suite gets the same verdict, for the same reason, from both verifiers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from security.people import OTHER_ORIGIN, ROOM, TWO_SITES
from security.token_corpus import ORDER, Forger, b64
from support.service import Bench, make_bench

from cookiegate.gate import StatusBook, Verifier
from cookiegate.tokens import base64url
from cookiegate.tokens.jws import PublicKeys
from verifier.running import run_in_node


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A service of two sites."""
    bench = make_bench(tmp_path, policies=TWO_SITES, **ROOM)
    yield bench
    bench.service.close()


def test_both_verifiers_give_every_forged_token_the_same_reason(bench: Bench) -> None:
    good = bench.visitor().decide("accept").get_json()["token"]
    foreign = bench.visitor(site="other", origin=OTHER_ORIGIN).decide("accept").get_json()["token"]
    forger = Forger(bench, good, foreign)
    corpus = [("good", good), ("its twin", twin_of(forger)), *forger.corpus()]
    jwks, listed = bench.service.keyring.jwks(), (bench.service.register.signed(1) or b"").decode()
    book = StatusBook(clock=bench.clock)
    book.load(listed, PublicKeys(jwks))
    verifier = Verifier(jwks, audience="demo", issuer=forger.issuer, status=book, clock=bench.clock)
    wanted = {name: verifier.verify(text).reason.value for name, text in corpus}
    asked = {"jwks": jwks, "status": [listed], "audience": "demo", "issuer": forger.issuer}
    found = run_in_node(**asked, nowMs=bench.clock.now_ms(), tokens=[text for _, text in corpus])
    assert dict(zip(wanted, found["verdicts"], strict=True)) == wanted
    assert (wanted["good"], wanted["its twin"]) == ("ok", "ok")
    assert len(set(wanted.values())) > 10


def twin_of(forger: Forger) -> str:
    """The other signature of the same grant: no forgery."""
    raw = base64url.decode(forger.tail)
    return (
        f"{forger.head}.{forger.body}.{b64(raw[:32] + (ORDER - int.from_bytes(raw[32:], 'big')).to_bytes(32, 'big'))}"
    )
