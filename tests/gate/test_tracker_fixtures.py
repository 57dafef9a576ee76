"""Every recorded request under every grant: exactly the granted fields stay, with the values that they came with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from support.consent import ConsentService
from support.tracker_fixtures import Fixture, fixtures, flatten

from cookiegate.gate import Filtered, Gate, Reason, trackers
from cookiegate.policy.document import CATEGORIES

FIXTURES = fixtures()
IDS = [f"{fixture.tracker}/{fixture.shape}" for fixture in FIXTURES]
GRANTS: list[tuple[str, ...]] = [tuple(CATEGORIES), *((category,) for category in CATEGORIES), ()]
JUDGEMENTS = {*CATEGORIES, "event", "token", "dropped", "framing", "written"}
every_fixture = pytest.mark.parametrize("fixture", FIXTURES, ids=IDS)
#: Beacons of a page that ends are made without asking anybody for a token.
WITHOUT_TOKEN = {"plausible/property-3"}


@pytest.fixture(scope="module")
def service(lasting_service: ConsentService) -> ConsentService:
    """Nothing here changes it."""
    return lasting_service


def _send(service: ConsentService, fixture: Fixture, acquire: Sequence[str]) -> Filtered:
    request = fixture.request(service.token(acquire=acquire))
    return service.gate(fixture.tracker).filter(request)


def _carries_token(fixture: Fixture) -> bool:
    return "token" in fixture.fields.values()


def _count(gate: Gate, fixture: Fixture) -> int:
    """How many events a fixture holds: a body that is denied whole counts once."""
    return sum(gate.filter(fixture.request(None)).counts.dropped.values())


@every_fixture
@pytest.mark.parametrize("acquire", GRANTS, ids=lambda grant: "+".join(grant) if len(grant) < 7 else "all")
def test_exactly_the_granted_fields_stay_as_they_came(
    service: ConsentService, fixture: Fixture, acquire: tuple[str, ...]
) -> None:
    if not _carries_token(fixture):
        assert f"{fixture.tracker}/{fixture.shape}" in WITHOUT_TOKEN
        return
    filtered = _send(service, fixture, acquire)
    (accepted,) = filtered.accepted
    assert not filtered.counts.dropped
    granted = {*acquire, "event"}
    came = flatten(json.loads(fixture.line("-")) | {"body": fixture.read.get("body")})
    expected = {name: values for name, values in came.items() if fixture.fields[name] in granted}
    stayed = flatten(accepted)
    assert stayed.pop("header content-type", [None])[0] in _content_types(fixture)
    assert stayed == expected
    assert json.loads(accepted.to_line())["consent"]["acquire"] == " ".join(acquire)


def _content_types(fixture: Fixture) -> set[str | None]:
    table, path = trackers.find(fixture.tracker), fixture.read["path"].partition("?")[0]
    return {None, *(route.content_type or table.content_type for route in table.routes if route.path == path)}


@every_fixture
def test_every_field_that_goes_is_counted_by_its_name(service: ConsentService, fixture: Fixture) -> None:
    if not _carries_token(fixture):
        return
    counts = _send(service, fixture, ()).counts
    gone = {name for name, category in fixture.fields.items() if category in {*CATEGORIES, "dropped"}}
    headers = {name for name in gone if name.startswith(("header ", "cookie "))}
    assert headers - counts.stripped.keys() == set()
    assert counts.stripped["ip"] == 1
    # What is inside a field that goes as a whole is counted under that field's name.
    flat = {name.partition(" ")[2] for name in gone - headers if name.startswith(("query ", "form ", "line "))}
    assert {name for name in flat if "." not in name or fixture.tracker == "ga4"} - counts.stripped.keys() == set()


@every_fixture
def test_nothing_passes_without_a_token(service: ConsentService, fixture: Fixture) -> None:
    gate = service.gate(fixture.tracker)
    filtered = gate.filter(fixture.request(None))
    assert filtered.accepted == []
    assert set(filtered.counts.dropped) == {Reason.TOKEN_MISSING}
    assert gate.line(fixture.line(None)) == b""


@every_fixture
def test_nothing_passes_with_a_token_for_another_purpose_site_or_after_a_withdrawal(
    service: ConsentService, fixture: Fixture
) -> None:
    if not _carries_token(fixture):
        return
    gate = service.gate(fixture.tracker)
    count = _count(gate, fixture)
    for token, reason in (
        (service.token(scope=["security"]), Reason.PURPOSE_NOT_GRANTED),
        (service.token(site="other"), Reason.AUDIENCE_MISMATCH),
        ("a.b.c", Reason.TOKEN_MALFORMED),
    ):
        filtered = gate.filter(fixture.request(token))
        assert (filtered.accepted, dict(filtered.counts.dropped)) == ([], {reason: count})


@every_fixture
def test_the_line_of_a_command_is_the_request_of_a_server(service: ConsentService, fixture: Fixture) -> None:
    token, gate = service.token(acquire=["screen"]), service.gate(fixture.tracker)
    filtered = service.gate(fixture.tracker).filter(fixture.request(token))
    assert gate.line(fixture.line(token)) == b"".join(accepted.to_line() for accepted in filtered.accepted)
    assert gate.counts.accepted == filtered.counts.accepted


@every_fixture
def test_no_text_of_the_token_goes_on(service: ConsentService, fixture: Fixture) -> None:
    token = service.token()
    out = service.gate(fixture.tracker).line(fixture.line(token)).decode()
    assert token not in out
    assert token.rpartition(".")[2] not in out


@every_fixture
def test_a_request_with_another_header_token_still_goes_by_its_own(service: ConsentService, fixture: Fixture) -> None:
    if fixture.fields.get("header x-consent-token") == "token" or "query ct" in fixture.fields:
        return
    request: Any = fixture.request("bad")
    request = type(request)(
        request.method, request.path, {**request.headers, "X-Consent-Token": service.token()}, request.body,
        request.body_base64, request.received_at, request.ip,
    )  # fmt: skip
    filtered = service.gate(fixture.tracker).filter(request)
    assert bool(filtered.accepted) is not _carries_token(fixture)


def test_every_field_of_every_fixture_was_judged() -> None:
    for fixture in FIXTURES:
        assert set(fixture.fields) == set(flatten(fixture.read)), fixture
        assert set(fixture.fields.values()) <= JUDGEMENTS, (fixture.tracker, fixture.shape)


def test_a_field_has_one_category_in_all_fixtures_of_its_tracker() -> None:
    seen: dict[tuple[str, str], str] = {}
    for fixture in FIXTURES:
        for name, category in fixture.fields.items():
            assert seen.setdefault((fixture.tracker, name), category) == category


def test_every_tracker_but_plain_has_fixtures_for_each_shape_of_its_routes() -> None:
    for tracker in trackers.NAMES:
        if tracker == "plain":
            continue
        own = [fixture for fixture in FIXTURES if fixture.tracker == tracker]
        kinds = {(route.method, route.events) for route in trackers.find(tracker).routes}
        assert own, tracker
        assert len(own) >= len(kinds), tracker


def test_fixtures_hold_no_address_but_made_up_ones() -> None:
    for fixture in FIXTURES:
        assert fixture.read["ip"].startswith("203.0.113.")
        assert "127.0.0.1" not in json.dumps(fixture.read)
