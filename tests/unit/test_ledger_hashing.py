"""Canonical records and leaves."""

from __future__ import annotations

import hashlib
import string

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cookiegate.ledger.hashing import canonical, leaf_hash, new_salt

KEYS = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_a_record_s_canonical_form_is_rfc_8785(record: dict[str, object]) -> None:
    assert canonical(record) == rfc8785.dumps(record)  # type: ignore[arg-type]


def test_a_leaf_is_a_hash_over_a_salted_commitment() -> None:
    expected = hashlib.sha256(b"\x00" + hashlib.sha256(b"salt" + b"record").digest()).digest()
    assert leaf_hash(b"salt", b"record") == expected


def test_another_salt_or_record_is_another_leaf() -> None:
    assert leaf_hash(b"a", b"record") != leaf_hash(b"b", b"record")
    assert leaf_hash(b"a", b"record") != leaf_hash(b"a", b"recorD")
    assert new_salt() != new_salt()
