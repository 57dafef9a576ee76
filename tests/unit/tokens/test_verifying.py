"""The verifier: every reason, a corpus of tampered tokens, and what must be asked again every time."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt as jose_jwt
from joserfc.jwk import KeySet
from support.consent import ISSUER, ConsentService

from cookiegate.tokens import base64url
from cookiegate.tokens.claims import TOKEN_LIMIT_CHARS
from cookiegate.tokens.verifying import Reason, Verifier


def _b64(value: Any) -> str:
    return base64url.encode(value if isinstance(value, bytes) else json.dumps(value).encode())


def _with_header(service: ConsentService, token: str, **changes: Any) -> str:
    """The token under another header, signed anew so that only the header is at fault."""
    header = {"alg": "ES256", "kid": service.ring.active.kid, "typ": "consent+jwt", **changes}
    header = {name: value for name, value in header.items() if value is not None}
    return _sign(service, _b64(header), token.split(".")[1])


def _sign(service: ConsentService, head: str, body: str) -> str:
    from cookiegate.tokens import signing

    key = signing.SigningKey(service.ring.active.kid, service.ring.active.key, {"x": head})
    return signing.sign_jws(key, "x", base64url.decode(body))


def test_good_token_is_ok_and_gives_its_claims(service: ConsentService) -> None:
    verdict = service.verifier().verify(service.token(acquire=["device", "browsing"]))
    assert verdict.ok
    assert verdict.reason is Reason.OK
    assert verdict.claims is not None
    assert verdict.claims.purposes == {"security", "analytics"}
    assert verdict.claims.categories == {"device", "browsing"}


def test_same_grant_at_the_same_time_is_the_same_token(service: ConsentService) -> None:
    assert service.token() == service.token()
    assert service.token(idx=8) != service.token()


def test_token_is_compact(service: ConsentService) -> None:
    assert len(service.token()) < 700


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_token_missing(service: ConsentService, nothing: str | None) -> None:
    assert service.verifier().verify(nothing).reason is Reason.TOKEN_MISSING


def test_token_past_four_kilobytes_is_token_oversized(service: ConsentService) -> None:
    verifier = service.verifier()
    assert verifier.verify("a" * (TOKEN_LIMIT_CHARS + 1)).reason is Reason.TOKEN_OVERSIZED
    assert verifier.verify("a" * 1_000_000).reason is Reason.TOKEN_OVERSIZED
    assert verifier.verify("a" * TOKEN_LIMIT_CHARS).reason is Reason.TOKEN_MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        "x", "a.b", "a.b.c", "a.b.c.d", "..", "....", "é.é.é", "\ud800.a.b", "\x00", 5, 1.5, True, b"bytes", ["x"],
        {"x": 1}, object(), _b64([]) + ".e30.AA", _b64(b'{"alg":"ES256","alg":"ES256"}') + ".e30.AA",
        _b64(b'{"alg":NaN}') + ".e30.AA", _b64(b"[" * 1000) + ".e30.AA", _b64(b"\xff\xfe") + ".e30.AA",
        _b64({"alg": "ES256", "pad": "x" * 2000}) + ".e30.AA",
    ],
)  # fmt: skip
def test_what_is_no_token_is_token_malformed_and_never_raised(service: ConsentService, text: Any) -> None:
    assert service.verifier().verify(text).reason is Reason.TOKEN_MALFORMED


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256", "ES384", "ES512", "EdDSA", "", None, 5, ["ES256"]])
def test_other_algorithms_are_algorithm_denied(service: ConsentService, alg: Any) -> None:
    token = _with_header(service, service.token(), alg=alg)
    assert service.verifier().verify(token).reason is Reason.ALGORITHM_DENIED


def test_public_key_as_hmac_secret_is_algorithm_denied(service: ConsentService) -> None:
    secret = service.ring.active.key.as_pem(private=False)
    head = _b64({"alg": "HS256", "kid": service.ring.active.kid, "typ": "consent+jwt"})
    import hashlib
    import hmac

    body = _b64(service.claims())
    tag = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert service.verifier().verify(f"{head}.{body}.{_b64(tag)}").reason is Reason.ALGORITHM_DENIED


@pytest.mark.parametrize("typ", ["JWT", "consent+JWT", "statuslist+jwt", "receipt+jwt", "", None, 5])
def test_other_kinds_of_token_are_type_denied(service: ConsentService, typ: Any) -> None:
    token = _with_header(service, service.token(), typ=typ)
    assert service.verifier().verify(token).reason is Reason.TYPE_DENIED


@pytest.mark.parametrize("kid", ["other", "", None, 5, ["a"], {"a": 1}, "../../etc/passwd"])
def test_unlisted_key_is_key_unknown(service: ConsentService, kid: Any) -> None:
    token = _with_header(service, service.token(), kid=kid)
    assert service.verifier().verify(token).reason is Reason.KEY_UNKNOWN


@pytest.mark.parametrize("name", ["crit", "b64"])
@pytest.mark.parametrize("value", [["exp"], [], True, False, None])
def test_critical_headers_are_refused(service: ConsentService, name: str, value: Any) -> None:
    header = {"alg": "ES256", "kid": service.ring.active.kid, "typ": "consent+jwt", name: value}
    token = _sign(service, _b64(header), service.token().split(".")[1])
    assert service.verifier().verify(token).reason is Reason.TOKEN_MALFORMED


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t"])
def test_key_that_a_token_brings_along_is_ignored(service: ConsentService, name: str) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    bait: Any = jwt.algorithms.ECAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    headers = {"kid": service.ring.active.kid, "typ": "consent+jwt", name: bait if name == "jwk" else "https://x.test"}
    token = jwt.encode(service.claims(), stranger, algorithm="ES256", headers=headers)
    assert service.verifier().verify(token).reason is Reason.SIGNATURE_INVALID
    honest = _with_header(service, service.token(), **{name: "https://x.test"})
    assert service.verifier().verify(honest).ok


def test_changed_payload_is_signature_invalid(service: ConsentService) -> None:
    head, _, tail = service.token().split(".")
    forged = f"{head}.{_b64(service.claims(scope='security analytics advertising'))}.{tail}"
    assert service.verifier().verify(forged).reason is Reason.SIGNATURE_INVALID


def test_no_single_changed_character_passes(service: ConsentService) -> None:
    verifier, token = service.verifier(), service.token()
    assert verifier.verify(token).ok
    for place in range(len(token)):
        for other in ("A", "_", ".", "=", "é"):
            if token[place] != other:
                assert not verifier.verify(token[:place] + other + token[place + 1 :]).ok, (place, other)


@pytest.mark.parametrize("tail", ["", "AA", _b64(bytes(64)), _b64(b"\xff" * 64), _b64(bytes(63)), _b64(bytes(65))])
def test_degenerate_signatures_are_signature_invalid(service: ConsentService, tail: str) -> None:
    head, body, _ = service.token().split(".")
    assert service.verifier().verify(f"{head}.{body}.{tail}").reason is Reason.SIGNATURE_INVALID


def test_other_spellings_of_a_good_token_are_refused(service: ConsentService) -> None:
    token = service.token()
    padded = base64.urlsafe_b64encode(base64url.decode(token.split(".")[2])).decode()
    last = token[-1]
    stray = token[:-1] + chr(ord(last) + 1)
    for spelling in (f" {token}", f"{token}\n", f"{token}=", token.rpartition(".")[0] + "." + padded, stray):
        assert not service.verifier().verify(spelling).ok


CLAIM_FAULTS: list[dict[str, Any]] = [
    *({name: None} for name in ("iss", "aud", "sub", "iat", "exp", "pv", "ep", "scope", "acquire", "status")),
    *({name: value} for name in ("iat", "exp") for value in (1.5, "1795000000", True, -1, 2**60, [1])),
    {"exp": 1795000000}, {"exp": 1794999999}, {"exp": 1795000900.0},
    {"aud": ["demo"]}, {"aud": ""}, {"sub": ""}, {"sub": 7}, {"sub": "s" * 600},
    {"pv": 0}, {"pv": "3"}, {"pv": True}, {"ep": -1}, {"ep": 1.0},
    {"scope": ""}, {"scope": ["analytics"]}, {"scope": " analytics"}, {"scope": "a  b"}, {"scope": "a\nb"},
    {"scope": "a\x00b"}, {"scope": "解析"}, {"acquire": ["ip"]}, {"acquire": " ip"}, {"acquire": "ip,device"},
    {"status": {}}, {"status": {"status_list": {}}}, {"status": {"status_list": {"idx": -1, "uri": "x"}}},
    {"status": {"status_list": {"idx": "7", "uri": "x"}}}, {"status": {"status_list": {"idx": 7}}}, {"status": "x"},
]  # fmt: skip


@pytest.mark.parametrize("changes", CLAIM_FAULTS, ids=str)
def test_wrong_claims_are_claims_invalid_even_when_signed(service: ConsentService, changes: dict[str, Any]) -> None:
    assert service.verifier().verify(service.signed(service.claims(**changes))).reason is Reason.CLAIMS_INVALID


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b'"x"', b"{", b"\xff", b'{"a":NaN}', b"[" * 2000, b'{"iat":' + b"9" * 2000 + b"}"]
)
def test_signed_payload_that_is_no_object_is_claims_invalid(service: ConsentService, payload: bytes) -> None:
    assert service.verifier().verify(service.signed(payload)).reason is Reason.CLAIMS_INVALID


def test_claim_given_twice_is_claims_invalid(service: ConsentService) -> None:
    payload = json.dumps(service.claims()).encode()[:-1] + b',"scope":"advertising"}'
    assert service.verifier().verify(service.signed(payload)).reason is Reason.CLAIMS_INVALID


def test_unknown_claim_is_ignored(service: ConsentService) -> None:
    assert service.verifier().verify(service.signed(service.claims(jti="x", later={"a": [1]}))).ok


def test_other_issuer_is_issuer_mismatch(service: ConsentService) -> None:
    assert service.verifier(issuer="https://other.test").verify(service.token()).reason is Reason.ISSUER_MISMATCH
    assert service.verifier(issuer=None).verify(service.token()).ok


def test_token_of_another_site_is_audience_mismatch(service: ConsentService) -> None:
    sites = ["demo", "shop", "demo2", "Demo"]
    for mine in sites:
        verifier = service.verifier(audience=mine)
        for other in sites:
            reason = verifier.verify(service.token(site=other)).reason
            assert reason is (Reason.OK if mine == other else Reason.AUDIENCE_MISMATCH)


def test_token_dies_at_its_end_and_a_minute_of_leeway(service: ConsentService) -> None:
    verifier, token = service.verifier(), service.token()
    service.clock.advance(959)
    assert verifier.verify(token).ok
    service.clock.advance(1)
    assert verifier.verify(token).reason is Reason.TOKEN_EXPIRED


def test_token_from_the_future_is_token_not_yet_valid(service: ConsentService) -> None:
    verifier, token = service.verifier(), service.token()
    service.clock.advance(-60)
    assert verifier.verify(token).ok
    service.clock.advance(-1)
    assert verifier.verify(token).reason is Reason.TOKEN_NOT_YET_VALID


def test_token_that_would_live_longer_than_any_of_ours_is_lifetime_too_long(service: ConsentService) -> None:
    now_s = service.clock.now_ms() // 1000
    assert service.verifier().verify(service.signed(service.claims(exp=now_s + 906))).reason is Reason.LIFETIME_TOO_LONG
    assert service.verifier().verify(service.signed(service.claims(exp=now_s + 905))).ok


def test_token_of_an_unknown_list_or_place_is_status_unavailable(service: ConsentService) -> None:
    for place in ({"idx": 7, "uri": f"{ISSUER}/status/2"}, {"idx": 1024, "uri": f"{ISSUER}/status/1"}):
        token = service.signed(service.claims(status={"status_list": place}))
        assert service.verifier().verify(token).reason is Reason.STATUS_UNAVAILABLE
        assert service.verifier(status=None).verify(token).ok


def test_withdrawn_token_is_refused_although_it_is_cached(service: ConsentService) -> None:
    verifier, token = service.verifier(), service.token()
    assert verifier.verify(token).ok
    service.register.revoke(1, 7)
    assert verifier.verify(token).reason is Reason.WITHDRAWN


def test_old_epoch_is_not_revived_by_a_later_yes(service: ConsentService) -> None:
    verifier, first = service.verifier(), service.token(epoch=1)
    assert verifier.verify(first).ok
    service.epochs.raise_to("s" * 22, 3)
    assert verifier.verify(first).reason is Reason.EPOCH_STALE
    assert verifier.verify(service.token(epoch=3)).ok


def test_token_under_a_policy_that_asks_again_is_policy_outdated(service: ConsentService) -> None:
    oldest = 3
    verifier, token = service.verifier(min_policy_version=lambda: oldest), service.token(policy_version=3)
    assert verifier.verify(token).ok
    oldest = 4
    assert verifier.verify(token).reason is Reason.POLICY_OUTDATED
    assert service.verifier(min_policy_version=4).verify(token).reason is Reason.POLICY_OUTDATED


def test_rotation_and_disabling_are_followed_at_once(service: ConsentService) -> None:
    verifier, token, former = service.verifier(), service.token(), service.ring.active.kid
    service.ring.rotate()
    assert verifier.verify(token).ok
    assert verifier.verify(service.token()).ok
    service.ring.disable(former, now=True)
    assert verifier.verify(token).reason is Reason.KEY_UNKNOWN


def test_cache_is_bounded_and_forgets_nothing_that_matters(service: ConsentService) -> None:
    verifier = service.verifier(cache_size=10)
    tokens = [service.token(idx=idx) for idx in range(50)]
    for _ in range(2):
        assert all(verifier.verify(token).ok for token in tokens)
    assert len(verifier._cache) <= 10


def test_bad_tokens_are_not_remembered(service: ConsentService) -> None:
    verifier = service.verifier()
    for number in range(200):
        verifier.verify(f"a.{number}.c")
        verifier.verify(service.token(site=f"other{number}"))
    assert len(verifier._cache) == 0


@pytest.mark.parametrize("jwks", [{}, {"keys": None}, {"keys": {}}, [], None, "x"])
def test_what_is_no_key_set_is_refused_when_the_verifier_is_made(jwks: Any) -> None:
    with pytest.raises(ValueError):
        Verifier(jwks, audience="demo")


def test_keys_of_other_kinds_are_left_out_of_a_set(service: ConsentService) -> None:
    other = rsa.generate_private_key(65537, 2048).public_key()
    foreign = [{**jwt.algorithms.RSAAlgorithm.to_jwk(other, as_dict=True), "kid": "r"}, {"kty": "oct", "k": "AA"}, 5]
    jwks = {"keys": [*foreign, *service.ring.jwks()["keys"]]}
    verifier = Verifier(jwks, audience="demo", clock=service.clock)
    assert verifier.verify(service.token()).ok


def test_two_keys_of_one_name_are_refused(service: ConsentService) -> None:
    key = service.ring.jwks()["keys"][0]
    with pytest.raises(ValueError, match="same kid"):
        Verifier({"keys": [key, key]}, audience="demo")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.text(max_size=300), st.from_regex(r"[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,90}"))
)
def test_random_text_is_refused_and_never_raises(service: ConsentService, text: str) -> None:
    assert not service.verifier().verify(text).ok


def test_pyjwt_and_joserfc_read_our_tokens(service: ConsentService) -> None:
    token, public = service.token(), service.ring.jwks()["keys"][0]
    options = {"verify_exp": False, "verify_iat": False}
    read = jwt.decode(token, jwt.PyJWK(public).key, algorithms=["ES256"], audience="demo", options=options)
    assert read == service.claims()
    assert jose_jwt.decode(token, KeySet.import_key_set(service.ring.jwks()), algorithms=["ES256"]).claims == read


def test_token_signed_by_pyjwt_is_accepted(service: ConsentService) -> None:
    headers = {"kid": service.ring.active.kid, "typ": "consent+jwt"}
    token = jwt.encode(service.claims(), service.ring.active.key.private_key, algorithm="ES256", headers=headers)
    assert service.verifier().verify(token).ok
