"""One common scenario for each founding document's policy: from the first visit to the regulator's question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.policies import DEMO, EXAMPLES, MANY_LANGUAGES, ORIGIN
from support.service import Bench, Visitor, make_bench

from cookiegate.ledger.database_source import DatabaseSource
from cookiegate.ledger.verifying import verify
from cookiegate.policy.document import Policy
from cookiegate.policy.reading import load_policy

DAY_S = 86_400
FOUNDING = sorted(set(EXAMPLES.glob("*.yaml")) - {DEMO, MANY_LANGUAGES})


@pytest.fixture(params=FOUNDING, ids=lambda path: path.stem)
def policy(request: pytest.FixtureRequest) -> Policy:
    """A founding document's policy, for the tests' origin."""
    return replace(load_policy(request.param), origins=(ORIGIN,))


@pytest.fixture
def bench(tmp_path: Path, policy: Policy) -> Iterator[Bench]:
    bench = make_bench(tmp_path, policies=(policy,), RATE_LIMIT_WRITES="100000/minute")
    yield bench
    bench.service.close()


@pytest.fixture
def visitor(bench: Bench, policy: Policy) -> Visitor:
    return bench.visitor(site=policy.site)


def verified(bench: Bench) -> list[str]:
    bench.clock.advance(1)
    bench.service.sealer.run()
    source, verifier = DatabaseSource(bench.service.storage), bench.service.sealer.verifier
    return verify(source, verifier, now_ms=bench.clock.now_ms()).findings.lines


def test_a_visitor_is_told_before_anything_is_collected(visitor: Visitor, policy: Policy) -> None:
    page = visitor.send("GET", f"/notice/{policy.site}?lang={policy.authoritative_locale}").text
    locale = policy.authoritative_locale
    assert policy.controller.name[locale] in page
    for purpose in policy.purposes:
        assert purpose.title[locale] in page
    for recipient in policy.recipients.values():
        assert recipient.name[locale] in page
    assert visitor.send("GET", f"/v1/sites/{policy.site}/consent").get_json()["state"] == "undecided"


def test_from_the_first_visit_to_the_regulator_s_question(bench: Bench, visitor: Visitor, policy: Policy) -> None:
    site = policy.site
    refusal = bench.visitor(site=site).decide("reject").get_json()
    assert refusal["token"] is None
    given = visitor.decide("accept").get_json()
    storage, accepted = bench.service.storage, given["decision"]["id"]

    for purpose in policy.optional_purposes:  # what was granted passes, for its own purpose and no other
        check = f"/gate/check?site={site}&purpose={purpose.key}"
        granted = bench.visitor(site=site).send("GET", check, headers={"X-Consent-Token": given["token"]})
        assert granted.status_code == 204, granted.text
        without = bench.visitor(site=site).send("GET", check)
        assert without.status_code == 401

    asked = visitor.send(
        "POST",
        f"/v1/sites/{site}/requests",
        json={"kind": "disclosure", "message": "", "contact": {"name": "山田", "email": "yamada@example.jp"}},
        headers={"Idempotency-Key": "r" * 24},
    )
    assert asked.status_code == 201, asked.text
    record = visitor.send("GET", f"/v1/sites/{site}/record")
    assert record.status_code == 200
    assert accepted in record.text

    bench.clock.advance(3_600)
    withdrawn = visitor.decide("withdraw").get_json()
    assert withdrawn["token"] is None
    for purpose in policy.optional_purposes:
        check = f"/gate/check?site={site}&purpose={purpose.key}"
        denied = bench.visitor(site=site).send("GET", check, headers={"X-Consent-Token": given["token"]})
        assert denied.status_code in (401, 403)

    assert verified(bench) == []
    proof = visitor.send("GET", f"/ledger/proof/{accepted}").get_json()
    assert proof["leaf"] == storage.decision(accepted).leaf.hex()  # type: ignore[union-attr]

    bench.clock.advance((policy.retention.consent_days + policy.ask_again_days + 1) * DAY_S)
    bench.service.retention.purge()
    rows = {row.id: row for row in storage.decisions(site)}
    assert set(rows) == {refusal["decision"]["id"], accepted, withdrawn["decision"]["id"]}
    assert all(row.is_erased for row in rows.values())
    assert verified(bench) == []
    disposals = [json.loads(row.record) for row in storage.entries(kind="disposal")]
    assert sum(len(item["erased_keys"]) for item in disposals) >= 2
