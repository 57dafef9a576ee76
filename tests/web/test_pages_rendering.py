"""The visitor's pages: complete, escaped, usable without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from markupsafe import escape
from pages_material import KEY, POLICY, ROOT, UI, Outline, consent, full_notice, notice, preferences, render, vendors
from support.frameworks import VENDOR_LIST

from cookiegate.policy.notice import build_notice
from cookiegate.web.api_page import api_page
from cookiegate.web.iab import VendorList
from cookiegate.web.notice_view import safe_url
from cookiegate.web.pages import error_page
from cookiegate.web.preferences_form import submission_key
from cookiegate.web.wording import date_text, moment_text, page_texts, shipped_language, span_text

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
STATES: dict[str, dict[str, Any]] = {
    "undecided": consent(),
    "refused": consent("refused"),
    "granted": consent("granted"),
    "changed": consent("granted", ask=True, ask_reason="policy_changed", policy_version=1),
    "expired": consent("refused", ask=True, ask_reason="expired"),
}
SPEC = {
    "openapi": "3.1.0",
    "info": {"title": "API", "version": "1", "description": "First.\n\nSecond."},
    "tags": [{"name": "Decisions", "description": "What a visitor decides."}],
    "paths": {
        "/v1/sites/{site}/decisions": {
            "parameters": [{"name": "site", "in": "path", "required": True, "schema": {"type": "string"}}],
            "post": {
                "tags": ["Decisions"],
                "summary": HOSTILE,
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Decision"}}}},
                "responses": {
                    "201": {"description": "Recorded."},
                    "409": {
                        "description": "The epoch is stale.",
                        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                    },
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Decision": {"type": "object", "required": ["action"], "properties": {"action": {"enum": ["accept"]}}},
            "Problem": {"type": "object", "properties": {"code": {"type": "string"}}},
        }
    },
}

ERROR = {"title": HOSTILE, "detail": HOSTILE, "status": 409, "code": "notice_stale"}


def _poison(value: Any, key: str = "") -> Any:
    """Every free text of a notice, replaced by something hostile; keys and numbers stay."""
    if isinstance(value, dict):
        return {name: _poison(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_poison(item, key) for item in value]
    fixed = {"key", "acquire", "locale", "authoritative_locale", "dir", "site", "ip_when_refused", "url", "policy"}
    return HOSTILE if isinstance(value, str) and key not in fixed else value


def _poisoned(locale: str) -> dict[str, Any]:
    body = _poison(notice(locale))
    body["links"]["policy"] = body["controller"]["url"] = "javascript:alert(3)"
    body["controller"]["email"] = 'a@example.jp"onmouseover="alert(4)'
    for purpose in body["purposes"]:
        purpose["recipients"] = [{**recipient, "url": "data:text/html,x"} for recipient in purpose["recipients"]]
    return body


def _poisoned_list() -> dict[str, Any]:
    """Every text of the vendor list, replaced by something hostile: addresses by what must not become a link."""
    listed = VendorList(VENDOR_LIST).listed(None)
    addresses = ("javascript:alert(5)", f"https://a.example/{HOSTILE}", "http://a.example/", 'https://b.example/"><b>')
    vendors = {
        key: {
            **vendor,
            "name": HOSTILE,
            "urls": [{"langId": HOSTILE, "privacy": url}],
            "deviceStorageDisclosureUrl": url,
        }
        for (key, vendor), url in zip(listed["vendors"].items(), cycle(addresses), strict=False)
    }
    return {**_poison(dict(listed)), "vendors": vendors}


PAGES: dict[str, Callable[[str], str]] = {
    **{
        f"preferences, {name}": (lambda locale, state=state: preferences(locale, state, flash="saved"))
        for name, state in STATES.items()
    },
    "notice": full_notice,
    "api": lambda _locale: render("api.html", api_page(SPEC)),
    "error": lambda locale: render("error.html", error_page(ERROR, locale, back="/preferences/demo")),
    "hostile preferences": lambda locale: preferences(locale, STATES["granted"], body=_poisoned(locale)),
    "hostile notice": lambda locale: full_notice(locale, _poisoned(locale)),
    "vendors": vendors,
    "hostile vendors": lambda locale: vendors(locale, _poisoned(locale), _poisoned_list()),
}
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
every_locale = pytest.mark.parametrize("locale", ["ja", "en"])


@every_page
@every_locale
def test_a_page_needs_no_script_and_no_inline_style(page: Callable[[str], str], locale: str) -> None:
    outline = Outline(page(locale))
    for tag, attributes in outline.tags:
        assert tag not in {"script", "style", "iframe", "object", "base", "img"}
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


@every_page
@every_locale
def test_a_page_links_only_to_http_mail_phone_and_itself(page: Callable[[str], str], locale: str) -> None:
    for anchor in Outline(page(locale)).all("a"):
        assert re.match(r"https?://|mailto:[^\"<>]+$|tel:\+?[0-9]+$|/(?!/)|#", anchor["href"] or ""), anchor


@every_page
@every_locale
def test_a_page_has_one_heading_a_language_and_no_id_twice(page: Callable[[str], str], locale: str) -> None:
    outline = Outline(page(locale))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(outline.all("h1")) == 1
    assert outline.all("html")[0]["lang"] in {"ja", "en"}
    named = {attributes.get("aria-labelledby") for _, attributes in outline.tags} - {None}
    described = {attributes.get("aria-describedby") for _, attributes in outline.tags} - {None}
    assert named | described <= set(ids)


@every_locale
@pytest.mark.parametrize("page", ["hostile preferences", "hostile notice", "hostile vendors", "api", "error"])
def test_hostile_strings_are_shown_and_never_run(page: str, locale: str) -> None:
    html = PAGES[page](locale)
    assert "<script" not in html
    assert "<img" not in html
    assert "onmouseover=" not in html.replace("&#34;onmouseover=&#34;", "")
    assert HOSTILE in "".join(Outline(html).words)


@every_locale
def test_every_form_carries_the_notice_the_epoch_and_the_key(locale: str) -> None:
    outline = Outline(preferences(locale, STATES["granted"]))
    forms = outline.all("form")
    assert [form["method"] for form in forms] == ["post"] * 3
    assert {form["action"] for form in forms} == {f"/preferences/demo?lang={locale}"}
    hidden = [(item["name"], item["value"]) for item in outline.all("input") if item["type"] == "hidden"]
    assert hidden == [("notice", notice(locale)["notice"]), ("epoch", "4"), ("key", KEY), ("ui", UI)] * 3


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("undecided", ["reject", "accept", "choose"]),
        ("refused", ["reject", "accept", "choose"]),
        ("granted", ["withdraw", "reject", "accept", "choose"]),
        ("changed", ["withdraw", "reject", "accept", "choose"]),
    ],
)
def test_each_decision_is_one_press_and_withdrawing_comes_first(state: str, actions: list[str]) -> None:
    buttons = Outline(preferences("en", STATES[state])).all("button")
    assert [button["value"] for button in buttons] == actions
    assert {button["name"] for button in buttons} == {"action"}


def test_reject_and_accept_look_the_same() -> None:
    buttons = {button["value"]: button["class"] for button in Outline(preferences()).all("button")}
    assert buttons["reject"] == buttons["accept"] == "button"


@pytest.mark.parametrize(("state", "ticked"), [("undecided", set()), ("refused", set()), ("changed", set())])
def test_nothing_is_ticked_before_the_visitor_ticks_it(state: str, ticked: set[str]) -> None:
    assert _ticked(preferences("ja", STATES[state])) == ticked


def test_what_was_granted_is_ticked() -> None:
    assert _ticked(preferences("ja", STATES["granted"])) == {"analytics", "device", "language"}


def _ticked(html: str) -> set[str | None]:
    return {box["value"] for box in Outline(html).all("input") if "checked" in box}


def test_a_purpose_that_is_always_on_has_no_box() -> None:
    boxes = {box["value"] for box in Outline(preferences()).all("input") if box["type"] == "checkbox"}
    body = notice()
    assert not boxes & {purpose["key"] for purpose in body["purposes"] if purpose["always_on"]}
    assert boxes == {purpose["key"] for purpose in body["purposes"] if not purpose["always_on"]} | {
        category["key"] for category in body["acquire"] if category["optional"]
    }


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("ja", ["一部を許可しています", "2026年11月20日 3:12 (UTC)", "第3版", "2027年5月19日以降", "アクセス解析"]),
        ("en", ["You have allowed some", "November 20, 2026", "Version 3", "After May 19, 2027", "Analytics"]),
    ],
)
def test_the_current_choice_tells_state_time_version_and_when_it_ends(locale: str, shown: list[str]) -> None:
    text = Outline(preferences(locale, STATES["granted"])).text
    for words in shown:
        assert words in text


def test_everything_granted_is_told_apart_from_some() -> None:
    state = consent("granted")
    full = {
        **state,
        "purposes": dict.fromkeys(state["purposes"], True),
        "acquire": dict.fromkeys(state["acquire"], True),
    }
    assert "You have allowed everything" in Outline(preferences("en", full)).text


@pytest.mark.parametrize(("state", "key"), [("changed", "summary_policy_changed"), ("expired", "summary_expired")])
@every_locale
def test_a_choice_that_no_longer_holds_says_why(state: str, key: str, locale: str) -> None:
    text = Outline(preferences(locale, STATES[state])).text
    assert page_texts(locale)[key] in text
    assert page_texts(locale)["state_outdated"] in text


@pytest.mark.parametrize("flash", ["saved", "refused", "withdrawn", "error"])
@every_locale
def test_the_outcome_of_a_form_is_told_at_the_top(flash: Any, locale: str) -> None:
    html = preferences(locale, flash=flash)
    assert page_texts(locale)[f"flash_{flash}"] in Outline(html).text
    assert f'role="{"alert" if flash == "error" else "status"}"' in html


@every_locale
def test_the_notice_says_what_is_sent_to_whom_for_what(locale: str) -> None:
    outline, body = Outline(full_notice(locale)), notice(locale)
    rows = [(purpose, recipient) for purpose in body["purposes"] for recipient in purpose["recipients"]]
    assert rows
    for purpose, recipient in rows:
        for words in (purpose["title"], purpose["retention_text"], purpose["legal_basis_text"], recipient["name"]):
            assert words in outline.text
        assert recipient["kind_text"] in outline.text
        assert recipient["country_name"] in outline.text
    for category in body["acquire"]:
        assert category["description"] in outline.text
    assert body["notice"] in outline.text
    assert not [tag for tag, _ in outline.tags if tag in {"details", "button", "form"}]


@pytest.mark.parametrize(("locale", "words"), [("ja", "暗号化し、"), ("en", "kept encrypted for 7 days")])
def test_s01_where_addresses_are_evidence_the_notice_says_so_and_for_how_long(locale: str, words: str) -> None:
    assert words not in Outline(full_notice(locale)).text
    kept = replace(POLICY, retention=replace(POLICY.retention, ip_evidence_days=7))
    text = Outline(full_notice(locale, dict(build_notice(kept, 3, locale).body))).text
    assert words in text
    assert ("7日保存します" if locale == "ja" else "two persons in charge") in text


@pytest.mark.parametrize("page", [preferences, full_notice])
@every_locale
def test_s32_the_controller_and_its_desk_are_published(page: Callable[[str], str], locale: str) -> None:
    text, controller = Outline(page(locale)).text, notice(locale)["controller"]
    for key in ("name", "address", "representative", "privacy_officer", "desk", "email", "url"):
        assert controller[key]
        assert controller[key] in text


@pytest.mark.parametrize("page", [preferences, full_notice])
def test_s39_a_translation_says_which_language_prevails_and_links_it(page: Callable[[str], str]) -> None:
    note = notice("en")["texts"]["authoritative_note"]
    translated, original = Outline(page("en")), Outline(page("ja"))
    assert note in translated.text
    assert "Japanese" in note
    assert any((link["href"] or "").endswith("?lang=ja") for link in translated.all("a"))
    assert not [tag for tag, attributes in original.tags if attributes.get("class") == "callout"]


@pytest.mark.parametrize("page", [preferences, full_notice])
@every_locale
def test_s42_linked_sites_are_declared_out_of_scope(page: Callable[[str], str], locale: str) -> None:
    declared = notice(locale)["out_of_scope"]
    assert declared
    assert " ".join(declared.split()) in Outline(page(locale)).text


def test_no_text_is_there_for_nobody() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "cookiegate/web").rglob("*.html"))
    source += "".join(path.read_text("utf-8") for path in (ROOT / "cookiegate/web").glob("*.py"))
    composed = ("flash_", "state_", "summary_", "contact_")
    unused = [key for key in page_texts("en") if key not in source and not key.startswith(composed)]
    assert unused == []


@pytest.mark.parametrize(
    ("tag", "language"), [("ja", "ja"), ("ja-JP", "ja"), ("cy", "en"), ("", "en"), ("xx-bad", "en")]
)
def test_a_language_that_is_not_shipped_falls_back_to_english(tag: str, language: str) -> None:
    assert shipped_language(tag) == language
    assert page_texts(tag) == page_texts(language)


@pytest.mark.parametrize("page", ["preferences", "notice"])
def test_a_notice_in_a_language_without_page_texts_is_framed_in_english_that_says_so(page: str) -> None:
    body = {**notice("en"), "locale": "cy", "dir": "rtl"}
    html = preferences("cy", consent("granted"), body=body) if page == "preferences" else full_notice("cy", body)
    outline = Outline(html)
    assert outline.all("html")[0]["lang"] == "cy"
    assert page_texts("en")[f"{page}_title"] in outline.text
    assert {"lang": "en", "dir": "ltr"} in outline.all("span")
    assert f'<span lang="en" dir="ltr">{page_texts("en")["matrix_heading"]}</span>' in html
    # Neither the title nor an attribute can hold an element.
    assert not re.search(r'="[^"]*<span|<title>[^<]*<span', html)
    for own in (preferences("en"), preferences("ja"), full_notice("ja")):
        assert '<span lang="en"' not in own


def test_words_in_english_stay_marked_when_they_are_filled_in_and_are_escaped_as_ever() -> None:
    text = page_texts("cy")["version_value"].format(version="<b>")
    assert text == "Version <b>"
    assert escape(text) == '<span lang="en" dir="ltr">Version &lt;b&gt;</span>'
    assert escape(page_texts("en")["version_value"].format(version=1)) == "Version 1"


def test_dates_and_spans_are_written_as_the_language_writes_them() -> None:
    instant = "2026-11-21T15:30:00.000Z"
    assert date_text(instant, "ja") == "2026年11月21日"
    assert date_text(instant, "en") == "November 21, 2026"
    assert moment_text(instant, "ja") == "2026年11月21日 15:30 (UTC)"
    assert (span_text(180, "ja"), span_text(180, "en")) == ("180日", "180 days")
    assert date_text(instant, "xx-bad") == date_text(instant, "en")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", " JaVaScript:x", "data:text/html,x", "//evil.example", "http://", "http://[", "", None],
)
def test_only_absolute_http_addresses_become_links(url: str | None) -> None:
    assert safe_url(url) is None
    assert safe_url("https://example.jp/privacy") == "https://example.jp/privacy"


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "javascript:alert(1)", "ftp://x", None])
def test_an_error_page_leads_back_only_to_a_path_or_a_site(back: str | None) -> None:
    assert error_page(ERROR, "en", back=back)["back"] is None
    assert error_page(ERROR, "en", back="/preferences/demo")["back"] == "/preferences/demo"


def test_the_api_page_names_operations_parameters_schemas_and_errors() -> None:
    text = Outline(render("api.html", api_page(SPEC))).text
    for words in ("POST", "/v1/sites/{site}/decisions", "site", "Decision", "409", "The epoch is stale.", "Problem"):
        assert words in text


def test_sending_a_form_twice_is_one_decision_and_another_button_another() -> None:
    form = {"key": [KEY], "action": ["choose"], "notice": ["a"], "epoch": ["1"], "purposes": ["x", "y"]}
    same = submission_key({**form, "purposes": ["y", "x"]})
    assert submission_key(form) == same
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", same)
    others = [{"action": ["reject"]}, {"key": ["z"]}, {"epoch": ["2"]}, {"purposes": ["x"]}, {"acquire": ["x"]}]
    assert len({same, *(submission_key({**form, **change}) for change in others)}) == len(others) + 1
    assert submission_key({})


def test_a_page_is_the_same_whenever_it_is_built_from_the_same_facts() -> None:
    assert preferences("ja", STATES["granted"]) == preferences("ja", STATES["granted"])
