"""``/notice/<site>`` and its history: what changed, since when, and every version as it was published (S31)."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pages_material import LOCALES, Outline, notice, render
from support.policies import demo_policy
from support.service import Bench, Visitor
from test_pages_rendering import HOSTILE

from cookiegate.policy.difference import compare
from cookiegate.policy.document import Contract, JointUse, Policy, Purpose, Recipient, Retention
from cookiegate.policy.history import editions, read_edition, read_notice
from cookiegate.policy.pages import Cleaning, ConsentMode, Gpp, Hold, Regions, Sharing, Signals, Tcf
from cookiegate.shipped import read_shipped
from cookiegate.web.change_wording import history_texts, tell_changes
from cookiegate.web.history_view import completed, history_part
from cookiegate.web.pages import notice_page

DAY_S = 86_400
ATOM = "{http://www.w3.org/2005/Atom}"


def with_purpose(policy: Policy, key: str, **changes: Any) -> Policy:
    """The policy with one purpose changed."""
    purposes = tuple(replace(one, **changes) if one.key == key else one for one in policy.purposes)
    return replace(policy, purposes=purposes)


def with_recipient(policy: Policy, key: str, **changes: Any) -> Policy:
    """The policy with one recipient changed."""
    return replace(policy, recipients={**policy.recipients, key: replace(policy.recipients[key], **changes)})


def wider() -> Policy:
    """The demo policy that keeps analytics data longer and uses more for it."""
    return with_purpose(demo_policy(), "analytics", retention_days=400)


def text_of(visitor: Visitor, path: str, **query: Any) -> str:
    """A page as it reads."""
    answer = visitor.send("GET", path, query_string={"lang": "en", **query})
    assert answer.status_code == 200, answer.text
    return Outline(answer.text).text


@pytest.fixture
def later(bench: Bench) -> Bench:
    """The demo site with three versions: longer retention, then another rhythm of asking."""
    bench.clock.advance(10 * DAY_S)
    bench.publish(wider())
    bench.clock.advance(10 * DAY_S)
    bench.publish(replace(wider(), ask_again_days=90))
    return bench


def test_s31_a_change_is_announced_with_its_details_and_effective_date(later: Bench) -> None:
    page = text_of(later.visitor(), "/notice/demo")
    assert "Version 3 · In effect since December 8, 2026" in page
    assert "What changed in this version Compared with version 2." in page
    assert "You are asked again after 90 days instead of 180 days." in page
    assert "In effect from November 18, 2026 to November 28, 2026" in page


def test_s31_a_visitor_sees_what_changed_since_they_agreed(bench: Bench) -> None:
    visitor = bench.visitor()
    visitor.decide("accept")
    bench.publish(wider())
    bench.publish(replace(wider(), ask_again_days=90))
    page = text_of(visitor, "/notice/demo")
    assert "What has changed since you chose You chose under version 1. Since then this has changed." in page
    assert "Information for Analytics is kept longer: 400 days instead of" in page
    assert "You are asked again after 90 days instead of 180 days." in page


def test_s31_a_refusal_is_remembered_by_its_cookie_alone(bench: Bench) -> None:
    visitor = bench.visitor()
    visitor.decide("reject")
    bench.publish(wider())
    bench.publish(replace(wider(), ask_again_days=90))
    assert "You chose under version 1." in text_of(visitor, "/notice/demo")


def test_who_chose_under_the_current_version_is_told_that_nothing_changed(later: Bench) -> None:
    visitor = later.visitor()
    visitor.decide("accept")
    page = text_of(visitor, "/notice/demo")
    assert "You chose under version 3. Nothing has changed since then." in page


@pytest.mark.parametrize(
    "cookie", ["granted.9.20261118", "refused.0.20261118", "x", "refused.1x", "refused.99999999999.1"]
)
def test_a_made_up_choice_cookie_changes_nothing(later: Bench, cookie: str) -> None:
    visitor = later.visitor()
    visitor.client.set_cookie("cg_choice", cookie)
    assert "Compared with version 2." in text_of(visitor, "/notice/demo")


def test_the_first_version_has_nothing_before_it(visitor: Visitor) -> None:
    page = text_of(visitor, "/notice/demo")
    assert "This is the first version." in page
    assert "In effect since November 18, 2026" in page


@pytest.mark.parametrize("lang", LOCALES)
def test_s31_every_earlier_version_can_be_read_as_it_was_published(later: Bench, lang: str) -> None:
    visitor = later.visitor()
    stored = {row.locale: row.sha256 for row in later.service.storage.policies.notices("demo", 1)}
    answer = visitor.send("GET", "/notice/demo", query_string={"version": "1", "lang": lang})
    page = Outline(answer.text)
    assert stored[lang] in page.text
    assert history_texts(lang)["page"]["to_current"] in page.text
    assert '<meta name="robots" content="noindex">' in answer.text
    assert {f"/notice/demo?lang={tag}&version=1" for tag in LOCALES} <= {link["href"] for link in page.all("a")}
    current = Outline(visitor.send("GET", "/notice/demo", query_string={"lang": lang}).text)
    assert stored[lang] not in current.text


def test_an_earlier_version_says_when_it_held_and_leads_to_the_current_one(later: Bench) -> None:
    page = text_of(later.visitor(), "/notice/demo", version="2")
    assert "This is an earlier version of the notice." in page
    assert "It was in effect from November 28, 2026 to December 8, 2026 and no longer applies." in page
    assert "asked again after 180 days" in page


def test_the_current_version_by_its_number_is_the_current_notice(later: Bench) -> None:
    assert "no longer applies" not in text_of(later.visitor(), "/notice/demo", version="3")


@pytest.mark.parametrize("version", ["0", "4", "-1", "x", "", "٣", "1" * 30, "1; drop table policies"])
def test_a_version_that_never_was_is_not_found(later: Bench, version: str) -> None:
    visitor = later.visitor()
    for path, name in (("/notice/demo", "version"), ("/notice/demo/changes", "from"), ("/notice/demo/changes", "to")):
        assert visitor.send("GET", path, query_string={name: version}).status_code == 404


@pytest.mark.parametrize("path", ["", "/changes", "/changes.atom"])
def test_a_site_without_a_policy_has_no_history(visitor: Visitor, path: str) -> None:
    assert visitor.send("GET", f"/notice/nobody{path}").status_code == 404


def test_s31_two_versions_are_compared_in_plain_words(later: Bench) -> None:
    visitor = later.visitor()
    english = text_of(visitor, "/notice/demo/changes", **{"from": 1, "to": 3})
    assert "What changed from version 1 to version 3" in english
    assert "Information for Analytics is kept longer" in english
    assert "You are asked again" in english
    japanese = text_of(visitor, "/notice/demo/changes", **{"from": 3, "to": 1, "lang": "ja"})
    assert "第1版から第3版への変更点" in japanese
    assert "「アクセス解析」の情報の保存期間が" in japanese


def test_the_last_change_is_shown_when_no_versions_are_named(later: Bench) -> None:
    assert "from version 2 to version 3" in text_of(later.visitor(), "/notice/demo/changes")


def test_a_version_compared_with_itself_has_not_changed(visitor: Visitor) -> None:
    assert "These versions say the same." in text_of(visitor, "/notice/demo/changes")


@pytest.mark.parametrize("lang", LOCALES)
def test_s31_the_feed_announces_every_version(later: Bench, lang: str) -> None:
    answer = later.visitor().send("GET", "/notice/demo/changes.atom", query_string={"lang": lang})
    assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.data)
    assert feed.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated", "author"):
        assert len(feed.findall(f"{ATOM}{name}")) == 1
    entries = feed.findall(f"{ATOM}entry")
    addresses = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert addresses == [f"http://127.0.0.1:8000/notice/demo?version={number}" for number in (3, 2, 1)]
    assert [entry.findtext(f"{ATOM}updated") for entry in entries] == sorted(
        (str(entry.findtext(f"{ATOM}updated")) for entry in entries), reverse=True
    )
    assert feed.findtext(f"{ATOM}updated") == entries[0].findtext(f"{ATOM}updated")
    told = [change.text for change in tell_changes(demo_policy(), wider(), lang)]
    assert all(line in str(entries[1].findtext(f"{ATOM}summary")) for line in told)


def test_a_feed_reader_that_has_the_newest_feed_gets_nothing_again(later: Bench) -> None:
    visitor = later.visitor()
    first = visitor.send("GET", "/notice/demo/changes.atom")
    again = visitor.send("GET", "/notice/demo/changes.atom", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_notice_tells_feed_readers_where_the_feed_is(visitor: Visitor) -> None:
    links = Outline(visitor.send("GET", "/notice/demo?lang=en").text).all("link")
    feeds = [link["href"] for link in links if link.get("type") == "application/atom+xml"]
    assert feeds == ["/notice/demo/changes.atom?lang=en"]


def test_hostile_policy_texts_are_shown_and_never_run(bench: Bench) -> None:
    hostile = dict.fromkeys(LOCALES, f"{HOSTILE}{{purpose}}\x0b")
    evil = with_purpose(demo_policy(), "analytics", title=hostile, description=hostile)
    evil = with_recipient(replace(evil, controller=replace(evil.controller, name=hostile)), "hosting", name=hostile)
    bench.publish(with_purpose(evil, "analytics", retention_days=900))
    bench.publish(with_purpose(evil, "analytics", retention_days=1))
    visitor = bench.visitor()
    for path in ("/notice/demo", "/notice/demo?version=2", "/notice/demo/changes?from=1"):
        page = visitor.send("GET", path).text
        assert "<script" not in page
        assert "<img" not in page
        assert HOSTILE in "".join(Outline(page).words)
    ET.fromstring(visitor.send("GET", "/notice/demo/changes.atom").data)


def test_a_notice_of_an_earlier_program_is_still_shown() -> None:
    body = notice("en")
    later_members = {"dir", "out_of_scope", "retention", "automated_decisions", "transfer", "transfer_text"}
    later_members |= {"transfer_safeguards", "joint_use", "exception", "exception_text"}
    for purpose in body["purposes"]:
        purpose["recipients"] = [_without(recipient, later_members) for recipient in purpose["recipients"]]
    body["purposes"] = [_without(purpose, later_members) for purpose in body["purposes"]]
    body["texts"] = {key: body["texts"][key] for key in ("accept", "reject", "authoritative_note")}
    old = _without(body, later_members)
    page = render("notice.html", notice_page(completed(old), locales=LOCALES))
    assert old["purposes"][0]["title"] in Outline(page).text


def _without(members: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key not in names}


def test_versions_say_when_they_held(later: Bench) -> None:
    storage = later.service.storage
    newest, middle, first = editions(storage, "demo")
    assert [edition.version for edition in (newest, middle, first)] == [3, 2, 1]
    assert [edition.is_current for edition in (newest, middle, first)] == [True, False, False]
    assert middle.until_ms == newest.published_at_ms
    assert (middle.asks_again, newest.asks_again) == (True, False)
    published = read_edition(storage, "demo", 1)
    body = read_notice(storage, published, "ja")
    assert json.loads(body.canonical)["policy_version"] == 1
    part = history_part("demo", published, None, (newest, middle, first), "en")
    assert part["changes"] is None


CONTRACT = Contract("2026-01-01", True, True, True, True)
TEXT = {"ja": "新しい文", "en": "Something new"}
EVERYTHING: dict[str, Policy] = {
    "a purpose less": replace(demo_policy(), purposes=demo_policy().purposes[:-1]),
    "another order": replace(demo_policy(), purposes=demo_policy().purposes[::-1]),
    "a language less": replace(demo_policy(), locales=("ja",)),
    "another language prevails": replace(demo_policy(), authoritative_locale="en"),
    "origins": demo_policy(origins=("https://other.test",)),
    "theme": replace(demo_policy(), theme={"accent": "#123456"}),
    "texts": replace(demo_policy(), texts={"accept": TEXT}),
    "categories": replace(demo_policy(), categories={"ip": {"title": TEXT}}),
    "policy_url": replace(demo_policy(), policy_url=TEXT),
    "out_of_scope": replace(demo_policy(), out_of_scope=TEXT),
    "source_document": replace(demo_policy(), source_document="x"),
    "eu_data": replace(demo_policy(), eu_data=not demo_policy().eu_data),
    "ask_again_days": replace(demo_policy(), ask_again_days=30),
    "ask_again_refused_days": replace(demo_policy(), ask_again_refused_days=300),
    "signals": replace(demo_policy(), signals=Signals(("analytics",), "honour")),
    "regions": replace(demo_policy(), regions=Regions("everyone")),
    "hold": replace(demo_policy(), hold=Hold({"stats.example": "analytics"})),
    "attach": replace(demo_policy(), attach={"snowplow": "analytics"}),
    "clean": replace(demo_policy(), clean=Cleaning(cookies={"_fbp": ("advertising",)})),
    "google": replace(demo_policy(), google=ConsentMode(ad_storage="advertising")),
    "tcf": replace(demo_policy(), tcf=Tcf(300, 2, {"analytics": (1, 8)})),
    "gpp": replace(demo_policy(), gpp=Gpp(("usnat",), sale=("advertising",))),
    "share": replace(demo_policy(), share=Sharing("shop.test")),
    "reload_on_withdrawal": replace(demo_policy(), reload_on_withdrawal="auto"),
    "debug_origins": replace(demo_policy(), debug_origins=demo_policy().origins),
    "ip_when_refused": replace(
        demo_policy(), ip_when_refused="drop" if demo_policy().ip_when_refused == "truncate" else "truncate"
    ),
    "controller": replace(demo_policy(), controller=replace(demo_policy().controller, email="new@example.jp")),
    "country": replace(demo_policy(), controller=replace(demo_policy().controller, country="US")),
    "collectors": replace(demo_policy(), collectors={}),
    **{
        f"retention.{item.name}": replace(demo_policy(), retention=Retention(**{item.name: 2000}))
        for item in fields(Retention)
    },
    **{
        f"purpose.{name}": with_purpose(demo_policy(), "analytics", **{name: value})
        for name, value in {
            "title": TEXT, "description": TEXT, "legal_basis": "contract", "acquire": ("ip",), "retention_days": 1,
            "recipients": (), "always_on": True, "automated_decisions": True, "loss": TEXT,
        }.items()
    },
    **{
        f"recipient.{name}": with_recipient(demo_policy(), "hosting", **{name: value})
        for name, value in {
            "name": TEXT, "kind": "joint_user", "country": "US", "url": "https://new.test", "transfer": "consent",
            "transfer_safeguards": TEXT, "contract": CONTRACT, "joint_use": JointUse(TEXT, TEXT, TEXT),
            "exception": "law",
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize("changed", EVERYTHING.values(), ids=EVERYTHING.keys())
def test_whatever_a_policy_changes_is_said_to_visitors_both_ways(changed: Policy, lang: str) -> None:
    for old, new in ((demo_policy(), changed), (changed, demo_policy())):
        assert compare(old, new).changes
        told = tell_changes(old, new, lang)
        assert told
        assert all(one.text and "{" not in one.text for one in told)
        assert any(one.matters for one in told) == compare(old, new).asks_again
        assert len({one.text for one in told}) == len(told)


def test_every_part_of_a_policy_is_among_what_is_tried() -> None:
    tried = " ".join(EVERYTHING)
    # The site is another one's, the rest is tried by parts.
    in_parts = {"site", "locales", "authoritative_locale", "purposes", "recipients", "retention"}
    assert {one.name for one in fields(Policy) if one.init} - in_parts - EVERYTHING.keys() == set()
    for kind, prefix in ((Purpose, "purpose."), (Recipient, "recipient."), (Retention, "retention.")):
        missing = [one.name for one in fields(kind) if one.name != "key" and prefix + one.name not in tried]
        assert missing == []


def test_both_languages_have_the_same_history_texts_with_the_same_gaps() -> None:
    english, japanese = (
        read_shipped("cookiegate.web", "history_texts/en.yaml"),
        read_shipped("cookiegate.web", "history_texts/ja.yaml"),
    )
    for section in english:
        assert list(english[section]) == list(japanese[section])
        for key, text in english[section].items():
            assert _gaps(text) == _gaps(japanese[section][key]), key


def _gaps(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}
