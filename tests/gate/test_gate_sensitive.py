"""What must never be acquired without prior consent is refused by its name, whatever a grant or a field map says."""

from __future__ import annotations

import json

import pytest
from support.consent import ConsentService

from cookiegate.gate import trackers
from cookiegate.gate.counts import Counts
from cookiegate.gate.sensitive import is_sensitive

FIELDS = {"page": "browsing", "race": "event", "user.bloodType": "event", "病歴": "browsing"}


@pytest.mark.parametrize(
    "name",
    [
        "race", "ethnicity", "religion", "user.religion", "creed", "socialStatus", "social_status", "caste",
        "medicalHistory", "medical-history", "medicalhistory", "BLOOD_TYPE", "bloodtype", "diagnoses",
        "allergies_or_allergy",
        "criminal_record", "criminalRecord", "arrested", "crime.victim", "victim", "indictment", "sexLife",
        "sexual_orientation", "trade_union",
        "unionMembership", "人種", "病歴", "前科の有無", "労働組合", "properties.$religion", "ｒａｃｅ", "races",
    ],
)  # fmt: skip
def test_sensitive_names_are_known(name: str) -> None:
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name",
    ["trace", "embrace_id", "page", "union", "sex_ratio_of_plants", "interface", "deface", "screen", "victimless", ""],
)
def test_other_names_are_not(name: str) -> None:
    assert not is_sensitive(name)


def test_no_tracker_table_names_anything_sensitive() -> None:
    for name in trackers.NAMES:
        table = trackers.find(name)
        members = {member for schema in table.schemas.values() for member in schema}
        assert [field for field in {*table.fields, *members} if is_sensitive(field)] == []


def test_s11_sensitive_fields_are_refused_whatever_the_grant(service: ConsentService) -> None:
    gate = service.gate(fields=FIELDS)
    event = {
        "consent_token": service.token(),
        "page": "p",
        "race": "r",
        "user": {"bloodType": "A"},
        "病歴": "x",
        "religion": 1,
    }
    line = json.dumps(event).encode()
    for _ in range(3):
        assert set(json.loads(gate.line(line))) == {"page", "consent"}
    assert dict(gate.counts.stripped) == {
        "sensitive race": 3, "sensitive user.bloodType": 3, "sensitive 病歴": 3, "sensitive religion": 3,
    }  # fmt: skip


def test_s11_sensitive_field_passes_on_the_prior_consent_that_the_policy_names(service: ConsentService) -> None:
    gate = service.gate(fields=FIELDS, prior_consent={"race": ["study"], "病歴": ["study"]})
    event = {"page": "p", "race": "r", "病歴": "x"}

    def kept(**token: list[str]) -> set[str]:
        line = json.dumps({**event, "consent_token": service.token(**token)}).encode()  # type: ignore[arg-type]
        found = [json.loads(gate.line(line)) for _ in range(2)]
        assert found[0] == found[1]
        return set(found[0]) - {"consent"}

    assert kept(scope=["analytics"]) == {"page"}
    assert kept(scope=["analytics", "study"]) == {"page", "race", "病歴"}
    assert kept(scope=["analytics", "study"], acquire=["ip"]) == {"race"}, "its category must be granted as well"


def test_quick_way_counts_sensitive_fields_as_the_thorough_one(service: ConsentService) -> None:
    quick, thorough = (service.gate(fields={"page": "browsing", "race": "event"}) for _ in range(2))
    event = {"consent_token": service.token(), "page": "p", "race": "r"}
    for _ in range(3):
        quick.line(json.dumps(event).encode())
        thorough.event(event)
    assert quick.counts == thorough.counts


def test_label_is_not_put_on_twice() -> None:
    counts, total = Counts(), Counts()
    counts.strip(["race", "query religion"])
    total.add(counts)
    total.add(counts)
    assert dict(total.stripped) == {"sensitive race": 2, "sensitive query religion": 2}


def test_a_long_path_hides_no_name_at_its_end() -> None:
    assert is_sensitive("a." * 500 + "religion")
