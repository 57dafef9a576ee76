"""Sites of one group share a choice through the service: what is recorded for the others, and what never is."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from jsonschema import Draft202012Validator
from structlog.testing import capture_logs
from support.policies import ROOT, demo_policy
from support.service import CRAWLER, Bench, Visitor, make_bench
from werkzeug.test import Client

from cookiegate.errors import StorageError
from cookiegate.ledger.consents_check import check_consents
from cookiegate.ledger.findings import Findings
from cookiegate.ledger.receipt_document import context_of
from cookiegate.policy.document import Policy
from cookiegate.policy.pages import Sharing

SITES = ("demo", "blog", "news")
DAY_S = 86_400
DISCLOSURE = json.loads((ROOT / "docs/reference/disclosure.schema.json").read_text(encoding="utf-8"))
KEY = "a-key-of-a-first-decision"


def member(site: str, *others: str, **changes: object) -> Policy:
    """A site of a group."""
    group = {other: {"ja": other, "en": f"The {other}"} for other in others or (set(SITES) - {site})}
    return demo_policy(
        site=site,
        origins=(f"http://{site}.shop.test",),
        **{"share": Sharing(group=dict(sorted(group.items()))), **changes},
    )


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Bench]:
    """Three sites that share their visitors' choices."""
    bench = make_bench(tmp_path, policies=tuple(map(member, SITES)), RATE_LIMIT_WRITES="100000/minute")
    yield bench
    bench.service.close()


class Person:
    """One browser, which visits every site of the group."""

    def __init__(self, bench: Bench, **options: Any) -> None:
        self.bench = bench
        self.client = Client(bench.front)
        self.at = {
            site: Visitor(self.client, site=site, origin=f"http://{site}.shop.test", **options) for site in SITES
        }

    def decide(self, site: str, action: str, **options: Any) -> Any:
        """A decision on a site."""
        answer = self.at[site].decide(action, **options)
        assert answer.status_code == 201, answer.text
        return answer

    def consent(self, site: str) -> dict[str, Any]:
        """What holds there."""
        return dict(self.at[site].send("GET", f"/v1/sites/{site}/consent").get_json())

    def allowed(self, site: str) -> set[str]:
        """The optional purposes that hold there."""
        return {key for key, on in self.consent(site)["purposes"].items() if on} - {"security"}

    def states(self) -> list[str]:
        """What holds on each of the sites."""
        return [self.consent(site)["state"] for site in SITES]

    def token(self, site: str) -> Any:
        """The answer to a request for a token."""
        return self.at[site].send("POST", f"/v1/sites/{site}/token")

    def check(self, site: str, token: str) -> str:
        """What a gate says of a token, without this browser's cookies: ``passes``, or why it does not."""
        path = f"/gate/check?purpose=analytics&site={site}"
        answer = self.bench.visitor().send("GET", path, headers={"X-Consent-Token": token})
        return "passes" if answer.status_code == 204 else answer.headers["X-Consent-Reason"]

    def kept(self) -> dict[str, str]:
        """The browser's cookies."""
        names = [f"{name}.{site}" for name in ("cg_handle", "cg_choice") for site in SITES] + ["cg_token", "cg_choice"]
        found = {name: self.client.get_cookie(name) for name in names}
        return {name: cookie.value for name, cookie in found.items() if cookie}


@pytest.fixture
def person(group: Bench) -> Person:
    return Person(group)


def records(bench: Bench, site: str) -> list[dict[str, Any]]:
    """The records of a site's decisions, by epoch: ids of one moment have no order."""
    found = (json.loads(row.record) for row in bench.service.storage.decisions(site))
    return sorted(found, key=lambda record: int(record["epoch"]))


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def submit(person: Person, site: str, action: str) -> Any:
    """The form of the preferences page, without JavaScript."""
    page = f"/preferences/{site}?lang=en"
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', person.client.get(page).text)
    data = {**{name: html.unescape(value) for name, value in hidden}, "action": action}
    return person.client.post(page, data=data, headers={"Sec-Fetch-Site": "same-origin"})


def test_a_grant_counts_on_the_others_each_with_a_record_and_a_token_of_its_own(person: Person, group: Bench) -> None:
    first = person.decide("demo", "choose", purposes={"analytics": True}, acquire={"device": True}).get_json()
    assert person.states() == ["granted"] * 3
    assert person.allowed("blog") == {"analytics"}
    tokens = {site: claims(person.token(site).get_json()["token"]) for site in SITES}
    assert len({made["sub"] for made in tokens.values()}) == len({made["aud"] for made in tokens.values()}) == 3
    assert {(made["scope"], made["acquire"]) for made in tokens.values()} == {("security analytics", "device")}
    assert len({value for name, value in person.kept().items() if name.startswith("cg_handle.")}) == 3
    (own,), (made,) = records(group, "demo"), records(group, "blog")
    assert "shared" not in own
    assert (own["v"], made["v"]) == (3, 4)
    assert made["shared"] == {"site": "demo", "decision": first["decision"]["id"]}
    assert (made["action"], made["purposes"], made["ui"], made["epoch"]) == ("choose", own["purposes"], None, 1)
    assert made["notice"] == group.service.book.notice("blog", "en").sha256
    assert made["device"] == own["device"]
    assert made["sub"] != own["sub"]
    found = Findings()
    check_consents(group.service.storage, found)
    assert not found
    # The person is told the same, and their receipt proves it.
    disclosed = person.at["blog"].send("GET", "/v1/sites/blog/record").get_json()
    Draft202012Validator(DISCLOSURE).validate(disclosed)
    receipt = json.loads(person.client.get("/preferences/blog/receipt.json").data)
    assert disclosed["decisions"][0]["shared"] == receipt["record"]["shared"] == made["shared"]
    assert person.client.get("/preferences/blog/record?lang=en").status_code == 200
    assert "shared" in json.loads(context_of(receipt))["@context"]["record"]["@context"]


def test_the_visitor_reads_it_before_the_choice_in_the_language_of_the_page(person: Person) -> None:
    told = "Your choice also counts on these sites: The blog and The news."
    page = person.client.get("/preferences/demo?lang=en").text
    assert page.count(told) == 2
    assert told in person.client.get("/notice/demo?lang=en").text
    script = person.client.get("/w/demo.en.js").text
    assert f'"shared":"{told}"' in script
    assert '"share":' not in script
    assert f'"shared":"{told}"' in person.client.get("/w/demo.headless.en.js").text
    person.decide("demo", "reject", notice=person.at["demo"].notice("ja")["notice"])
    assert records(person.bench, "blog")[0]["notice"] == person.bench.service.book.notice("blog", "ja").sha256


def test_a_refusal_leaves_no_identifier_anywhere(person: Person, group: Bench) -> None:
    person.decide("demo", "reject")
    assert person.kept() == dict.fromkeys(("cg_choice", *(f"cg_choice.{s}" for s in SITES)), "refused.1.20261118")
    assert person.states() == ["refused"] * 3
    assert [record["sub"] for site in SITES for record in records(group, site)] == [None] * 3
    assert person.token("blog").status_code == 404
    lines = person.decide("demo", "reject").headers.getlist("Set-Cookie")
    assert all("HttpOnly" in line for line in lines if not line.startswith("cg_choice="))


def test_what_is_taken_back_on_one_ends_the_tokens_of_all_before_it_is_acknowledged(person: Person) -> None:
    own = person.decide("demo", "accept").get_json()["token"]
    other = person.token("blog").get_json()["token"]
    assert [person.check("demo", own), person.check("blog", other)] == ["passes", "passes"]
    person.decide("blog", "withdraw")
    assert [person.check("demo", own), person.check("blog", other)] == ["withdrawn", "withdrawn"]
    assert person.states() == ["refused"] * 3
    assert not [name for name in person.kept() if name.startswith("cg_handle") or name == "cg_token"]
    assert person.token("demo").status_code == 404


def test_the_form_without_javascript_is_a_door_too(person: Person, group: Bench) -> None:
    assert submit(person, "news", "accept").status_code == 303
    assert person.states() == ["granted"] * 3
    assert {record["shared"]["site"] for site in ("demo", "blog") for record in records(group, site)} == {"news"}
    withdrawn = submit(person, "demo", "withdraw")
    assert "Your permission has been withdrawn" in withdrawn.text
    assert person.states() == ["refused"] * 3
    assert not [name for name in person.kept() if name.startswith("cg_handle")]


def test_a_repeated_request_records_nothing_twice_and_gives_the_same_cookies(person: Person, group: Bench) -> None:
    first = person.decide("demo", "accept", key=KEY)
    kept = person.kept()
    person.client = Client(group.front)  # the answer was lost
    for visitor in person.at.values():
        visitor.client = person.client
    again = person.decide("demo", "accept", key=KEY)
    assert again.get_json()["decision"] == first.get_json()["decision"]
    assert {name: value for name, value in person.kept().items() if name != "cg_token"} == {
        name: value for name, value in kept.items() if name != "cg_token"
    }
    assert [len(records(group, site)) for site in SITES] == [1, 1, 1]
    # Another decision followed: the old yes comes back nowhere.
    person.decide("blog", "withdraw")
    person.at["demo"].decide("accept", key=KEY)
    assert person.states() == ["refused"] * 3
    assert [len(records(group, site)) for site in SITES] == [2, 2, 2]


def test_what_was_refused_on_a_site_stays_refused_there(person: Person, group: Bench) -> None:
    alone = Person(group)
    alone.decide("blog", "reject")
    for site in ("demo", "news"):  # as if these were never told
        alone.client.delete_cookie(f"cg_choice.{site}")
    alone.decide("demo", "accept")
    assert alone.states() == ["granted", "refused", "granted"]
    assert alone.token("blog").status_code == 404
    # Until it is due to be asked again.
    group.clock.advance(DAY_S * 400)
    alone.client.set_cookie("cg_choice.blog", "refused.1.20261118")
    alone.decide("demo", "accept")
    assert alone.states() == ["granted"] * 3

    # A part that was refused there is a refusal, too; what came from elsewhere follows.
    person.decide("blog", "choose", purposes={"analytics": True, "quality": True}, acquire={"device": True})
    person.decide("demo", "choose", purposes={"analytics": True, "advertising": True}, acquire={"device": True})
    assert [person.allowed(site) for site in SITES] == [
        {"analytics", "advertising"}, {"analytics"}, {"analytics", "advertising"},
    ]  # fmt: skip


def test_choosing_nothing_is_a_refusal_everywhere_and_a_withdrawal_at_the_same_moment_wins(
    person: Person, group: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.decide("demo", "accept")
    person.decide("demo", "choose", purposes={"analytics": False}, acquire={})
    assert person.states() == ["refused"] * 3
    person.client.delete_cookie("cg_choice.blog")
    person.client.delete_cookie("cg_choice.news")
    person.decide("demo", "accept")

    same = Person(group)
    for name, value in person.kept().items():
        same.client.set_cookie(name, value)
    find, moments = group.service.decider.find, iter([True])

    def find_and_lose(site: str, handle: str | None) -> Any:
        row = find(site, handle)
        if site == "blog" and next(moments, False):
            same.decide("blog", "withdraw")
        return row

    monkeypatch.setattr(group.service.decider, "find", find_and_lose)
    with capture_logs() as logs:
        person.decide("demo", "choose", purposes={"analytics": True}, acquire={})
    told = [(entry["event"], entry["site"], entry["code"]) for entry in logs]
    assert told == [("choice_not_shared", "blog", "epoch_stale")]
    assert same.states() == ["refused"] * 3
    assert person.token("demo").status_code == person.token("blog").status_code == 404


def test_a_signal_that_ends_a_part_ends_it_on_the_others(person: Person, group: Bench) -> None:
    person.decide("demo", "accept")
    token = person.token("blog").get_json()["token"]
    assert person.check("blog", token) == "passes"
    for visitor in person.at.values():
        visitor.headers = {"Sec-GPC": "1"}
    assert person.token("demo").get_json()["epoch"] == 2
    assert person.check("blog", token) == "withdrawn"
    assert [records(group, site)[-1]["action"] for site in SITES] == ["signal"] * 3
    assert "advertising" not in person.allowed("blog")
    # By name wins over the signal, on all of them; "all" names nothing.
    person.decide("demo", "choose", purposes={"advertising": True}, acquire={"browsing": True})
    assert [person.allowed(site) for site in SITES] == [{"advertising"}] * 3
    assert [record["signal"]["despite"] for record in (records(group, site)[-1] for site in SITES)] == [
        ["advertising"]
    ] * 3
    person.decide("demo", "accept")
    assert [person.allowed(site) for site in SITES] == [{"quality", "analytics", "development"}] * 3


@pytest.mark.parametrize(
    ("blog", "reason"),
    [
        (member("blog", "news"), "“blog” does not name “demo” in its share.group."),
        (
            member("blog", ip_when_refused="truncate"),
            "“blog” asks for more than “demo”: An IP address that was not granted is now shortened and kept, no longer"
            " removed.",
        ),
    ],
)
def test_a_site_that_does_not_agree_asks_for_itself_and_the_operator_is_told(
    tmp_path: Path, blog: Policy, reason: str
) -> None:
    demo = member("demo", ip_when_refused="drop")
    with capture_logs() as logs:
        bench = make_bench(tmp_path, policies=(demo, blog))
        bench.service.follow()
    told = [entry["reason"] for entry in logs if entry["event"] == "group_disagrees" and entry["site"] == "demo"]
    assert told.count(reason) == 1
    assert told.count("“news” has no published policy.") == 1
    person = Person(bench)
    person.decide("demo", "accept")
    person.decide("demo", "withdraw")
    assert records(bench, "blog") == []
    assert person.consent("blog")["state"] == "undecided"
    # Once it says the same, it shares.
    bench.publish(member("blog", ip_when_refused="drop"))
    person.decide("demo", "reject")
    assert person.consent("blog")["state"] == "refused"
    bench.service.close()


def test_a_site_that_asks_for_less_gets_what_it_asks_for(tmp_path: Path) -> None:
    few = tuple(one for one in demo_policy().purposes if one.key in ("security", "analytics"))
    bench = make_bench(tmp_path, policies=(member("demo"), member("blog", purposes=few)))
    person = Person(bench)
    person.decide("demo", "accept")
    assert person.allowed("blog") == {"analytics"}
    assert person.decide("blog", "withdraw")
    assert person.consent("demo")["state"] == "granted"  # the blog's policy does not ask what this one asks
    bench.service.close()


def test_trouble_on_one_site_spoils_nothing_here_and_is_told(
    person: Person, group: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = group.service.decider.decide

    def fail(published: Any, *args: Any) -> Any:
        if published.policy.site == "blog":
            raise StorageError("the record cannot be written now")
        return decide(published, *args)

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(group.service.decider, "decide", fail)
        person.decide("demo", "accept")
        assert person.states() == ["granted", "undecided", "granted"]
        told = [entry for entry in logs if entry["event"] == "choice_not_shared"]
        assert [(entry["site"], entry["code"]) for entry in told] == [("blog", "storage_unavailable")]
    person.decide("demo", "accept")
    assert person.states() == ["granted"] * 3
    with monkeypatch.context() as patch:
        patch.setattr(group.service.decider, "decide", fail)
        person.decide("demo", "withdraw")
    # What could not be ended there has lost its handle.
    assert person.states() == ["refused", "undecided", "refused"]
    assert person.token("blog").status_code == 404


def test_robots_share_nothing_and_a_site_alone_keeps_to_itself(group: Bench, tmp_path: Path) -> None:
    robot = Person(group, agent=CRAWLER)
    assert robot.at["demo"].decide("accept").status_code == 403
    assert [records(group, site) for site in SITES] == [[], [], []]
    bench = make_bench(tmp_path / "alone", policies=(demo_policy(), replace(demo_policy(), site="blog")))
    person = bench.visitor()
    person.decide("accept")
    assert not [name for name in ("cg_choice.demo", "cg_choice.blog", "cg_handle.blog") if person.cookie(name)]
    assert records(bench, "blog") == []
    assert '"shared"' not in person.send("GET", "/w/demo.en.js").text
    bench.service.close()


def test_an_erasure_is_of_one_site(person: Person, group: Bench) -> None:
    person.decide("demo", "accept")
    person.at["blog"].send("POST", "/v1/sites/blog/record/erase", json={})
    assert person.states() == ["granted", "undecided", "granted"]
    assert "cg_choice.blog" not in person.kept()
    person.decide("demo", "accept")
    assert person.states() == ["granted"] * 3


def test_a_restricted_use_is_not_lifted_from_elsewhere(person: Person) -> None:
    person.decide("demo", "accept")
    person.at["blog"].send("POST", "/v1/sites/blog/record/restrict", json={})
    person.decide("demo", "accept")
    assert person.consent("blog")["restricted"] is True
    person.decide("demo", "withdraw")
    assert person.states() == ["refused"] * 3


def test_a_no_makes_void_what_waits_on_a_site_whose_cookies_the_service_sees(tmp_path: Path) -> None:
    demo = replace(member("demo", "news"), origins=("http://demo.other.test",))
    news = member("news", share=Sharing("shop.test", {"demo": {"ja": "demo", "en": "demo"}}))
    bench = make_bench(tmp_path, policies=(demo, news), BASE_URL="https://consent.shop.test")
    client = Client(bench.front)
    client.set_cookie("cg_pending.news", "123456")
    visitor = Visitor(client, site="demo", origin="http://demo.other.test")
    for action, void in (("accept", []), ("withdraw", ["cg_pending.news=0"])):
        cookies = visitor.decide(action).headers.getlist("Set-Cookie")
        made = [line for line in cookies if line.startswith("cg_pending.") and "; Domain=shop.test" in line]
        assert [line.partition(";")[0] for line in made] == void
    bench.service.close()
