"""Receipts for visitors: a page that prints and a file that proves itself, with a handle and without."""

from __future__ import annotations

import html
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench

from cookiegate.ledger.receipt_document import context_text
from cookiegate.ledger.receipt_reading import read_receipt
from cookiegate.policy.reading import load_policy
from cookiegate.tokens.jws import PublicKeys
from receipts.conftest import ROOM
from receipts.material import POLICIES, newest, payload, take

PAGE = "/preferences/demo/receipt?lang=en"
FILE = "/preferences/demo/receipt.json"
HTML = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


@pytest.fixture
def visitor(bench: Bench) -> Visitor:
    """Someone on the service's own pages."""
    return bench.visitor(origin=None)


def bring(visitor: Visitor, receipt: str, **fields: Any) -> Any:
    return visitor.send("POST", PAGE, data={"receipt": receipt, **fields}, headers=HTML)


def refuse(visitor: Visitor, action: str = "reject") -> Any:
    page = visitor.send("GET", "/preferences/demo?lang=en").text
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    data = {name: html.unescape(value) for name, value in fields} | {"action": action}
    return visitor.send("POST", "/preferences/demo?lang=en", data=data, headers=HTML)


def offered(page: Any) -> str:
    """The receipt that a page offers in a hidden field."""
    found = re.search(r'<input type="hidden" name="receipt" value="([^"]+)"', page.text)
    assert found is not None
    return html.unescape(found[1])


def test_who_allowed_something_reads_and_downloads_the_receipt(visitor: Visitor, bench: Bench) -> None:
    receipt = take(visitor, "choose", "en", purposes={"analytics": True}, acquire={"language": True})
    page = visitor.send("GET", PAGE)
    assert page.status_code == 200
    for text in ("You allowed some", "Aoba Store Co., Ltd.", newest(bench, "demo").leaf.hex(), "Aoba Cloud, Inc."):
        assert text in page.text
    file = visitor.send("GET", FILE)
    assert (file.status_code, file.mimetype) == (200, "application/ld+json")
    assert file.headers["Content-Disposition"].startswith('attachment; filename="receipt-demo-')
    assert json.loads(file.data)["jws"] == receipt
    assert "no-store" in page.headers["Cache-Control"]
    assert "no-store" in file.headers["Cache-Control"]


@pytest.mark.parametrize(("lang", "words"), [("en", "Receipt of your choice"), ("ja", "選択の控え")])
def test_the_page_speaks_the_language_that_is_asked_for(visitor: Visitor, lang: str, words: str) -> None:
    take(visitor, "accept", "ja")
    page = visitor.send("GET", "/preferences/demo/receipt", query_string={"lang": lang})
    assert words in page.text
    assert page.headers["Content-Language"] == lang
    assert "/preferences/demo/receipt?lang=ja" in page.text


def test_who_holds_no_handle_is_asked_for_the_receipt(visitor: Visitor) -> None:
    page = visitor.send("GET", PAGE)
    assert page.status_code == 200
    assert 'type="file"' in page.text
    problem = visitor.send("GET", FILE)
    assert (problem.status_code, problem.get_json()["code"]) == (404, "consent_missing")


def test_a_stranger_s_handle_opens_nothing(visitor: Visitor, bench: Bench) -> None:
    take(visitor, "accept", "en")
    stranger = bench.visitor(origin=None, headers={"Cookie": "cg_handle.demo=" + "A" * 22})
    assert stranger.send("GET", FILE).status_code == 404


@pytest.mark.parametrize("action", ["reject", "withdraw"])
def test_a_refusal_without_javascript_hands_over_its_receipt_and_stores_nothing(
    visitor: Visitor, bench: Bench, action: str
) -> None:
    if action == "withdraw":
        take(visitor, "accept", "en")
    answer = refuse(visitor, action)
    receipt = offered(answer)
    assert payload(receipt)["record"]["action"] == action
    assert payload(receipt)["jti"] in {row.id for row in bench.service.storage.decisions("demo")}
    assert visitor.cookie("cg_handle.demo") is None
    assert visitor.cookie("cg_token") is None
    assert re.fullmatch(r"refused\.1\.\d{8}", visitor.cookie("cg_choice") or "")
    assert "no-store" in answer.headers["Cache-Control"]
    shown = bring(visitor, receipt)
    assert shown.status_code == 200
    assert ("You refused" if action == "reject" else "You took your permission back") in shown.text
    assert "None. Nothing that points to you was stored." in shown.text or action == "withdraw"
    assert "Set-Cookie" not in shown.headers
    file = bring(visitor, receipt, format="json")
    assert file.headers["Content-Disposition"].startswith("attachment")
    keys = PublicKeys(bench.service.keyring.jwks())
    assert read_receipt(file.text, keys).decision_id == payload(receipt)["jti"]


def test_loading_the_answer_again_is_the_same_decision_and_receipt(visitor: Visitor, bench: Bench) -> None:
    page = visitor.send("GET", "/preferences/demo?lang=en").text
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    data = {name: html.unescape(value) for name, value in fields} | {"action": "reject"}
    answers = [visitor.send("POST", "/preferences/demo?lang=en", data=data, headers=HTML) for _ in range(2)]
    assert offered(answers[0]) == offered(answers[1])
    assert bench.count == 1


def test_a_yes_after_the_refusal_s_answer_is_taken(visitor: Visitor) -> None:
    take(visitor, "accept", "en")
    page = refuse(visitor, "withdraw").text
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    data = {name: html.unescape(value) for name, value in fields} | {"action": "accept"}
    answer = visitor.send("POST", "/preferences/demo?lang=en", data=data, headers=HTML)
    assert "flash=saved" in answer.headers["Location"]


def test_a_downloaded_file_can_be_brought_back(visitor: Visitor) -> None:
    take(visitor, "accept", "en")
    file = visitor.send("GET", FILE)
    for data in (
        {"receipt": file.text},
        {"receipt": "", "file": (io.BytesIO(file.data), "receipt.json")},
        {"receipt": " \n", "file": (io.BytesIO(json.loads(file.data)["jws"].encode()), "receipt.txt")},
    ):
        answer = visitor.send("POST", PAGE, data=data, headers=HTML)
        assert (answer.status_code, "You allowed everything" in answer.text) == (200, True)


def test_a_receipt_of_another_key_or_site_or_text_is_refused_with_a_sentence(
    visitor: Visitor, bench: Bench, tmp_path: Path
) -> None:
    receipt = take(visitor, "accept", "en")
    other = make_bench(tmp_path / "other", **ROOM)
    foreign = take(other.visitor(), "accept", "en")
    other.service.close()
    bench.publish(demo_policy(site="other"))
    shop = bench.visitor(site="other")
    neighbour = take(shop, "accept", "en")
    for text, sentence in (
        (receipt[:-8] + "AAAAAAAA", "was changed after it was signed"),
        (foreign, "a key that this service does not have"),
        (neighbour, "the receipt of another site"),
        ("hello", "not a whole receipt"),
        ("", "not a whole receipt"),
        ("\x00\U0001f600" * 9, "not a whole receipt"),
    ):
        answer = bring(visitor, text)
        assert (answer.status_code, answer.mimetype) == (422, "text/html")
        assert sentence in answer.text
        assert 'role="alert"' in answer.text
    problem = visitor.send("POST", PAGE, data={"receipt": "hello"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (problem.status_code, problem.get_json()["code"]) == (422, "receipt_invalid")


@pytest.mark.parametrize("text", [HOSTILE, f'{{"jws":"{HOSTILE}"}}', f"a.b.{HOSTILE}", "\u2028<svg onload=alert(1)>"])
def test_a_hostile_text_never_becomes_markup(visitor: Visitor, text: str) -> None:
    answer = bring(visitor, text)
    assert answer.status_code == 422
    for piece in ("<script", "<img", "<svg", "onerror", "49"):
        assert piece not in answer.text


def test_a_hostile_policy_never_becomes_markup(tmp_path: Path) -> None:
    policy = demo_policy()
    both = {"ja": HOSTILE, "en": HOSTILE}
    purposes = tuple(replace(item, title=both, description=both) for item in policy.purposes)
    recipients = {key: replace(item, name=both) for key, item in policy.recipients.items()}
    controller = replace(
        policy.controller, name=both, address=both, desk=both, url="javascript:alert(1)", email=HOSTILE
    )
    hostile = replace(policy, purposes=purposes, recipients=recipients, controller=controller)
    bench = make_bench(tmp_path, policies=(hostile,), **ROOM)
    visitor = bench.visitor()
    receipt = take(visitor, "accept", "en")
    visitor.origin = None
    for page in (visitor.send("GET", PAGE), bring(visitor, receipt), refuse(visitor)):
        assert page.status_code == 200
        for piece in ("<script", "<img", "{{7*7}}</", 'href="javascript'):
            assert piece not in page.text.replace("{{7*7}}", "")
        assert "&lt;script&gt;" in page.text
    assert payload(receipt)["controller"]["name"] == HOSTILE
    bench.service.close()


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}])
def test_another_site_s_page_cannot_bring_a_receipt(visitor: Visitor, headers: dict[str, str]) -> None:
    assert visitor.send("POST", PAGE, data={"receipt": "x"}, headers=headers).status_code == 403


def test_receipts_cannot_be_tried_without_end(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="3/minute")
    visitor = bench.visitor(origin=None)
    assert [bring(visitor, "x").status_code for _ in range(5)] == [422, 422, 422, 429, 429]
    bench.service.close()


def test_a_text_that_is_too_long_is_not_looked_at(visitor: Visitor) -> None:
    assert bring(visitor, "A" * 300_000).status_code == 422
    assert bring(visitor, "A" * 2_000_000).status_code == 413


def test_the_context_is_published_for_ever_and_for_everybody(visitor: Visitor) -> None:
    take(visitor, "accept", "en")
    document = json.loads(visitor.send("GET", FILE).data)
    answer = visitor.send("GET", "/ledger/contexts/receipt-3.jsonld")
    assert answer.data == context_text()
    assert visitor.send("GET", "/ledger/contexts/receipt-1.jsonld").data == context_text("receipt-1.jsonld")
    assert answer.mimetype == "application/ld+json"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert json.loads(answer.data)["@context"] == document["@context"]


def test_a_page_of_a_receipt_runs_no_script_and_cannot_be_framed(visitor: Visitor) -> None:
    take(visitor, "accept", "en")
    answer = visitor.send("GET", PAGE)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text


def test_an_old_receipt_is_shown_with_the_words_of_its_time(visitor: Visitor, bench: Bench) -> None:
    receipt = take(visitor, "reject", "en")
    controller = replace(demo_policy().controller, name={"ja": "別の名前", "en": "Another name"})
    bench.publish(demo_policy(controller=controller))
    answer = bring(visitor, receipt)
    assert "Aoba Store Co., Ltd." in answer.text
    assert "Another name" not in answer.text


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_example_policy_s_receipt_is_readable(tmp_path: Path, path: Path, lang: str) -> None:
    policy = load_policy(path)
    bench = make_bench(tmp_path, policies=(policy,), **ROOM)
    visitor = bench.visitor(site=policy.site, origin=policy.origins[0])
    take(visitor, "accept", lang)
    visitor.origin = None
    page = visitor.send("GET", f"/preferences/{policy.site}/receipt", query_string={"lang": lang}).text
    assert html.escape(policy.controller.name[lang], quote=False) in page
    for purpose in policy.purposes:
        assert purpose.title[lang] in html.unescape(page)
    bench.service.close()
