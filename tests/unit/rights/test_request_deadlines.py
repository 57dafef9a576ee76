"""When an answer is due, for people of different places."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiegate.rights.requests.case import Case, Step
from cookiegate.rights.requests.deadlines import (
    DAY_MS,
    RESIDENCES,
    Pause,
    Residence,
    Span,
    deadline,
    rules_for,
    stage_due_ms,
)
from cookiegate.rights.requests.kinds import KINDS, Kind
from cookiegate.rights.requests.machine import replay, take


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


RECEIVED = ms("2026-11-21T03:00:00Z")  # a Saturday


def due(residence: Residence, kind: Kind = "disclosure", **options: object) -> str:
    found = deadline(rules_for(residence, kind), RECEIVED, RECEIVED, **options)  # type: ignore[arg-type]
    return found.due_on.isoformat()


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-08-31", 1, "2026-09-30"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-12-31", 2, "2027-02-28"),
    ],
)
def test_s27_a_month_ends_on_the_same_date_or_the_month_s_last_day(start: str, months: int, end: str) -> None:
    assert Span(months=months).after(date.fromisoformat(start)) == date.fromisoformat(end)


def test_s27_each_place_has_its_clock_and_elsewhere_has_the_strictest() -> None:
    assert due("jp") == "2026-12-05"
    assert due("eea") == due("uk") == "2026-12-21"
    # 3 o'clock in the morning in London is still the day before in California.
    assert due("us-ca") == "2027-01-04"
    assert due("other") == "2026-12-05"


def test_s27_an_extension_is_counted_from_receipt() -> None:
    assert due("eea", extended=True) == "2027-02-21"
    assert due("us-ca", extended=True) == "2027-02-18"
    assert due("jp", extended=True) == "2026-12-19"


def test_s27_the_day_of_receipt_is_the_person_s_own() -> None:
    evening_in_japan = deadline(rules_for("jp", "disclosure"), ms("2026-11-21T15:30:00Z"), 0)
    assert evening_in_japan.due_on == date(2026, 12, 6)  # received after midnight there
    assert evening_in_japan.due_at_ms == ms("2026-12-07T00:00:00+09:00")


def test_s27_california_confirms_receipt_in_ten_business_days_and_the_uk_complaints_in_thirty() -> None:
    california = deadline(rules_for("us-ca", "deletion"), RECEIVED, RECEIVED)
    assert california.acknowledge_on == date(2026, 12, 4)
    assert deadline(rules_for("uk", "complaint"), RECEIVED, RECEIVED).acknowledge_on == date(2026, 12, 21)
    assert deadline(rules_for("eea", "deletion"), RECEIVED, RECEIVED).acknowledge_on is None


def test_s27_an_opt_out_in_california_has_fifteen_business_days_and_no_more() -> None:
    assert due("us-ca", "stop_provision") == "2026-12-11"
    case = Case.open("stop_provision", "us-ca", RECEIVED, 14)
    with pytest.raises(Exception, match="extend is not possible"):
        take(case, Step("extend", RECEIVED))


def test_s27_waiting_for_identity_stops_the_clock_only_where_the_law_lets_it() -> None:
    waited = (Pause("identity", RECEIVED + DAY_MS, RECEIVED + 11 * DAY_MS),)
    assert due("jp", pauses=waited) == "2026-12-15"
    assert due("eea", pauses=waited) == "2026-12-31"
    assert due("uk", pauses=waited) == "2027-01-02"  # a whole month from the day it was given
    assert due("us-ca", pauses=waited) == due("us-ca")
    assert due("other", pauses=waited) == "2026-12-15"


def test_s27_part_of_a_day_of_waiting_is_not_added() -> None:
    assert due("eea", pauses=(Pause("identity", RECEIVED, RECEIVED + DAY_MS - 1),)) == due("eea")


def test_s27_waiting_for_a_fee_does_not_stop_the_gdpr_s_clock() -> None:
    waited = (Pause("fee", RECEIVED, RECEIVED + 5 * DAY_MS),)
    assert due("eea", pauses=waited) == due("eea")
    assert due("jp", pauses=waited) == "2026-12-10"


def test_s27_who_has_to_act_does_not_make_us_late() -> None:
    asked = replay(Case.open("disclosure", "eea", RECEIVED, 14), [Step("ask_identity", RECEIVED + DAY_MS)])
    assert not asked.is_overdue(RECEIVED + 300 * DAY_MS)
    given = replay(asked, [Step("give_identity", RECEIVED + 300 * DAY_MS)])
    assert not given.is_overdue(RECEIVED + 301 * DAY_MS)
    assert given.is_overdue(RECEIVED + 331 * DAY_MS)
    california = replay(Case.open("disclosure", "us-ca", RECEIVED, 14), [Step("ask_identity", RECEIVED)])
    assert california.is_overdue(RECEIVED + 50 * DAY_MS)


def test_s27_each_state_has_its_share_of_the_target() -> None:
    stages = [stage_due_ms(state, 0, 14) for state in ("received", "verified", "deciding", "decided", "carried_out")]
    assert sum(stage or 0 for stage in stages) == 14 * DAY_MS
    assert stage_due_ms("notified", 0, 14) is None
    assert stage_due_ms("carried_out", 0, 7) == DAY_MS


@given(st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1)), st.sampled_from(tuple(KINDS)))
def test_s27_elsewhere_is_never_later_than_anywhere(at: datetime, kind: Kind) -> None:
    received = int(at.replace(tzinfo=UTC).timestamp() * 1000)
    ends = {where: deadline(rules_for(where, kind), received, received).due_at_ms for where in RESIDENCES}
    assert ends["other"] == min(ends.values())
    assert received + 13 * DAY_MS < ends["other"]
