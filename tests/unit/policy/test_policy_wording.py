"""The built-in texts: complete, plain and fair in every language."""

from __future__ import annotations

import re

import pytest

from cookiegate.policy.document import CATEGORIES
from cookiegate.policy.exceptions import LEGAL_EXCEPTIONS
from cookiegate.policy.recipient_schema import RECIPIENT_KINDS, TRANSFERS
from cookiegate.policy.schema import LEGAL_BASES
from cookiegate.policy.wording import (
    BUILT_IN_LOCALES,
    Wording,
    built_in,
    fill,
    text_keys,
    ui_keys,
    unknown_placeholders,
)

_UI = [
    "banner_title",
    "banner_body",
    "accept",
    "reject",
    "choose",
    "save",
    "close",
    "back",
    "dialog_title",
    "dialog_body",
    "purposes_heading",
    "acquire_heading",
    "always_on",
    "retention_label",
    "recipients_label",
    "recipients_none",
    "uses_label",
    "policy_link",
    "preferences_link",
    "authoritative_note",
    "saved_granted",
    "saved_refused",
    "save_pending",
    "save_failed",
    "cookies_refused",
    "placeholder_title",
    "placeholder_body",
    "placeholder_allow",
    "manage",
    "changed_notice",
    "error_generic",
    "privacy_contact_label",
    "categories_off_note",
]


def _wording(locale: str) -> Wording:
    wording = built_in(locale)
    assert wording is not None
    return wording


def _texts(locale: str) -> dict[str, str]:
    wording = _wording(locale)
    parts = {f"{key}.{part}": text for key, item in wording.categories.items() for part, text in item.items()}
    return {**wording.ui, **wording.vocabulary, **parts}


def test_the_interface_has_exactly_the_texts_that_its_readers_know() -> None:
    assert list(ui_keys()) == _UI


@pytest.mark.parametrize("locale", BUILT_IN_LOCALES)
def test_no_text_is_missing_in_any_language(locale: str) -> None:
    wording = _wording(locale)
    assert (*wording.ui, *wording.vocabulary) == text_keys()
    assert tuple(wording.categories) == CATEGORIES
    assert all(isinstance(text, str) and text == text.strip() and text for text in _texts(locale).values())
    assert all(f"legal_basis_{basis}" in wording.vocabulary for basis in LEGAL_BASES)
    assert all(f"kind_{kind}" in wording.vocabulary for kind in RECIPIENT_KINDS)
    assert all(f"transfer_{basis}" in wording.vocabulary for basis in TRANSFERS)
    assert all(f"exception_{code}" in wording.vocabulary for code in LEGAL_EXCEPTIONS)


@pytest.mark.parametrize("locale", BUILT_IN_LOCALES)
def test_every_language_fills_in_the_same_words(locale: str) -> None:
    english, texts = _texts("en"), _texts(locale)
    for key, text in texts.items():
        assert not unknown_placeholders(text)
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english[key])), key


def test_s40_saying_no_is_as_easy_to_read_as_saying_yes() -> None:
    for locale in BUILT_IN_LOCALES:
        ui = _wording(locale).ui
        assert abs(len(ui["accept"]) - len(ui["reject"])) <= 1
        assert abs(len(ui["accept"]) - len(ui["choose"])) <= 5
    assert "without allowing anything" in _wording("en").ui["banner_body"]
    assert "許可しなくても、このサイトは利用できます" in _wording("ja").ui["banner_body"]


def test_japanese_speaks_one_plain_polite_register() -> None:
    texts = _texts("ja")
    sentences = [part for text in texts.values() for part in re.findall(r"[^。]+。", text)]
    assert sentences
    assert all(re.search(r"(です|ます|ません|ました|ませんでした|ください)。$", sentence) for sentence in sentences)
    joined = "".join(texts.values())
    assert not re.search(
        r"ございます|いただ|させて|致し|お客様|ご利用|ご覧|下さい|ユーザ[^ー]|ブラウザ[^ー]|クッキー", joined
    )
    assert not re.search(r"[!?！？]|[ｦ-ﾟ]|[０-９Ａ-Ｚａ-ｚ]", joined)


def test_filling_leaves_other_braces_alone() -> None:
    assert fill("{a} {b} {} {a.b} {0}", {"a": "1"}) == "1 {b} {} {a.b} {0}"
