"""Restriction of use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.keeping import Keeping

from cookiegate.consent.current import consent_of
from cookiegate.consent.deciding import Decided
from cookiegate.errors import NotFoundError


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Keeping]:
    bench = Keeping(tmp_path / "data")
    yield bench
    bench.close()


def shown(bench: Keeping, decided: Decided) -> dict[str, object]:
    published = bench.book.current("demo")
    return consent_of(published, bench.consent(decided), None, bench.clock.now_ms()).shown()


def test_s24_while_restricted_the_data_is_kept_and_nothing_is_allowed(bench: Keeping) -> None:
    given = bench.decide()
    restricted = bench.restriction.restrict("demo", given.row.key_id, by="self", request_id="R-1")
    row = bench.consent(given)
    assert (row.purposes, row.restricted, row.slot, row.epoch) != ("", False, given.row.slot, 1)
    assert (row.restricted, row.slot, row.epoch) == (True, None, 2)
    assert bench.revoked == [(given.row.slot, given.row.sub, 2)]
    view = shown(bench, given)
    assert (view["state"], view["restricted"], view["ask"]) == ("refused", True, False)
    assert bench.storage.decision(given.row.id) == given.row
    event = bench.streams.read(["suspend"], after=0)[0]
    assert (event.sequence, event.sub, event.epoch, event.request_id) == (
        restricted.sequence,
        given.row.sub,
        2,
        "R-1",
    )
    assert json.loads(bench.storage.entries(kind="restriction")[0].record)["by"] == "self"


def test_s24_lifting_lets_the_consent_count_again_as_it_was(bench: Keeping) -> None:
    given = bench.decide()
    before = bench.consent(given)
    bench.restriction.restrict("demo", given.row.key_id, by="self")
    lifted = bench.restriction.lift("demo", given.row.key_id, by="self")
    after = bench.consent(given)
    assert (after.purposes, after.acquire, after.restricted, after.epoch) == (
        before.purposes,
        before.acquire,
        False,
        3,
    )
    assert after.slot not in (None, before.slot)  # the old one stays revoked
    assert bench.streams.read(["resume"], after=0)[0].sequence == lifted.sequence
    assert shown(bench, given)["state"] == "granted"
    assert len(bench.entries("restriction_lifted")) == 1


def test_restricting_twice_changes_nothing_and_names_what_is_still_to_be_acknowledged(bench: Keeping) -> None:
    given = bench.decide()
    first = bench.restriction.restrict("demo", given.row.key_id, by="self")
    assert bench.restriction.restrict("demo", given.row.key_id, by="desk") == first
    bench.acknowledge()
    assert bench.restriction.restrict("demo", given.row.key_id, by="desk").sequence is None
    assert len(bench.entries("restriction")) == 1
    assert bench.consent(given).epoch == 2


def test_lifting_what_is_not_restricted_changes_nothing(bench: Keeping) -> None:
    given = bench.decide()
    lifted = bench.restriction.lift("demo", given.row.key_id, by="self")
    assert (lifted.restricted, lifted.sequence) == (False, None)
    assert bench.consent(given).epoch == 1


def test_a_new_grant_by_the_person_lifts_it_and_that_is_recorded(bench: Keeping) -> None:
    given = bench.decide()
    bench.restriction.restrict("demo", given.row.key_id, by="self")
    again = bench.decide("accept", given.handle)
    row = bench.consent(again)
    assert (row.restricted, row.epoch, row.sub) == (False, 3, given.row.sub)
    assert bench.entries("restriction_lifted")[0]["by"] == "consent"
    event = bench.streams.read(["resume"], after=0)[0]
    assert (event.sub, event.epoch) == (given.row.sub, 3)


@pytest.mark.parametrize("action", ["reject", "withdraw"])
def test_a_refusal_keeps_it(bench: Keeping, action: str) -> None:
    given = bench.decide()
    bench.restriction.restrict("demo", given.row.key_id, by="self")
    bench.decide(action, given.handle)
    row = bench.consent(given)
    assert (row.restricted, row.is_granted) == (True, False)
    assert bench.entries("restriction_lifted") == []


def test_data_of_a_withdrawn_consent_is_restricted_too(bench: Keeping) -> None:
    given = bench.decide()
    bench.decide("withdraw", given.handle)
    bench.revoked.clear()
    restricted = bench.restriction.restrict("demo", given.row.key_id, by="desk")
    assert restricted.sequence is not None
    assert bench.revoked == []
    lifted = bench.restriction.lift("demo", given.row.key_id, by="desk")
    assert not lifted.restricted
    assert bench.consent(given).slot is None


def test_who_gave_nothing_has_nothing_to_restrict(bench: Keeping) -> None:
    refused = bench.decide("reject")
    for key_id in (refused.row.key_id, 99):
        with pytest.raises(NotFoundError):
            bench.restriction.restrict("demo", key_id, by="self")


def test_it_survives_a_new_start(bench: Keeping) -> None:
    given = bench.decide()
    bench.restriction.restrict("demo", given.row.key_id, by="self")
    bench.reopen()
    assert bench.consent(given).restricted


def test_a_repeated_answer_from_before_brings_nothing_back(bench: Keeping) -> None:
    given = bench.decide()
    bench.restriction.restrict("demo", given.row.key_id, by="self")
    bench._keys -= 1
    assert bench.decide("accept").superseded
