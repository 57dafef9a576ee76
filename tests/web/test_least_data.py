"""Collecting the least (S6), keeping it right (S35), and not listening in (S37)."""

from __future__ import annotations

import json

import pytest
from support.service import AGENT, Bench, Visitor

from cookiegate.storage.tables_all import metadata

ADDRESS = "203.0.113.77"
RECORD = {
    "v", "id", "site", "sub", "epoch", "action", "notice", "ui", "policy_version", "purposes", "acquire", "device",
    "decided_at", "signal",
}  # fmt: skip


def test_s06_a_decision_records_these_members_and_no_others(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept", ui=None)
    record = json.loads(bench.service.storage.decisions("demo")[0].record)
    assert set(record) == RECORD
    assert set(record["device"]) <= {"browser", "browser_major", "os", "kind"}


def test_s06_neither_address_nor_user_agent_nor_handle_reaches_the_disk(bench: Bench, visitor: Visitor) -> None:
    for action in ("accept", "choose", "withdraw", "reject"):
        visitor.decide(action, purposes={"analytics": True} if action == "choose" else None)
    visitor.send("GET", "/preferences/demo", environ_overrides={"REMOTE_ADDR": ADDRESS})
    handle = bench.visitor()
    handle.decide("accept")
    secrets = (AGENT, ADDRESS, str(handle.cookie("cg_handle.demo")), str(handle.cookie("cg_token")))
    for path in bench.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not [secret for secret in secrets if secret.encode() in content], path


def test_s06_no_table_has_a_column_for_an_address_or_a_user_agent() -> None:
    columns = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.columns}
    named = {name for name in columns if name.split(".")[1] in ("ip", "address", "user_agent", "agent", "handle")}
    assert named == {"ip_lookups.address"}  # what two officers looked up, encrypted under the look-up's own key


def test_s35_a_visitor_corrects_their_choice_at_any_time_and_the_newest_holds(bench: Bench, visitor: Visitor) -> None:
    for purposes in ({"analytics": True}, {"analytics": False, "advertising": True}, {"analytics": True}):
        bench.clock.advance(60)
        visitor.decide("choose", purposes=purposes, acquire={"device": True})
        consent = visitor.send("GET", "/v1/sites/demo/consent").get_json()
        assert {key for key, given in consent["purposes"].items() if given} >= {
            key for key, given in purposes.items() if given
        }
        assert all(consent["purposes"][key] == given for key, given in purposes.items())
    assert len(bench.service.storage.decisions("demo")) == 3  # what was said before stays provable


@pytest.mark.parametrize("member", ["message", "body", "search", "form", "password", "chat_text"])
def test_s37_what_a_visitor_writes_to_others_never_passes_the_gate(bench: Bench, visitor: Visitor, member: str) -> None:
    visitor.decide("accept")
    canary = "dear-friend-meet-me-at-noon"
    event = {"n": "pageview", "u": "http://shop.test/", "d": "shop.test", member: canary, "p": {member: canary}}
    answer = visitor.send(
        "POST", "/collect/plausible/api/event", data=json.dumps(event), headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 202
    log = (bench.folder / "collected" / "demo" / "plausible.jsonl").read_text()
    assert canary not in log


def test_s37_a_collected_body_is_in_no_log_of_ours(visitor: Visitor, capfd: pytest.CaptureFixture[str]) -> None:
    visitor.decide("accept")
    event = {"n": "pageview", "u": "http://shop.test/a-private-page", "d": "shop.test"}
    visitor.send("POST", "/collect/plausible/api/event", data=json.dumps(event), headers={"Content-Type": "text/plain"})
    visitor.send("POST", "/collect/plausible/api/event", data="{broken a-private-page")
    printed = capfd.readouterr()
    assert "a-private-page" not in printed.out + printed.err
    assert "a-private-page" not in visitor.send("GET", "/metrics").text
