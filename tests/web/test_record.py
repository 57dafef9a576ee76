"""``/preferences/<site>/record``: the visitor's own record, by their handle or a receipt, without JavaScript."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from pages_material import LOCALES, Outline
from record_material import PAGE, SAME_SITE, collect, decided, hidden_receipt, press, see
from support import engines
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench
from test_pages_rendering import HOSTILE

from cookiegate.shipped import read_shipped
from cookiegate.web.record_view import HISTORY_MAX, record_texts

DAY_S = 86_400


@pytest.fixture
def visitor(bench: Bench) -> Visitor:
    """Someone on the service's own pages, who has allowed everything."""
    visitor = bench.visitor(origin=None)
    decided(visitor)
    return visitor


def words(page: str) -> str:
    """A page as it reads."""
    return Outline(page).text


def test_s19_the_record_is_shown_to_whoever_holds_the_handle(bench: Bench, visitor: Visitor) -> None:
    collect(bench, visitor)
    bench.clock.advance(60)
    visitor.decide("choose", purposes={"analytics": True}, acquire={"language": True})
    answer = see(visitor)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    text = words(answer.text)
    (row,) = {row.sub for row in bench.service.storage.decisions("demo")}
    for part in (str(row), "You allowed everything", "You chose", "Analytics", "Chrome 156", "Version 1", "plain",
                 "Aoba Cloud, Inc.", "Until", "November 18, 2026"):  # fmt: skip
        assert part in text
    assert text.index("You chose") < text.index("You allowed everything")


def test_everything_allowed_is_told_apart_from_some(visitor: Visitor) -> None:
    visitor.decide("accept")
    assert "You have allowed everything" in words(see(visitor).text)
    visitor.decide("choose", purposes={"analytics": True}, acquire={"language": True})
    assert "You have allowed some" in words(see(visitor).text)


def test_a_browser_without_a_handle_is_asked_for_a_receipt(bench: Bench) -> None:
    answer = see(bench.visitor(origin=None))
    assert answer.status_code == 200
    assert "This browser holds no key to a record." in words(answer.text)
    assert Outline(answer.text).all("textarea")


def test_s19_a_receipt_opens_the_same_record_and_comes_along_with_every_form(bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor, "choose", purposes={"analytics": True})
    stranger = bench.visitor(origin=None)
    page = press(stranger, "find", receipt=receipt)
    assert page.status_code == 200
    assert hidden_receipt(page.text) == receipt
    assert "Set-Cookie" not in page.headers
    assert words(page.text).count("You allowed everything") == 1
    ours = {form["action"] for form in Outline(page.text).all("form")}
    assert ours == {f"{PAGE}?lang=en", "/preferences/demo/receipt?lang=en"}
    assert page.text.count('name="receipt"') == len(Outline(page.text).all("form"))


def test_a_receipt_may_come_as_the_downloaded_file(bench: Bench, visitor: Visitor) -> None:
    file = visitor.send("GET", "/preferences/demo/receipt.json").data
    stranger = bench.visitor(origin=None)
    page = press(stranger, "find", receipt="", file=(io.BytesIO(file), "receipt.json"))
    assert "You allowed everything" in words(page.text)
    assert hidden_receipt(page.text)


def test_the_page_of_a_receipt_leads_to_the_record(bench: Bench, visitor: Visitor) -> None:
    stranger, receipt = bench.visitor(origin=None), decided(visitor)
    shown = stranger.send("POST", "/preferences/demo/receipt", data={"receipt": receipt}, headers=SAME_SITE)
    (button,) = [tag for tag in Outline(shown.text).all("button") if tag.get("name") == "do"]
    assert f'<form method="post" action="{PAGE}?lang=' in shown.text
    assert "You allowed everything" in words(press(stranger, button["value"], receipt=receipt).text)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_s19_the_record_is_downloaded_whole(bench: Bench, visitor: Visitor, form: str) -> None:
    collect(bench, visitor, page="/bowls")
    answer = press(visitor, form)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="record-demo-2026-11-18.{form}"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if form == "json":
        document = json.loads(answer.data)
        assert [item["action"] for item in document["decisions"]] == ["accept"]
        assert [item["event"]["page"] for item in document["events"]] == ["/bowls"]
    else:
        rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert ["events/1", "2026-11-18", "event.page", "/bowls"] in rows


def test_s24_a_restriction_is_a_state_of_its_own_and_can_be_lifted(bench: Bench, visitor: Visitor) -> None:
    done = press(visitor, "restrict")
    assert (done.status_code, done.headers["Location"]) == (303, f"{PAGE}?flash=restricted&lang=en")
    page = words(see(visitor, flash="restricted").text)
    assert "The use of your data is restricted now." in page
    assert "Lift the restriction" in page
    assert visitor.send("GET", "/v1/sites/demo/consent").get_json()["restricted"] is True
    assert visitor.send("POST", "/v1/sites/demo/token").status_code >= 400
    assert "The use of your data is restricted" in words(visitor.send("GET", "/preferences/demo?lang=en").text)
    assert "flash=lifted" in press(visitor, "lift").headers["Location"]
    page = words(see(visitor).text)
    assert "Restrict the use" in page
    assert "The restriction was lifted" in page
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 200


def test_a_receipt_restricts_without_a_redirect_that_would_lose_it(bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor)
    page = press(bench.visitor(origin=None), "restrict", receipt=receipt)
    assert page.status_code == 200
    assert "The use of your data is restricted now." in words(page.text)
    assert hidden_receipt(page.text) == receipt


def test_erasing_asks_first_and_says_what_remains(bench: Bench, visitor: Visitor) -> None:
    page = words(press(visitor, "ask-erase").text)
    assert "number of choices: 1" in page
    assert "number (hash) for each choice" in page
    assert "kept for 3 years" in page
    assert "You allowed everything" in words(see(visitor).text)


def test_s23_the_person_erases_everything_by_themselves(bench: Bench, visitor: Visitor) -> None:
    visitor.client.set_cookie("cg_pending.demo", "1")
    done = press(visitor, "erase")
    assert done.status_code == 303
    assert visitor.cookie("cg_pending.demo") == "0", "what a page still has to send is void"
    assert not [name for name in ("cg_choice", "cg_handle.demo", "cg_token") if visitor.cookie(name)]
    (row,) = bench.service.storage.decisions("demo")
    assert row.is_erased
    page = visitor.send("GET", done.headers["Location"])
    (entry,) = bench.service.storage.entries(kind="erasure")
    assert f"http://127.0.0.1:8000/ledger/proof/{entry.id}" in words(page.text)
    assert "It is erased" in words(page.text)
    bench.service.sealer.seal()
    assert visitor.send("GET", f"/ledger/proof/{entry.id}").status_code == 200
    assert "This browser holds no key to a record." in words(see(visitor).text)


def test_a_receipt_of_an_anonymous_refusal_shows_downloads_and_erases_that_one(bench: Bench) -> None:
    visitor, other = bench.visitor(origin=None), bench.visitor()
    receipt = decided(visitor, "reject")
    bench.clock.advance(1)
    decided(other, "reject")
    page = press(visitor, receipt=receipt)
    assert "An anonymous refusal" in words(page.text)
    assert "You refused everything" in words(page.text)
    assert 'value="restrict"' not in page.text
    document = json.loads(press(visitor, "json", receipt=receipt).data)
    assert (len(document["decisions"]), document["subject"]["pseudonym"], document["consent"]) == (1, None, None)
    assert press(visitor, "erase", receipt=receipt).status_code == 303
    assert [row.is_erased for row in bench.service.storage.decisions("demo")] == [True, False]
    assert visitor.cookie("cg_choice")  # the refusal itself is still respected


def test_a_receipt_from_before_a_withdrawal_still_opens_the_record(bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor)
    decided(visitor, "withdraw")
    page = words(press(bench.visitor(origin=None), receipt=receipt).text)
    assert "You took your permission back" in page
    assert "Nothing is allowed" in page


def test_a_receipt_whose_record_was_erased_says_so_at_every_step(bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor)
    press(visitor, "erase")
    (entry,) = bench.service.storage.entries(kind="erasure")
    for do in ("see", "json", "csv", "restrict", "lift", "ask-erase", "erase"):
        page = press(bench.visitor(origin=None), do, receipt=receipt)
        assert page.status_code == 200
        assert "Nothing is left Your receipt is genuine." in words(page.text)
        assert entry.id in page.text
    assert len(bench.service.storage.entries(kind="erasure")) == 1


def test_erasing_with_a_receipt_leaves_another_person_s_browser_alone(bench: Bench, visitor: Visitor) -> None:
    receipt, other = decided(visitor), bench.visitor(origin=None)
    decided(other)
    done = press(other, "erase", receipt=receipt)
    assert "Set-Cookie" not in done.headers
    assert other.cookie("cg_handle.demo")
    assert "You allowed everything" in words(see(other).text)


def test_erasing_with_a_receipt_in_the_own_browser_clears_it(visitor: Visitor) -> None:
    receipt = decided(visitor)
    press(visitor, "erase", receipt=receipt)
    assert visitor.cookie("cg_handle.demo") is None


def test_a_legal_hold_stops_the_erasure_and_is_told(bench: Bench, visitor: Visitor) -> None:
    bench.service.holds.place("demo", reason="docket 1", by="officer")
    page = press(visitor, "erase")
    assert page.status_code == 409
    assert "This cannot be erased now: a legal obligation or claim keeps it (legal claims)." in words(page.text)
    assert "docket" not in page.text
    assert visitor.cookie("cg_handle.demo")
    assert not bench.service.storage.decisions("demo")[0].is_erased


def corrupt(receipt: str) -> str:
    """The receipt with one sign of its payload changed."""
    head, payload, signature = receipt.split(".")
    return ".".join((head, payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:], signature))


def test_receipts_that_prove_nothing_are_refused_alike(tmp_path: object, bench: Bench, visitor: Visitor) -> None:
    receipt = decided(visitor)
    bench.publish(demo_policy(site="other"))
    foreign = str(bench.visitor(site="other").decide("accept").get_json()["receipt"])
    token = str(visitor.send("POST", "/v1/sites/demo/token").get_json()["token"])
    bad = {
        "changed": corrupt(receipt), "another site's": foreign, "a token": token, "cut": receipt[:-9], "text": "hello",
        "markup": HOSTILE, "long": "x" * 300_000, "nothing": "  ", "json": '{"jws": 1}', "deep": "[" * 100_000,
    }  # fmt: skip
    for name, text in bad.items():
        for do in ("find", "see", "json", "erase"):
            answer = press(bench.visitor(origin=None), do, receipt=text)
            assert answer.status_code == 422, name
            assert 'role="alert"' in answer.text
            assert "You allowed everything" not in answer.text
            assert "<script" not in answer.text
            assert text not in answer.text or not text.strip()
    assert not bench.service.storage.decisions("demo")[0].is_erased


def test_a_receipt_wins_over_the_browser_s_own_handle_and_a_bad_one_does_not_fall_back(visitor: Visitor) -> None:
    assert press(visitor, "json", receipt="hello").status_code == 422


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}, {"Origin": "null"}]
)
@pytest.mark.parametrize("do", ["json", "restrict", "erase"])
def test_a_form_from_elsewhere_is_refused(visitor: Visitor, headers: dict[str, str], do: str) -> None:
    assert visitor.send("POST", PAGE, data={"do": do}, headers=headers).status_code == 403
    assert "You allowed everything" in words(see(visitor).text)


def test_nothing_is_done_by_get(visitor: Visitor, bench: Bench) -> None:
    visitor.send("GET", PAGE, query_string={"do": "erase"})
    assert not bench.service.storage.decisions("demo")[0].is_erased


@pytest.mark.parametrize("button", ["publish", "", None])
def test_an_unknown_button_is_refused_and_none_too(visitor: Visitor, button: str | None) -> None:
    answer = press(visitor, button)
    assert answer.status_code == 422
    assert "must be one of find, see" in answer.text


@pytest.mark.parametrize("entry", ["", "x", "../../etc", "0" * 36, "00000000-0000-0000-0000-000000000000"])
def test_the_page_after_an_erasure_is_only_for_erasures(visitor: Visitor, bench: Bench, entry: str) -> None:
    assert visitor.send("GET", f"{PAGE}/erased", query_string={"entry": entry}).status_code == 404
    decision = bench.service.storage.decisions("demo")[0].id
    assert visitor.send("GET", f"{PAGE}/erased", query_string={"entry": decision}).status_code == 404


def test_an_unknown_site_has_no_records(visitor: Visitor) -> None:
    assert visitor.send("GET", "/preferences/nobody/record").status_code == 404
    assert visitor.send("POST", "/preferences/nobody/record", headers=SAME_SITE).status_code == 404


def test_the_pages_count_against_the_limit_of_writes(tmp_path: object) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="3/minute")  # type: ignore[arg-type]
    visitor = bench.visitor(origin=None)
    statuses = [press(visitor, "find", receipt="x").status_code for _ in range(4)]
    bench.service.close()
    assert statuses == [422, 422, 422, 429]


@pytest.mark.parametrize("lang", LOCALES)
def test_every_page_speaks_the_language_that_was_asked_for(bench: Bench, visitor: Visitor, lang: str) -> None:
    texts = record_texts(lang)
    assert texts["title"] in words(press(visitor, lang=lang).text)
    assert texts["erase_title"] in words(press(visitor, "ask-erase", lang=lang).text)
    erased = visitor.send("GET", press(visitor, "erase", lang=lang).headers["Location"])
    assert texts["erased_title"] in words(erased.text)
    assert texts["form_title"] in words(visitor.send("GET", PAGE, query_string={"lang": lang}).text)
    assert erased.headers["Content-Language"] == lang


def test_hostile_policy_texts_are_shown_and_never_run(bench: Bench) -> None:
    hostile = dict.fromkeys(LOCALES, HOSTILE)
    policy = demo_policy()
    purposes = tuple(replace(one, title=hostile, description=hostile) for one in policy.purposes)
    bench.publish(replace(policy, purposes=purposes, controller=replace(policy.controller, name=hostile)))
    visitor = bench.visitor(origin=None)
    decided(visitor)
    for page in (see(visitor), press(visitor, "ask-erase"), press(bench.visitor(origin=None))):
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert HOSTILE in "".join(Outline(page.text).words)


def test_what_was_allowed_under_an_older_notice_is_named_as_it_was_then(bench: Bench, visitor: Visitor) -> None:
    purposes = tuple(one for one in demo_policy().purposes if one.key != "advertising")
    bench.publish(replace(demo_policy(), purposes=purposes))
    assert "Advertising" in words(see(visitor).text)


def test_a_long_history_shows_the_newest_and_says_where_the_rest_is(bench: Bench, visitor: Visitor) -> None:
    for _ in range(HISTORY_MAX):
        bench.clock.advance(1)
        visitor.decide("choose", purposes={"analytics": True})
    page = words(see(visitor).text)
    assert f"The newest {HISTORY_MAX} are shown." in page
    assert page.count("You chose") == HISTORY_MAX
    assert len(json.loads(press(visitor, "json").data)["decisions"]) == HISTORY_MAX + 1


def test_provisions_to_third_parties_are_listed(bench: Bench) -> None:
    policy = demo_policy()
    collectors = {**policy.collectors, "plain": replace(policy.collectors["plain"], purpose="advertising",
                                                        recipient="ad_network")}  # fmt: skip
    bench.publish(replace(policy, collectors=collectors))
    visitor = bench.visitor(origin=None)
    decided(visitor)
    collect(bench, visitor)
    page = words(see(visitor).text)
    assert "What was given to third parties" in page
    assert "Days on which information was given to a third party." in page
    (provided,) = json.loads(press(visitor, "json").data)["provisions"]
    assert (provided["recipient"], provided["purpose"]) == ("ad_network", "advertising")
    assert "by" not in provided


def test_the_pages_lead_to_the_record(visitor: Visitor) -> None:
    for page in ("/preferences/demo", "/notice/demo"):
        links = {link["href"] for link in Outline(visitor.send("GET", page, query_string={"lang": "en"}).text).all("a")}
        assert {f"{PAGE}?lang=en", "/preferences/demo/request?lang=en"} <= links


def test_both_languages_have_the_same_record_texts_with_the_same_gaps() -> None:
    english, japanese = (
        read_shipped("cookiegate.web", "record_texts/en.yaml"),
        read_shipped("cookiegate.web", "record_texts/ja.yaml"),
    )
    assert list(english) == list(japanese)
    for key, text in english.items():
        assert {part.partition("}")[0] for part in text.split("{")[1:]} == {
            part.partition("}")[0] for part in japanese[key].split("{")[1:]
        }, key


def test_a_version_that_cannot_be_read_any_more_hides_nothing_from_the_person(bench: Bench, visitor: Visitor) -> None:
    # Published versions are protected by a trigger, so the damage is done as an intruder would.
    statement = "UPDATE policies SET document = ? WHERE version = 1"
    engines.change_protected(bench.folder, "policies", statement, b"{}")
    bench.clock.advance(1)
    assert "You allowed everything" in words(see(visitor).text)
    assert json.loads(press(visitor, "json").data)["decisions"][0]["action"] == "accept"
