"""``/preferences/<site>`` as a browser without JavaScript uses it."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench

PAGE = "/preferences/demo?lang=en"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def form_of(visitor: Visitor) -> dict[str, str]:
    page = visitor.send("GET", PAGE)
    assert page.status_code == 200
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in fields}


def submit(visitor: Visitor, action: str, hidden: dict[str, str] | None = None, **fields: Any) -> Any:
    data = {**(form_of(visitor) if hidden is None else hidden), "action": action, **fields}
    return visitor.send("POST", PAGE, data=data, headers=SAME_SITE)


@pytest.fixture
def visitor(bench: Bench) -> Visitor:
    """Someone on the service's own page."""
    return bench.visitor(origin=None)


def test_the_whole_circle_without_javascript(visitor: Visitor, bench: Bench) -> None:
    chosen = submit(visitor, "choose", purposes=["analytics"], acquire=["language", "screen"])
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/preferences/demo?flash=saved&lang=en")
    consent = visitor.send("GET", "/v1/sites/demo/consent").get_json()
    assert [key for key, on in consent["acquire"].items() if on] == ["language", "screen"]
    withdrawn = submit(visitor, "withdraw")
    assert (withdrawn.status_code, "Your permission has been withdrawn" in withdrawn.text) == (200, True)
    assert visitor.cookie("cg_handle.demo") is None
    assert visitor.cookie("cg_choice") == "refused.1.20261118"
    assert bench.count == 2


def test_boxes_show_what_holds_and_nothing_is_ticked_before(visitor: Visitor) -> None:
    assert "checked" not in visitor.send("GET", PAGE).text
    submit(visitor, "choose", purposes=["analytics"], acquire=["language"])
    ticked = re.findall(r'<input[^>]*name="(\w+)"[^>]*value="(\w+)"[^>]*checked', visitor.send("GET", PAGE).text)
    assert sorted(ticked) == [("acquire", "language"), ("purposes", "analytics")]


def test_accepting_and_refusing_are_one_click_each(visitor: Visitor) -> None:
    assert "flash=saved" in submit(visitor, "accept").headers["Location"]
    assert "Your refusal has been saved" in submit(visitor, "reject").text
    assert visitor.cookie("cg_handle.demo") is None


def test_a_form_sent_twice_is_one_decision(visitor: Visitor, bench: Bench) -> None:
    hidden = form_of(visitor)
    assert submit(visitor, "accept", hidden).status_code == 303
    assert submit(visitor, "accept", hidden).status_code == 303
    assert bench.count == 1


def test_a_refusal_after_going_back_is_taken(visitor: Visitor, bench: Bench) -> None:
    hidden = form_of(visitor)
    submit(visitor, "accept", hidden)
    assert "Your refusal has been saved" in submit(visitor, "reject", hidden).text
    assert visitor.send("GET", "/v1/sites/demo/consent").get_json()["state"] == "refused"


def test_a_choice_that_still_waits_in_a_page_is_void_after_one_here(visitor: Visitor) -> None:
    submit(visitor, "accept")
    assert visitor.cookie("cg_pending.demo") is None
    visitor.client.set_cookie("cg_pending.demo", "1")
    submit(visitor, "reject")
    assert visitor.cookie("cg_pending.demo") == "0"


def test_a_page_that_was_open_too_long_says_that_nothing_was_saved(visitor: Visitor, bench: Bench) -> None:
    hidden = form_of(visitor)
    bench.publish(replace(demo_policy(), ask_again_days=30))
    assert "flash=error" in submit(visitor, "accept", hidden).headers["Location"]
    assert bench.count == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
    ],
)
def test_a_form_from_elsewhere_is_refused(visitor: Visitor, bench: Bench, headers: dict[str, str]) -> None:
    data = {**form_of(visitor), "action": "accept"}
    assert visitor.send("POST", PAGE, data=data, headers=headers).status_code == 403
    assert bench.count == 0


@pytest.mark.parametrize(
    "fault", [{"action": "own"}, {"epoch": "x"}, {"epoch": "9" * 5000}, {"key": "short"}, {"epoch": "٣"}]
)
def test_a_form_that_our_page_would_not_send_is_refused(visitor: Visitor, bench: Bench, fault: dict[str, str]) -> None:
    data = {**form_of(visitor), "action": "accept", **fault}
    assert visitor.send("POST", PAGE, data=data, headers=SAME_SITE).status_code == 422
    assert bench.count == 0


def test_no_write_happens_by_get(visitor: Visitor, bench: Bench) -> None:
    hidden = form_of(visitor)
    visitor.send("GET", "/preferences/demo", query_string={**hidden, "action": "accept"})
    assert bench.count == 0


@pytest.mark.parametrize("page", ["/preferences/demo", "/notice/demo"])
def test_pages_cannot_be_framed_and_run_no_script(visitor: Visitor, page: str) -> None:
    answer = visitor.send("GET", page)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert "<script" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("lang", "expected"), [("ja", 'lang="ja"'), ("en", 'lang="en"')])
def test_pages_speak_the_chosen_language(visitor: Visitor, lang: str, expected: str) -> None:
    for page in ("/preferences/demo", "/notice/demo"):
        answer = visitor.send("GET", page, query_string={"lang": lang})
        assert expected in answer.text
        assert answer.headers["Content-Language"] == lang


def test_the_visitor_s_own_browser_is_explained(bench: Bench) -> None:
    safari = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.0 Mobile/15E148 Safari/604.1"
    )
    page = bench.visitor(agent=safari).send("GET", PAGE).text
    assert "iPhone" in page


def test_a_browser_gets_pages_for_its_errors(visitor: Visitor) -> None:
    answer = visitor.send("GET", "/preferences/nobody", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    other = visitor.send("GET", "/preferences/nobody", headers={"Accept": "application/json"})
    assert other.mimetype == "application/problem+json"


def test_the_theme_is_a_style_sheet_of_its_own(visitor: Visitor) -> None:
    answer = visitor.send("GET", "/preferences/demo/theme.css")
    assert answer.mimetype == "text/css"
    assert "--" in answer.text


def test_a_form_is_taken_behind_a_proxy_that_ends_tls(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, BASE_URL="https://consent.example.jp")
    visitor = bench.visitor(origin=None)
    data = {**form_of(visitor), "action": "reject"}
    headers = {"Origin": "https://consent.example.jp", "Host": "127.0.0.1:8000"}
    assert visitor.send("POST", PAGE, data=data, headers=headers).status_code == 200
    bench.service.close()


def test_an_old_page_s_yes_after_a_withdrawal_says_that_nothing_was_saved(visitor: Visitor) -> None:
    hidden = form_of(visitor)
    submit(visitor, "accept", hidden)
    submit(visitor, "withdraw")
    assert "flash=error" in submit(visitor, "accept", hidden).headers["Location"]
    assert visitor.cookie("cg_choice") == "refused.1.20261118"
