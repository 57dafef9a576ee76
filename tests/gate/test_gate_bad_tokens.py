"""Hundreds of bad tokens at the gate of every tracker; and whatever another library refuses, the gate refuses."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry
from security.people import OTHER_ORIGIN, ROOM, TWO_SITES
from security.token_corpus import Forger, Named
from support.marked_requests import Choices, marked_request
from support.service import Bench, make_bench

from cookiegate.gate import Gate, Reason, StatusBook, TrackerRequest, Verifier, trackers
from cookiegate.tokens.jws import PublicKeys

SCRIPT = Path(__file__).parent / "interop" / "verify_tokens.mjs"
MUTANTS = 300
LEEWAY_S = 0
#: What the gate may say of a token; nothing else may have gone wrong with the events around it.
_OF_TOKENS = frozenset(Reason) - {
    Reason.OK, Reason.EVENT_MALFORMED, Reason.EVENT_UNKNOWN, Reason.BODY_TOO_LARGE, Reason.ENCODING_UNKNOWN,
    Reason.TRACKER_MISMATCH, Reason.PURPOSE_MISSING, Reason.PURPOSE_UNKNOWN, Reason.RECIPIENT_NOT_COVERED,
}  # fmt: skip


@pytest.fixture(scope="module")
def forger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forger]:
    """A forger of two sites' tokens."""
    bench = make_bench(tmp_path_factory.mktemp("forged"), policies=TWO_SITES, **ROOM)
    good = bench.visitor().decide("accept").get_json()["token"]
    foreign = bench.visitor(site="other", origin=OTHER_ORIGIN).decide("accept").get_json()["token"]
    forger = Forger(bench, good, foreign)
    forger.bench = bench  # type: ignore[attr-defined]
    yield forger
    bench.service.close()


@pytest.fixture(scope="module")
def corpus(forger: Forger) -> list[Named]:
    """Every forged token, and some that are too long for anything."""
    return [*forger.corpus(), ("a megabyte", forger.good + "A" * 1_000_000), ("a megabyte of dots", "." * 1_000_000)]


def verifier_of(forger: Forger) -> Verifier:
    bench: Bench = forger.bench  # type: ignore[attr-defined]
    jwks = bench.service.keyring.jwks()
    book = StatusBook(clock=bench.clock)
    book.load((bench.service.register.signed(1) or b"").decode(), PublicKeys(jwks))
    return Verifier(jwks, audience="demo", issuer=forger.issuer, status=book, clock=bench.clock, leeway_s=LEEWAY_S)


@pytest.mark.parametrize(
    ("tracker", "carrier"),
    [*((name, "field") for name in trackers.NAMES), ("segment", "header"), ("ga4", "query"), ("otlp", "cookie")],
)
def test_no_bad_token_passes_a_tracker_s_gate_and_each_is_counted(
    forger: Forger, corpus: list[Named], tracker: str, carrier: str
) -> None:
    table = trackers.find(tracker)
    gate = Gate(verifier_of(forger), purpose="analytics", tracker=tracker)
    kind = next(iter(sorted(table.types)), "pageview")

    def ask(token: str) -> tuple[int, dict[Reason, int]]:
        choices = Choices(kind, [], carrier, table.token_fields[0])
        line = marked_request(table, table.usual_route, token, choices).line
        filtered = gate.filter(TrackerRequest(line["method"], line["path"], line["headers"], line["body"]))
        return len(filtered.accepted), dict(filtered.counts.dropped)

    assert ask(forger.good)[0] == 1
    wrong = {}
    for name, token in corpus:
        if carrier in ("header", "cookie") and (not token.isprintable() or set('";') & set(token)):
            continue
        passed, dropped = ask(token)
        if passed or not dropped or not set(dropped) <= _OF_TOKENS:
            wrong[name] = (passed, dropped)
    assert not wrong


def test_plain_lines_with_bad_tokens_do_not_pass_beside_good_ones(forger: Forger, corpus: list[Named]) -> None:
    gate = Gate(verifier_of(forger), purpose="analytics")
    lines = [
        json.dumps({"consent_token": token, "event": name}).encode()
        for name, bad in corpus
        for token in (forger.good, bad)
    ]
    for _ in range(2):
        out = gate.lines(lines)
        assert all(out[0::2])
        assert not any(out[1::2])
    assert gate.counts.accepted == len(lines)
    assert sum(gate.counts.dropped.values()) == len(lines)
    assert set(gate.counts.dropped) <= _OF_TOKENS


def mutants(forger: Forger) -> Iterator[Named]:
    """Good tokens with something changed by chance, and some signed anew with other claims: a few of them are good."""
    rand, now_s = random.Random(5), forger.now_s
    for number in range(MUTANTS):
        kind = rand.randrange(4)
        if kind == 0:
            place = rand.randrange(len(forger.good))
            text = forger.good[:place] + rand.choice("Aa0-_.=+/ é\x00") + forger.good[place + rand.randrange(2) :]
        elif kind == 1:
            parts = forger.good.split(".")
            rand.shuffle(parts)
            text = ".".join(parts[: rand.randint(1, 3)])
        elif kind == 2:
            header = {
                **forger.header,
                rand.choice(("alg", "typ", "kid", "crit", "x")): rand.choice(("ES256", "", None)),
            }
            text = forger.signed(forger.claims, header)
        else:
            iat = now_s + rand.randint(-1500, 200)
            changes = rand.choice(
                ({}, {"aud": ["demo"]}, {"nbf": now_s + 500}, {"nbf": 0}, {"sub": 5}, {"x": 1}, {"jti": "a"})
            )
            text = forger.signed({**forger.claims, "iat": iat, "exp": iat + rand.randint(-5, 1200), **changes})
        yield f"mutant {number}", text


def by_pyjwt(forger: Forger, jwks: dict[str, Any], tokens: list[str]) -> list[bool]:
    """Which tokens PyJWT takes; it has no clock but the machine's, so that times are left to the others."""
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(jwks).keys}
    options: Any = {
        "require": ["iss", "aud", "sub", "iat", "exp"], "verify_exp": False, "verify_iat": False, "verify_nbf": False,
    }  # fmt: skip

    def takes(token: str) -> bool:
        try:
            header = jwt.get_unverified_header(token)
            jwt.decode(token, keys[header["kid"]], ["ES256"], options, audience="demo", issuer=forger.issuer)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            return False
        return bool(header.get("typ") == "consent+jwt")

    return [takes(token) for token in tokens]


def by_joserfc(forger: Forger, jwks: dict[str, Any], tokens: list[str]) -> list[bool]:
    keys = KeySet.import_key_set(jwks)
    needed: Any = {name: {"essential": True} for name in ("sub", "iat", "exp")}
    needed |= {"aud": {"essential": True, "value": "demo"}, "iss": {"essential": True, "value": forger.issuer}}
    # A header that nobody knows is to be passed over (RFC 7515 section 4).
    headers = JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    registry = JWTClaimsRegistry(now=forger.now_s, leeway=LEEWAY_S, **needed)

    def takes(token: str) -> bool:
        try:
            read = joserfc_jwt.decode(token, keys, registry=headers)
            registry.validate(read.claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return False
        return bool(read.header.get("typ") == "consent+jwt")

    return [takes(token) for token in tokens]


def by_jose(forger: Forger, jwks: dict[str, Any], tokens: list[str], npm_dir: Path) -> list[bool]:
    asked = {
        "npm": str(npm_dir), "jwks": jwks, "tokens": tokens, "audience": "demo", "issuer": forger.issuer,
        "nowMs": forger.now_s * 1000,
    }  # fmt: skip
    done = subprocess.run(
        ["node", str(SCRIPT)], input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return [code is None for code in json.loads(done.stdout)]


def test_what_pyjwt_joserfc_or_jose_refuses_the_gate_refuses(
    forger: Forger, corpus: list[Named], npm_dir: Path
) -> None:
    named = [("good", forger.good), *corpus, *mutants(forger)]
    tokens = [token for _, token in named]
    verifier = verifier_of(forger)
    ours = [verifier.verify(token).ok for token in tokens]
    jwks = verifier.jwks
    others = {
        "PyJWT": by_pyjwt(forger, dict(jwks), tokens),
        "joserfc": by_joserfc(forger, dict(jwks), tokens),
        "jose": by_jose(forger, dict(jwks), tokens, npm_dir),
    }
    for library, verdicts in others.items():
        too_kind = [name for (name, _), our, their in zip(named, ours, verdicts, strict=True) if our and not their]
        assert too_kind == [], library
        assert verdicts[0]
        assert verdicts.count(False) > 200
    good = sum(ours)
    assert good > 10
    assert len(tokens) - good > 500


def test_a_gate_takes_no_request_for_a_token(forger: Forger) -> None:
    gate = Gate(verifier_of(forger), purpose="analytics", tracker="plausible")
    for token in (5, None, True, [], {}, [forger.good], {"token": forger.good}, 1e300):
        body = json.dumps({"n": "pageview", "consent_token": token})
        filtered = gate.filter(TrackerRequest("POST", "/api/event", {}, body))
        assert filtered.accepted == []
        assert sum(filtered.counts.dropped.values()) == 1
