"""The visitor's pages in every language that the banner speaks."""

from __future__ import annotations

import re

import pytest
from pages_material import KEY, UI, Outline, consent, render
from support.policies import MANY_LANGUAGES

from cookiegate.consent.device import read_device
from cookiegate.policy.notice import build_notice
from cookiegate.policy.reading import load_policy
from cookiegate.web.guidance import guidance_for
from cookiegate.web.history_view import completed
from cookiegate.web.pages import error_page, notice_page, preferences_page
from cookiegate.web.wording import languages, page_texts, shipped_language, texts_in

POLICY = load_policy(MANY_LANGUAGES)
IN_ENGLISH = '<span lang="en" dir="ltr">'


def _pages(locale: str) -> dict[str, str]:
    body = dict(build_notice(POLICY, 1, locale).body)
    holding = {**consent("granted"), "purposes": {"analytics": True, "media": False}, "acquire": {}}
    preferences = preferences_page(
        body, holding, guidance_for(read_device(""), locale), locales=POLICY.locales, idempotency_key=KEY, ui=UI
    )
    notice = notice_page(body, locales=POLICY.locales, published_at="2026-11-01T00:00:00.000Z")
    return {"preferences": render("preferences.html", preferences), "notice": render("notice.html", notice)}


@pytest.mark.parametrize("locale", POLICY.locales)
def test_every_language_has_its_pages_with_their_direction(locale: str) -> None:
    body = build_notice(POLICY, 1, locale).body
    for name, html in _pages(locale).items():
        outline = Outline(html)
        root = outline.all("html")[0]
        assert (root["lang"], root["dir"]) == (locale, "rtl" if locale in ("ar", "fa", "he", "ur") else "ltr")
        assert page_texts(locale)[f"{name}_title"] in outline.text
        for purpose in body["purposes"]:
            assert purpose["title"] in outline.text
            assert purpose["retention_text"].replace("\xa0", " ") in outline.text.replace("\xa0", " ")
        for attributes in outline.all("a"):
            assert "<" not in (attributes.get("href") or "")
        has_own = locale in languages()
        assert html.count("<bdi>Aoba Store Co., Ltd.</bdi>") == 2
        # Of the notice page nothing is English in a language that has its texts; of the other, at most the guidance.
        if has_own and name == "notice":
            assert IN_ENGLISH not in html
        if has_own and name == "preferences":
            marked = html.count(IN_ENGLISH)
            assert (marked == 0) == (locale in languages("browsers"))
        if not has_own:
            assert IN_ENGLISH in html
        assert len(outline.all("nav")) == 1
        assert {link.get("hreflang") for link in outline.all("a")} >= set(POLICY.locales)


@pytest.mark.parametrize(
    ("tag", "language"),
    [("zh-HK", "zh-TW"), ("zh-CN", "zh"), ("nn", "nb"), ("iw", "he"), ("ja_JP", "ja"), ("cy", "en")],
)
def test_a_reader_s_language_is_found_in_any_folder_that_has_it(tag: str, language: str) -> None:
    assert shipped_language(tag) == (language if language in languages() else "en")
    assert shipped_language(tag, "browsers") == (language if language in languages("browsers") else "en")
    assert languages()[0] == "en"
    assert texts_in("history_texts", "cy") == texts_in("history_texts", "en")


def test_an_error_page_is_in_one_language_throughout() -> None:
    for tag in ("he", "cy", "ja"):
        html = render("error.html", error_page({"title": "No", "status": 404, "code": "x"}, tag))
        assert IN_ENGLISH not in html
        spoken = shipped_language(tag)
        assert re.search(rf'<html lang="{spoken}" dir="{"rtl" if spoken == "he" else "ltr"}">', html)


def test_a_notice_of_an_earlier_program_gets_the_texts_it_lacks_filled_in() -> None:
    body = dict(build_notice(POLICY, 1, "sv").body)
    later = ("banner_body", "loss_label", "placeholder_once", "signal_honoured", "shared_note", "kept_until")
    old = {key: text for key, text in body["texts"].items() if key not in later}
    purposes = [{key: value for key, value in item.items() if key != "loss_text"} for item in body["purposes"]]
    whole = completed({**body, "texts": old, "purposes": purposes})
    assert whole["texts"]["loss_label"] == body["texts"]["loss_label"]
    assert "{" not in whole["texts"]["banner_body"]
    assert body["purposes"][1]["title"] in whole["texts"]["banner_body"]
    assert whole["texts"]["signal_honoured"] == whole["texts"]["shared_note"] == ""
    assert whole["purposes"][1]["loss_text"] is None
    assert set(whole["texts"]) == set(body["texts"])
