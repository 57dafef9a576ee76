"""Addresses: kept, cut or removed, wherever they stand."""

from __future__ import annotations

import pytest

from cookiegate.gate.ip import filter_address, filter_forwarded, filter_list, truncate


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("203.0.113.77:51234", "203.0.113.0"),
        (" 203.0.113.77 ", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("[2001:db8:1:2::6]:443", "2001:db8:1::"),
        ("[2001:db8:1:2::6]", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("[::ffff:203.0.113.77]:80", "203.0.113.0"),
        ("::ffff:cb00:714d", "203.0.113.0"),
    ],
)
def test_addresses_are_cut_to_their_network(text: str, cut: str) -> None:
    assert truncate(text) == cut


@pytest.mark.parametrize(
    "text", ["", "unknown", "_hidden", "203.0.113", "203.0.113.777", "::g", "alice@example.jp", "x" * 100, None, 5, []]
)
def test_what_is_no_address_never_stays(text: object) -> None:
    assert truncate(text) is None
    assert filter_address(text, granted=True, truncating=True) is None


CHAIN = "203.0.113.77, unknown, [2001:db8:1:2::6]:443"


def test_forwarded_chain_follows_the_grant() -> None:
    assert filter_list(CHAIN, granted=True, truncating=False) == "203.0.113.77, 2001:db8:1:2::6"
    assert filter_list(CHAIN, granted=False, truncating=True) == "203.0.113.0, 2001:db8:1::"
    assert filter_list(CHAIN, granted=False, truncating=False) is None


FORWARDED = 'for=203.0.113.77;proto=https;by=10.0.0.1, For="[2001:db8:1:2::6]:443";host=secret.test, for=_hidden'


def test_forwarded_header_keeps_only_addresses_that_may_stay() -> None:
    assert filter_forwarded(FORWARDED, granted=True, truncating=False) == 'for=203.0.113.77, for="[2001:db8:1:2::6]"'
    assert filter_forwarded(FORWARDED, granted=False, truncating=True) == 'for=203.0.113.0, for="[2001:db8:1::]"'
    assert filter_forwarded(FORWARDED, granted=False, truncating=False) is None


def test_long_headers_take_no_time() -> None:
    for text in ("for=" * 16_000, "for=1.1.1.1," * 5_000, '"' * 64_000, ";for=" + " " * 64_000, "," * 64_000):
        filter_forwarded(text, granted=False, truncating=True)
        filter_list(text, granted=False, truncating=True)
