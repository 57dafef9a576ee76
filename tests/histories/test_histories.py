"""No history of decisions, withdrawals, requests and purges loses a decision or revives a withdrawn one."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.service import Visitor, make_bench

from cookiegate.consent.ids import hash_handle
from cookiegate.errors import NotFoundError, OnHoldError
from cookiegate.ledger.database_source import DatabaseSource
from cookiegate.ledger.verifying import verify

DAY_S = 86_400
CHECK = "/gate/check?purpose=analytics"
LIMITS = dict.fromkeys(("RATE_LIMIT_WRITES", "RATE_LIMIT_TOKENS", "RATE_LIMIT_REQUESTS"), "1000000/minute")


@dataclass
class Person:
    """A visitor and what the test knows of them. ``dead`` tokens must never pass again; ``holds``: a consent does."""

    visitor: Visitor
    live: str | None = None
    dead: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    key_id: int | None = None
    holds: bool = False
    is_restricted: bool = False

    def take(self, token: str | None) -> None:
        """Their newest token; the one before has ended."""
        self.end()
        self.live, self.holds = token, token is not None

    def end(self) -> None:
        """Their consent has ended, and every token with it."""
        self.bury()
        self.holds = False

    def bury(self) -> None:
        """Their token has expired."""
        if self.live is not None:
            self.dead.append(self.live)
        self.live = None


class Histories(RuleBasedStateMachine):
    """A service, some visitors, and what may happen to them in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="cg-history-"))
        self.bench = make_bench(self.folder, **LIMITS)
        self.service = self.bench.service
        self.people: list[Person] = []
        self.erased: set[int] = set()
        self.held: dict[int, str] = {}
        self.made: dict[str, bytes] = {}  # every acknowledged decision and its leaf
        self.checkpoint: str | None = None

    def teardown(self) -> None:
        self.verify()
        self.service.close()
        shutil.rmtree(self.folder)

    def decide(self, person: Person, action: str, **body: Any) -> None:
        """One decision, and what it means for their tokens."""
        answer = person.visitor.decide(action, **body)
        assert answer.status_code == 201, answer.text
        told = answer.get_json()
        row = self.service.storage.decision(told["decision"]["id"])
        assert row is not None
        person.take(told["token"])
        person.decisions.append(row.id)
        self.made[row.id] = row.leaf
        if told["token"]:
            person.key_id, person.is_restricted = row.key_id, False

    @rule(action=st.sampled_from(["accept", "reject", "choose"]))
    def someone_new_decides(self, action: str) -> None:
        person = Person(self.bench.visitor())
        self.people.append(person)
        self.decide(person, action, **({"purposes": {"analytics": True}} if action == "choose" else {}))

    @precondition(lambda self: self.people)
    @rule(data=st.data(), action=st.sampled_from(["accept", "reject", "withdraw"]))
    def someone_decides_again(self, data: st.DataObject, action: str) -> None:
        self.decide(data.draw(st.sampled_from(self.people)), action)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def someone_renews_their_token(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(self.people))
        answer = person.visitor.send("POST", "/v1/sites/demo/token")
        if answer.status_code == 200:
            assert person.holds, "a token came back after the consent had ended"
            person.live = answer.get_json()["token"]
        else:
            assert not person.holds or person.is_restricted

    @precondition(lambda self: self.holders())
    @rule(data=st.data())
    def someone_restricts_and_perhaps_lifts(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(self.holders()))
        assert person.key_id is not None
        if person.is_restricted:
            self.service.restriction.lift("demo", person.key_id, by="self")
            person.is_restricted = False
        else:
            self.service.restriction.restrict("demo", person.key_id, by="self")
            person.is_restricted = True
            person.bury()  # it is over; when the restriction is lifted, there is a new one

    @precondition(lambda self: self.holders())
    @rule(data=st.data(), kind=st.sampled_from(["deletion", "disclosure", "restriction", "complaint"]))
    def someone_makes_a_request(self, data: st.DataObject, kind: str) -> None:
        person = data.draw(st.sampled_from(self.holders()))
        key_id = person.key_id
        assert key_id is not None
        answer = person.visitor.send(
            "POST",
            "/v1/sites/demo/requests",
            json={"kind": kind, "message": "please", "contact": {"name": "A", "email": "a@example.jp"}},
            headers={"Idempotency-Key": f"{'r' * 20}{len(self.people)}-{self.bench.clock.now_ms()}-{key_id}-{kind}"},
        )
        assert answer.status_code in (200, 201), answer.text
        if kind == "deletion" and not self.service.storage.vault.holds(key_id):
            self.gone(key_id)
        if kind == "restriction":
            person.is_restricted = True
            person.bury()

    @precondition(lambda self: self.holders())
    @rule(data=st.data())
    def someone_is_erased_unless_held(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(self.holders()))
        key_id = person.key_id
        assert key_id is not None
        try:
            self.service.erasure.erase(key_id, site="demo", by="self")
        except OnHoldError:
            assert key_id in self.held
            return
        assert key_id not in self.held
        self.gone(key_id)

    @precondition(lambda self: self.holders())
    @rule(data=st.data())
    def a_hold_comes_or_goes(self, data: st.DataObject) -> None:
        key_id = data.draw(st.sampled_from(self.holders())).key_id
        assert key_id is not None
        if key_id in self.held:
            self.service.holds.release(self.held.pop(key_id), by="officer")
            return
        try:
            self.held[key_id] = self.service.holds.place("demo", reason="a claim", by="officer", key_id=key_id).id
        except NotFoundError:
            assert key_id in self.erased

    @rule(days=st.sampled_from([0.05, 1, 200, 1_300]))
    def time_passes_and_what_is_due_goes(self, days: float) -> None:
        self.bench.clock.advance(days * DAY_S)
        for person in self.people:
            person.bury()
            person.holds = person.holds and days < 100  # the policy asks again after 180 days
        self.service.retention.purge()
        for row in self.service.storage.decisions("demo"):
            if row.is_erased and row.key_id not in self.erased:
                assert row.key_id not in self.held
                self.gone(row.key_id)

    @rule()
    def a_wider_policy_is_published(self) -> None:
        policy = self.service.book.current("demo").policy
        wider = [replace(item, retention_days=item.retention_days + 1) for item in policy.purposes]
        self.bench.publish(replace(policy, purposes=tuple(wider)))
        assert self.service.book.current("demo").holds_since == self.service.book.current("demo").version
        for person in self.people:
            person.end()  # a policy that asks again ends what was given under the one before

    @rule()
    def seal(self) -> None:
        self.bench.clock.advance(1)
        self.service.sealer.run()

    @rule()
    def verify(self) -> None:
        self.seal()
        verified = verify(
            DatabaseSource(self.service.storage), self.service.sealer.verifier, now_ms=self.bench.clock.now_ms()
        )
        assert list(verified.findings.lines) == []

    @invariant()
    def no_decision_is_lost_and_no_leaf_changes(self) -> None:
        kept = {row.id: row.leaf for row in self.service.storage.decisions("demo")}
        assert kept == self.made

    @invariant()
    def what_ended_never_passes_again_and_what_holds_passes(self) -> None:
        anybody = self.bench.visitor()
        for person in self.people:
            for token in person.dead[-3:]:
                assert anybody.send("GET", CHECK, headers={"X-Consent-Token": token}).status_code in (401, 403)
            if person.live is not None and not person.is_restricted:
                assert anybody.send("GET", CHECK, headers={"X-Consent-Token": person.live}).status_code == 204

    @invariant()
    def what_was_erased_stays_erased(self) -> None:
        for key_id in self.erased:
            assert all(row.is_erased for row in self.service.storage.decisions_of_key(key_id))
            assert not self.service.storage.vault.holds(key_id)
        for key_id in self.held:
            assert all(not row.is_erased for row in self.service.storage.decisions_of_key(key_id))

    def holders(self) -> list[Person]:
        """Everyone whose handle still finds a consent."""
        return [person for person in self.people if person.key_id is not None and self.finds(person)]

    def finds(self, person: Person) -> bool:
        """Whether the record knows their handle."""
        handle = person.visitor.cookie("cg_handle.demo")
        return handle is not None and self.service.storage.find_consent("demo", hash_handle(handle)) is not None

    def gone(self, key_id: int) -> None:
        """Somebody was erased: their tokens are dead."""
        self.erased.add(key_id)
        for person in self.people:
            if person.key_id == key_id:
                person.end()


Histories.TestCase.settings = settings(
    max_examples=int(os.environ.get("HISTORIES", "12")),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestHistories = Histories.TestCase
