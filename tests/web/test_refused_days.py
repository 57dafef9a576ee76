"""A refusal is left in peace for as long as the visitor's place wants, through whichever door it came."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench
from werkzeug.test import Client

from cookiegate.policy.document import Policy
from cookiegate.policy.pages import Regions, Sharing, Signals
from cookiegate.web.record_view import record_texts
from cookiegate.web.wording import date_text

PROXY = {"TRUSTED_PROXIES": "127.0.0.0/8", "COUNTRY_HEADER": "X-Country"}
DAYS = {"JP": 180, "US-CA": 365, "DE": 180, "US": 365, "XX": 365}
DAY_S = 86_400
EVERYTHING = Signals(("quality", "analytics", "development"))


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Bench]:
    """A service behind a proxy that tells places."""
    bench = make_bench(tmp_path, **PROXY)
    yield bench
    bench.service.close()


def visitor_at(bench: Bench, place: str, **options: Any) -> Visitor:
    """Someone new, somewhere."""

    def proxy(environ: dict[str, Any], start_response: Any) -> Any:
        return bench.front({**environ, "REMOTE_ADDR": "127.0.0.1", "HTTP_X_COUNTRY": place}, start_response)

    return Visitor(Client(proxy), **options)


def lasts(answer: Any, name: str = "cg_choice") -> float:
    """The days for which the browser is to keep a cookie."""
    (life,) = re.findall(rf"^{re.escape(name)}=[^;]+; Path=/; Max-Age=(\d+)", "\n".join(sent(answer)), re.MULTILINE)
    return int(life) / DAY_S


def sent(answer: Any) -> list[str]:
    return list(answer.headers.getlist("Set-Cookie"))


def days_of(consent: dict[str, Any]) -> float:
    """From the act until the visitor is asked again."""
    start, end = (datetime.fromisoformat(consent[name]) for name in ("decided_at", "expires_at"))
    return (end - start).total_seconds() / DAY_S


def submit(visitor: Visitor, action: str) -> Any:
    """The form of the preferences page, without JavaScript."""
    page = "/preferences/demo?lang=en"
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', visitor.send("GET", page).text)
    data = {**{name: html.unescape(value) for name, value in hidden}, "action": action}
    return visitor.send("POST", page, data=data, headers={"Sec-Fetch-Site": "same-origin"})


@pytest.mark.parametrize("place", DAYS)
def test_a_decision_s_cookie_and_answer_agree_with_what_is_asked_later(proxied: Bench, place: str) -> None:
    visitor, key = visitor_at(proxied, place), "a-key-of-a-refusal"
    given = visitor.decide("accept")
    assert (lasts(given), days_of(given.get_json()["consent"])) == (180, 180)
    for refused in (visitor.decide("withdraw"), visitor.decide("reject", key=key), visitor.decide("reject", key=key)):
        assert (lasts(refused), days_of(refused.get_json()["consent"])) == (DAYS[place], DAYS[place])
    assert days_of(visitor.send("GET", "/v1/sites/demo/consent").get_json()) == DAYS[place]


@pytest.mark.parametrize("place", DAYS)
def test_the_form_s_cookie_and_page_say_the_same(proxied: Bench, place: str) -> None:
    visitor = visitor_at(proxied, place, origin=None)
    assert lasts(submit(visitor, "accept")) == 180
    refused = submit(visitor, "reject")
    assert lasts(refused) == DAYS[place]
    asked = visitor.send("GET", "/v1/sites/demo/consent").get_json()["expires_at"]
    assert date_text(asked, "en") in refused.text


@pytest.mark.parametrize("place", DAYS)
def test_a_signal_that_ends_everything_at_a_request_for_a_token(proxied: Bench, place: str) -> None:
    proxied.publish(demo_policy(signals=EVERYTHING))
    visitor = visitor_at(proxied, place)
    visitor.decide("accept")
    handle = str(visitor.cookie("cg_handle.demo"))
    proxied.clock.advance(1)
    ended = visitor.send("POST", "/v1/sites/demo/token", headers={"Sec-GPC": "1"})
    assert (ended.status_code, lasts(ended)) == (404, DAYS[place])
    visitor.client.set_cookie("cg_handle.demo", handle)  # a browser that did not forget
    for passed, reason in ((DAYS[place] - 1, "refused"), (1, "expired")):
        proxied.clock.advance(passed * DAY_S)
        assert visitor.send("POST", "/v1/sites/demo/token").get_json()["ask_reason"] == reason


@pytest.mark.parametrize("place", DAYS)
def test_what_is_recorded_says_the_same(proxied: Bench, place: str) -> None:
    visitor = visitor_at(proxied, place)
    visitor.decide("accept")
    handle = str(visitor.cookie("cg_handle.demo"))
    visitor.decide("withdraw")
    visitor.client.set_cookie("cg_handle.demo", handle)  # a browser that did not forget

    def consents() -> list[dict[str, Any]]:
        return [visitor.send("GET", f"/v1/sites/demo/{one}").get_json() for one in ("consent", "record")]

    now, record = consents()
    assert record["consent"]["expires_at"] == now["expires_at"]
    assert days_of(record["consent"]) == DAYS[place]
    for passed, asks in ((DAYS[place] - 1, False), (1, True)):
        proxied.clock.advance(passed * DAY_S)
        now, record = consents()
        assert (now["ask"], record["consent"]["ask"]) == (asks, asks)
        page = visitor.send("GET", "/preferences/demo/record?lang=en").text
        assert (record_texts("en")["state_asked"] in page) is asks


def member(site: str, other: str) -> Policy:
    share = Sharing(group={other: {"ja": other, "en": other}})
    return demo_policy(site=site, origins=(f"http://{site}.shop.test",), share=share)


def test_the_other_sites_of_a_group_keep_a_refusal_as_long(tmp_path: Path) -> None:
    quiet = replace(member("news", "demo"), ask_again_refused_days=390)
    bench = make_bench(tmp_path, policies=(member("demo", "news"), quiet), **PROXY)
    for place, days in DAYS.items():
        visitor = visitor_at(bench, place, origin="http://demo.shop.test")
        given, refused = visitor.decide("accept"), visitor.decide("reject")
        assert [lasts(given, f"cg_choice.{site}") for site in ("demo", "news")] == [180, 180]
        assert [lasts(refused, f"cg_choice.{site}") for site in ("demo", "news")] == [days, 390]
        assert days_of(visitor.send("GET", "/v1/sites/news/consent").get_json()) == 390
    bench.service.close()


def told(visitor: Visitor) -> tuple[int | None, str]:
    """What a fetched notice says of refusals, which is what the script's own says, and who may keep it."""
    file, notice = (visitor.send("GET", path) for path in ("/w/demo.en.json", "/v1/sites/demo/notice?lang=en"))
    days, scope = notice.get_json().get("refused_days"), notice.headers["Cache-Control"].partition(",")[0]
    kept = file.get_json()["notice"].get("refused_days"), file.headers["Cache-Control"].partition(",")[0]
    assert kept == (days, scope)
    return kept


def test_a_newer_notice_says_what_the_file_for_the_place_says(proxied: Bench) -> None:
    for place, days in DAYS.items():
        assert told(visitor_at(proxied, place)) == (days if days > 180 else None, "private")
    proxied.publish(demo_policy(ask_again_refused_days=390))
    assert told(visitor_at(proxied, "JP")) == (390, "private")
    proxied.publish(demo_policy(regions=Regions("everyone")))
    assert told(visitor_at(proxied, "JP")) == (365, "public")


def test_where_no_place_is_known_the_longest_holds_for_everybody(bench: Bench, visitor: Visitor) -> None:
    refused = visitor.decide("reject")
    assert (lasts(refused), days_of(refused.get_json()["consent"])) == (365, 365)
    assert told(visitor) == (365, "public")
