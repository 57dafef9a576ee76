"""The built-in texts: complete, plain and fair in every language."""

from __future__ import annotations

import re

from cookiegate.policy.document import CATEGORIES
from cookiegate.policy.exceptions import LEGAL_EXCEPTIONS
from cookiegate.policy.recipient_schema import RECIPIENT_KINDS, TRANSFERS
from cookiegate.policy.schema import LEGAL_BASES
from cookiegate.policy.wording import (
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
    "placeholder_once",
    "placeholder_always",
    "manage",
    "changed_notice",
    "error_generic",
    "privacy_contact_label",
    "categories_off_note",
    "loss_label",
    "loss_none",
    "record_link",
    "withdraw",
    "kept_until",
    "signal_honoured",
    "signal_overridden",
    "transmission_note",
    "transmission_link",
    "do_not_sell_link",
    "shared_note",
]


def _wording(locale: str) -> Wording:
    wording = built_in(locale)
    assert wording is not None
    return wording


def _texts(locale: str) -> dict[str, str]:
    wording = _wording(locale)
    named = [*wording.categories.items(), *(("purpose_" + key, item) for key, item in wording.purposes.items())]
    parts = {f"{key}.{part}": text for key, item in named for part, text in item.items()}
    return {**wording.ui, **wording.vocabulary, **parts}


def test_the_interface_has_exactly_the_texts_that_its_readers_know() -> None:
    assert list(ui_keys()) == _UI


def test_there_are_words_for_everything_that_a_policy_may_name() -> None:
    wording = _wording("en")
    assert (*wording.ui, *wording.vocabulary) == text_keys()
    assert tuple(wording.categories) == CATEGORIES
    assert all(f"legal_basis_{basis}" in wording.vocabulary for basis in LEGAL_BASES)
    assert all(f"kind_{kind}" in wording.vocabulary for kind in RECIPIENT_KINDS)
    assert all(f"transfer_{basis}" in wording.vocabulary for basis in TRANSFERS)
    assert all(f"exception_{code}" in wording.vocabulary for code in LEGAL_EXCEPTIONS)
    assert not [text for text in _texts("en").values() if unknown_placeholders(text)]


def test_s40_saying_no_is_as_easy_to_read_as_saying_yes() -> None:
    for locale in ("en", "ja"):
        ui = _wording(locale).ui
        assert abs(len(ui["accept"]) - len(ui["reject"])) <= 1
        assert abs(len(ui["accept"]) - len(ui["choose"])) <= 5
    assert "without allowing anything" in _wording("en").ui["banner_body"]
    assert "許可しなくても、このサイトは利用できます" in _wording("ja").ui["banner_body"]


def test_japanese_speaks_one_plain_polite_register() -> None:
    texts = _texts("ja")
    sentences = [part for text in texts.values() for part in re.findall(r"[^。]+。", text)]
    assert sentences
    assert all(re.search(r"(です|ます|ません|ました|ませんでした|ください|\})。$", sentence) for sentence in sentences)
    joined = "".join(texts.values())
    assert not re.search(
        r"ございます|いただ|させて|致し|お客様|ご利用|ご覧|下さい|ユーザ[^ー]|ブラウザ[^ー]|クッキー", joined
    )
    assert not re.search(r"[!?！？]|[ｦ-ﾟ]|[０-９Ａ-Ｚａ-ｚ]", joined)


def test_filling_leaves_other_braces_alone() -> None:
    assert fill("{a} {b} {} {a.b} {0}", {"a": "1"}) == "1 {b} {} {a.b} {0}"
