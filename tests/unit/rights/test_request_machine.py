"""The way of a request, whatever is tried with it."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookiegate.errors import RequestGroundError, RequestStepError
from cookiegate.rights.requests.case import Case, Channel, Method, Step
from cookiegate.rights.requests.deadlines import DAY_MS, RESIDENCES
from cookiegate.rights.requests.grounds import GROUNDS, Outcome, grounds_for
from cookiegate.rights.requests.kinds import KINDS, Kind
from cookiegate.rights.requests.machine import MOVES, possible_steps, replay, take

AT = 1_795_000_000_000

steps = st.builds(
    Step,
    name=st.sampled_from(tuple(MOVES)),
    at_ms=st.integers(AT, AT + 90 * DAY_MS),
    method=st.none() | st.sampled_from(get_args(Method)),
    outcome=st.none() | st.sampled_from(get_args(Outcome)),
    ground=st.none() | st.sampled_from(tuple(GROUNDS)),
    channel=st.none() | st.sampled_from(get_args(Channel)),
)
cases = st.builds(Case.open, st.sampled_from(tuple(KINDS)), st.sampled_from(RESIDENCES), st.just(AT), st.just(14))


def case_of(kind: Kind = "disclosure", *names: str, **details: str) -> Case:
    """A case after steps that need no details beyond those given for all of them."""
    case = Case.open(kind, "jp", AT, 14)
    for name in names:
        case = take(case, step_of(name, **details))
    return case


def step_of(name: str, **details: str) -> Step:
    defaults = {"verify": {"method": "desk"}, "notify": {"channel": "mail"}, "decide": {"outcome": "granted"}}
    return Step(name, AT, **{**defaults.get(name, {}), **details})  # type: ignore[arg-type]


@given(cases, st.lists(steps, max_size=40))
@settings(max_examples=400, deadline=None)
def test_no_path_skips_verification_or_ends_without_notice(case: Case, tried: list[Step]) -> None:
    taken: list[Step] = []
    for step in tried:
        before = case
        try:
            case = take(case, step)
        except (RequestStepError, RequestGroundError):
            assert case == before
            continue
        taken.append(step)
    names = [step.name for step in taken]
    if "decide" in names:
        assert "verify" in names or GROUNDS[str(case.ground)].unverified
        if case.outcome == "granted":
            assert case.ground is None
        else:
            assert case.ground in grounds_for(case.kind, case.outcome)
    if "carry_out" in names:
        assert names.index("verify") < names.index("decide") < names.index("act") < names.index("carry_out")
        assert case.outcome != "refused"
    if not possible_steps(case):
        assert (case.state, names[-1]) == ("notified", "notify")
    assert case == replay(Case.open(case.kind, case.residence, AT, 14), taken)


@given(cases, st.lists(steps, max_size=40))
@settings(max_examples=100, deadline=None)
def test_from_everywhere_there_is_a_way_to_the_notice(case: Case, tried: list[Step]) -> None:
    for step in tried:
        try:
            case = take(case, step)
        except (RequestStepError, RequestGroundError):
            continue
    for _ in range(8):
        if case.state == "notified":
            break
        ways = ("notify", "carry_out", "act", "decide", "waive_fee", "take_up", "verify", "check_agent")
        name = next(way for way in ways if way in possible_steps(case) and not (way == "decide" and _too_early(case)))
        case = take(case, step_of(name))
    assert case.state == "notified"


def _too_early(case: Case) -> bool:
    return case.state == "received" or case.fee == "quoted"


def test_an_impossible_step_names_the_state_and_what_is_possible() -> None:
    with pytest.raises(RequestStepError) as refused:
        take(case_of("deletion"), step_of("carry_out"))
    assert refused.value.evidence["state"] == "received"
    assert refused.value.evidence["possible"] == possible_steps(case_of("deletion"))
    assert "carry_out is not possible while the request is received" in refused.value.detail


def test_s26_nobody_is_answered_before_they_or_their_agent_are_verified() -> None:
    with pytest.raises(RequestStepError):
        take(case_of(), step_of("decide"))
    with_agent = case_of("disclosure", "name_agent")
    with pytest.raises(RequestStepError):
        take(with_agent, step_of("verify"))
    checked = take(with_agent, step_of("check_agent"))
    assert take(checked, step_of("verify")).state == "verified"
    unknown = take(with_agent, step_of("decide", outcome="refused", ground="agent_not_authorised"))
    assert possible_steps(unknown) == ("notify",)


@pytest.mark.parametrize("kind", KINDS)
def test_s26_an_address_alone_verifies_only_where_nothing_is_shown_or_changed(kind: Kind) -> None:
    confirmed = case_of(kind, "confirm_address")
    if kind in ("purpose_notice", "stop_provision", "complaint"):
        assert take(confirmed, step_of("verify", method="address")).verified_by == "address"
    else:
        with pytest.raises(RequestStepError):
            take(confirmed, step_of("verify", method="address"))
    with pytest.raises(RequestStepError):
        take(case_of(kind), step_of("verify", method="address"))


def test_s26_a_document_verifies_only_when_it_was_asked_for_and_given() -> None:
    with pytest.raises(RequestStepError):
        take(case_of("disclosure", "ask_identity"), step_of("verify", method="document"))
    given = case_of("disclosure", "ask_identity", "give_identity")
    assert take(given, step_of("verify", method="document")).verified_by == "document"


def test_s20_disclosure_is_refused_on_the_three_grounds_and_no_others_of_its_own() -> None:
    deciding = case_of("disclosure", "verify", "take_up")
    for ground in ("harm_to_rights", "business_hindrance", "violates_law"):
        refused = take(deciding, step_of("decide", outcome="refused", ground=ground))
        assert possible_steps(refused) == ("notify",)
    for ground in ("not_inaccurate", "without_reason", "too_costly", "public_duty", "nonsense", None):
        with pytest.raises(RequestGroundError):
            take(deciding, Step("decide", AT, outcome="refused", ground=ground))


def test_s23_too_costly_is_never_a_plain_no() -> None:
    deciding = case_of("suspension", "verify", "take_up")
    with pytest.raises(RequestGroundError):
        take(deciding, step_of("decide", outcome="refused", ground="too_costly"))
    instead = take(deciding, step_of("decide", outcome="alternative_measure", ground="too_costly"))
    assert possible_steps(instead) == ("act",)


def test_s19_a_fee_is_only_for_kinds_that_may_cost_and_stops_the_decision_until_it_is_settled() -> None:
    with pytest.raises(RequestStepError):
        case_of("deletion", "verify", "quote_fee")
    quoted = case_of("disclosure", "verify", "quote_fee", "take_up")
    assert quoted.waits_for == "fee"
    with pytest.raises(RequestStepError):
        take(quoted, step_of("decide"))
    unpaid = take(quoted, step_of("decide", outcome="refused", ground="fee_unpaid"))
    assert unpaid.ground == "fee_unpaid"
    for settled in ("pay_fee", "waive_fee"):
        assert take(take(quoted, step_of(settled)), step_of("decide")).outcome == "granted"


def test_only_a_complaint_is_routed_to_the_supervisory_authority_and_stays_open() -> None:
    with pytest.raises(RequestStepError):
        case_of("deletion", "verify", "route")
    routed = case_of("complaint", "verify", "route")
    assert (routed.routed, routed.state) == (True, "verified")


def test_who_withdraws_a_request_is_told_too() -> None:
    withdrawn = case_of("disclosure", "withdraw")
    assert possible_steps(withdrawn) == ("notify",)
    assert take(withdrawn, step_of("notify", channel="page")).outcome == "withdrawn"


def test_an_extension_comes_before_the_time_runs_out_and_once() -> None:
    verified = case_of("disclosure", "verify")
    late = Step("extend", verified.deadline(AT).due_at_ms)
    with pytest.raises(RequestStepError, match="run out"):
        take(verified, late)
    extended = take(verified, Step("extend", late.at_ms - 1))
    with pytest.raises(RequestStepError):
        take(extended, Step("extend", AT + 1))


def test_every_ground_is_for_some_kind_and_every_kind_but_complaints_has_grounds_of_its_own() -> None:
    assert all(ground.kinds and ground.sources for ground in GROUNDS.values())
    for kind in KINDS:
        assert set(grounds_for(kind, "refused")) - {"identity_not_confirmed", "agent_not_authorised"}
