"""Tokens that share their first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from cookiegate.tokens.jws import PublicKeys, open_jws
from cookiegate.tokens.signing import JwsOpening, SigningKey, sign, sign_jws

KEY = SigningKey("k", ECKey.generate_key("P-256"))
KEYS = PublicKeys({"keys": [{**KEY.key.as_dict(private=False), "kid": "k"}]})


@given(opening=st.binary(max_size=60), rest=st.binary(max_size=60))
def test_a_token_signed_in_two_parts_is_the_token_signed_at_once(opening: bytes, rest: bytes) -> None:
    opening += b" " * (-len(opening) % 3)
    token = sign(JwsOpening(KEY, "x+jwt", opening).unsigned(rest))
    assert token == sign_jws(KEY, "x+jwt", opening + rest)
    assert open_jws(token, "x+jwt", KEYS) == opening + rest


def test_an_opening_that_base64_would_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of three"):
        JwsOpening(KEY, "x+jwt", b"ab")
