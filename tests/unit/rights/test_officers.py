"""Officers: who may do what (S33)."""

from __future__ import annotations

import json

import pytest
from support import engines
from support.service import Bench

from cookiegate.errors import InvalidInputError, OfficerDeniedError
from cookiegate.rights.addresses.officers import Officers

PASSPHRASE = "correct horse battery"


@pytest.fixture
def officers(bench: Bench) -> Officers:
    return Officers(bench.service.storage, bench.clock)


def test_s33_an_officer_acts_in_their_own_roles_alone(officers: Officers) -> None:
    officers.add("aoki", PASSPHRASE, ["look-up"])
    assert officers.authenticate("aoki", PASSPHRASE, "look-up").name == "aoki"
    with pytest.raises(OfficerDeniedError):
        officers.authenticate("aoki", PASSPHRASE, "approve")


def test_s33_who_becomes_an_officer_and_who_no_longer_is_one_is_in_the_ledger(officers: Officers, bench: Bench) -> None:
    officers.add("aoki", PASSPHRASE, ["look-up"])
    bench.clock.advance(1)
    officers.disable("aoki")
    officers.disable("aoki")
    entries = [json.loads(row.record) for row in bench.service.storage.entries(kind="break_glass")]
    assert [(entry["step"], entry["officer"]) for entry in entries] == [
        ("officer_added", "aoki"),
        ("officer_disabled", "aoki"),
    ]
    assert PASSPHRASE not in json.dumps(entries)


def test_a_refusal_never_says_what_was_wrong(officers: Officers) -> None:
    officers.add("aoki", PASSPHRASE, ["look-up"])
    officers.add("mori", PASSPHRASE, ["look-up"])
    officers.disable("mori")
    refusals = set()
    for name, passphrase in (("aoki", "wrong horse battery"), ("nobody", PASSPHRASE), ("mori", PASSPHRASE)):
        with pytest.raises(OfficerDeniedError) as refused:
            officers.authenticate(name, passphrase, "look-up")
        refusals.add(refused.value.detail)
    assert len(refusals) == 1


def test_the_passphrase_is_stored_as_a_slow_hash(officers: Officers, bench: Bench) -> None:
    officers.add("aoki", PASSPHRASE, ["look-up"])
    stored = engines.stored(bench.folder)
    assert PASSPHRASE.encode() not in stored
    assert b"$argon2id$" in stored


def test_a_disabled_officer_stays_listed(officers: Officers) -> None:
    officers.add("aoki", PASSPHRASE, ["look-up", "approve"])
    officers.disable("aoki")
    officers.disable("aoki")
    (found,) = officers.every()
    assert (found.name, found.roles, found.is_active) == ("aoki", ("look-up", "approve"), False)


@pytest.mark.parametrize(
    ("name", "passphrase", "roles", "field"),
    [
        ("Aoki Taro", PASSPHRASE, ["look-up"], "name"),
        ("", PASSPHRASE, ["look-up"], "name"),
        ("aoki", "short", ["look-up"], "passphrase"),
        ("aoki", "x" * 257, ["look-up"], "passphrase"),
        ("aoki", PASSPHRASE, [], "roles"),
        ("aoki", PASSPHRASE, ["root"], "roles"),
    ],
)
def test_what_does_not_fit_is_named(
    officers: Officers, name: str, passphrase: str, roles: list[str], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        officers.add(name, passphrase, roles)
    assert field in refused.value.evidence["errors"]  # type: ignore[operator]


def test_a_name_is_given_once(officers: Officers) -> None:
    officers.add("aoki", PASSPHRASE, ["look-up"])
    with pytest.raises(InvalidInputError, match="already"):
        officers.add("aoki", PASSPHRASE + "!", ["approve"])
    with pytest.raises(InvalidInputError, match="nobody"):
        officers.disable("mori")
