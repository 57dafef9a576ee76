"""Every language: complete, its own words, and found by everybody who reads it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from support.policies import MANY_LANGUAGES
from support.wordings import BANNER, FOLDERS, LANGUAGES, ROOT, WHOLE, faults, missing

from cookiegate.policy.cldr import days_text, list_text, span_text
from cookiegate.policy.locales import language_name, negotiate
from cookiegate.policy.notice import build_notice
from cookiegate.policy.reading import load_policy
from cookiegate.policy.tags import names_of, nearest
from cookiegate.policy.wording import BUILT_IN_LOCALES, built_in

POLICY = load_policy(MANY_LANGUAGES)
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_text_is_missing_wrong_or_english_by_accident_in_any_language(folder: str) -> None:
    assert faults(folder) == []


def test_banner_and_pages_speak_every_language_that_we_promise() -> None:
    assert [fault for folder in WHOLE for fault in missing(folder)] == []
    assert set(BUILT_IN_LOCALES) == set(LANGUAGES)
    assert BUILT_IN_LOCALES[0] == "en"
    assert len(LANGUAGES) >= 42


@pytest.mark.parametrize(
    ("language", "old", "new", "fault"),
    [
        ("sv", "  accept: ", "  acept: ", "ui.accept: is missing"),
        ("sv", "  accept: ", "  acept: ", "ui.acept: is not known"),
        ("sv", "\nvocabulary:", "\nvocabularies:", "vocabulary.kind_trustee: is missing"),
        ("sv", "  accept: ", "  accept: ''\n  other: ", "ui.accept: is empty"),
        ("sv", "  accept: ", "  accept: 3\n  other: ", "ui.accept: is no text"),
        ("sv", "  accept: ", "  accept: ' a'\n  other: ", "ui.accept: begins or ends with a space"),
        ("sv", "{controller}", "{controler}", "ui.banner_body: fills in"),
        ("sv", "{controller}", "", "ui.banner_body: fills in"),
        ("sv", "  accept: ", "  accept: Accept all\n  other: ", "ui.accept: is the English text"),
        ("sv", "  accept: ", "  accept: <b>Ja</b>\n  other: ", "ui.accept: holds markup"),
        ("sv", "  accept: ", "  accept: Ja &amp; nej\n  other: ", "ui.accept: holds markup"),
        ("sv", "  accept: ", '  accept: "a\\u0301"\n  other: ', "ui.accept: is not in Unicode's usual form"),
        ("sv", "  accept: ", '  accept: "a\\u0007"\n  other: ', "ui.accept: holds a character that is none"),
        ("sv", "  accept: ", "  accept: Ja\n  accept: ", "line "),
        ("ja", "  accept: ", "  accept: OK\n  other: ", "ui.accept: is the English text"),
    ],
)
def test_a_fault_in_a_language_is_found_and_named(
    tmp_path: Path, language: str, old: str, new: str, fault: str
) -> None:
    folder = tmp_path / BANNER
    folder.mkdir(parents=True)
    shutil.copy(ROOT / BANNER / "en.yaml", folder)
    text = (ROOT / BANNER / f"{language}.yaml").read_text(encoding="utf-8")
    assert old in text
    (folder / f"{language}.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    if fault.startswith("ui.accept: is the English") and language == "ja":
        english = (folder / "en.yaml").read_text(encoding="utf-8").replace("accept: Accept all", "accept: OK")
        (folder / "en.yaml").write_text(english, encoding="utf-8")
    found = [line for line in faults(BANNER, tmp_path) if line.startswith(f"{BANNER}/{language}.yaml: ")]
    assert any(line.startswith(f"{BANNER}/{language}.yaml: {fault}") for line in found), found


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("zh", "zh"), ("zh-CN", "zh"), ("zh-Hans", "zh"), ("zh-SG", "zh"), ("zh-Hans-HK", "zh"),
        ("zh-TW", "zh-TW"), ("zh-HK", "zh-TW"), ("zh-MO", "zh-TW"), ("zh-Hant", "zh-TW"), ("ZH-hant-tw", "zh-TW"),
        ("no", "nb"), ("nn", "nb"), ("nn-NO", "nb"), ("nb-NO", "nb"), ("pt-BR", "pt"), ("pt-PT", "pt"),
        ("iw", "he"), ("iw-IL", "he"), ("in", "id"), ("en-GB", "en"), ("es-419", "es"), ("ja-JP", "ja"),
        ("sr-Latn", None), ("ur-Latn", None), ("cy", None), ("x", None), ("", None),
    ],
)  # fmt: skip
def test_a_tag_finds_the_texts_that_its_reader_reads(wanted: str, language: str | None) -> None:
    assert nearest(BUILT_IN_LOCALES, wanted, any_script=False) == language
    assert built_in(wanted) == (built_in(language) if language else None)


@pytest.mark.parametrize(
    ("offered", "wanted", "language"),
    [
        (BUILT_IN_LOCALES, "zh-Hans-HK", "zh"), (BUILT_IN_LOCALES, "zh-Hant-HK", "zh-TW"),
        (BUILT_IN_LOCALES, "zh", "zh"), (BUILT_IN_LOCALES, "iw-IL", "he"),
        (BUILT_IN_LOCALES, "nn-NO", "nb"), (BUILT_IN_LOCALES, "cy", None),
        (("en", "pt-BR"), "pt", "pt-BR"), (("en", "pt-BR"), "pt-PT", "pt-BR"), (("en", "pt-BR"), "PT-br", "pt-BR"),
        (("en", "zh"), "zh-TW", None), (("en", "zh-TW"), "zh", None), (("en", "zh-TW"), "zh-MO", "zh-TW"),
    ],
)  # fmt: skip
def test_a_page_s_own_language_is_found_by_cutting_subtags_off(
    offered: tuple[str, ...], wanted: str, language: str | None
) -> None:
    names, tag = names_of(offered), wanted.lower()
    while tag and tag not in names:
        tag = tag.rpartition("-")[0]
    assert names.get(tag) == language


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("zh-HK,zh;q=0.9,en;q=0.1", "zh-TW"), ("zh-SG", "zh"), ("nn-NO,nn;q=0.9,en", "nb"), ("iw", "he"),
        ("pt-BR", "pt"), ("cy, fr;q=0.5", "fr"), ("cy", "en"), ("ur-Latn", "ur"),
    ],
)  # fmt: skip
def test_a_visitor_s_language_is_found_by_script_and_under_its_old_name(header: str, locale: str) -> None:
    assert negotiate(POLICY, None, header) == locale


def test_names_and_known_purposes_are_enough_for_a_complete_notice_in_every_language() -> None:
    assert set(POLICY.locales) == set(LANGUAGES)
    bodies = set()
    for locale in POLICY.locales:
        body = build_notice(POLICY, 1, locale).body
        assert body["dir"] == ("rtl" if locale in RIGHT_TO_LEFT else "ltr")
        assert body["controller"]["name"] == "Aoba Store Co., Ltd."
        texts = body["texts"]
        assert all(texts[key] for key in texts if key not in ("authoritative_note", "shared_note")), locale
        for purpose in body["purposes"]:
            assert purpose["title"]
            assert purpose["description"]
            assert bool(purpose["loss_text"]) != purpose["always_on"]
            assert all(recipient["country_name"] and recipient["kind_text"] for recipient in purpose["recipients"])
        assert body["purposes"][1]["title"] in texts["banner_body"]
        assert span_text(180, locale) in texts["banner_body"]
        bodies.add(texts["banner_body"])
    assert len(bodies) == len(POLICY.locales)


def test_a_name_in_latin_letters_keeps_its_order_in_a_text_from_right_to_left() -> None:
    for locale in RIGHT_TO_LEFT:
        assert "\u2068Aoba Store Co., Ltd.\u2069" in build_notice(POLICY, 1, locale).body["texts"]["banner_body"]
    assert "\u2068" not in str(build_notice(POLICY, 1, "fr").body)


def test_s39_every_translation_names_the_language_that_prevails() -> None:
    for locale in POLICY.locales:
        note = build_notice(POLICY, 1, locale).body["texts"]["authoritative_note"]
        assert (language_name("en", locale) in note) == (locale != "en"), locale


def test_s40_no_is_as_short_as_yes_in_every_language() -> None:
    long = []
    for locale in BUILT_IN_LOCALES:
        wording = built_in(locale)
        assert wording is not None
        accept, reject, choose = (len(wording.ui[key]) for key in ("accept", "reject", "choose"))
        if reject > 2 * accept + 4 or accept > 2 * reject + 4 or choose > 2 * accept + 8:
            long.append((locale, accept, reject, choose))
    assert long == []


def test_spans_have_the_plural_that_the_language_gives_them() -> None:
    told = {
        "pl": ["1 dzień", "2 dni", "5 dni", "1 rok", "2 lata", "10 lat"],
        "ru": ["1 день", "2 дня", "5 дней", "1 год", "2 года", "10 лет"],
        "ar": ["يوم", "يومان", "5 أيام", "سنة", "سنتان", "10 سنوات"],
        "ro": ["1 zi", "2 zile", "5 zile", "1 an", "2 ani", "10 ani"],
        "ja": ["1日", "2日", "5日", "1年", "2年", "10年"],
        "mt": ["jum", "jumejn", "5 ijiem", "sena", "sentejn", "10 snin"],
    }
    for locale, words in told.items():
        assert [span_text(days, locale) for days in (1, 2, 5, 365, 730, 3_650)] == words
    assert days_text(365, "en") == "365 days"
    for locale in LANGUAGES:
        for days in (1, 2, 3, 7, 30, 90, 180, 365, 400, 1_095, 3_650):
            assert not re.search(r"duration|\d [a-z]\b", span_text(days, locale)), locale


def test_lists_are_joined_as_the_language_joins_them() -> None:
    items = ["A", "B", "C"]
    assert [list_text(items, tag) for tag in ("en", "ja", "de", "xx-bad")] == [
        "A, B, and C", "A、B、C", "A, B und C", "A, B, and C",
    ]  # fmt: skip
    assert list_text([], "en") == ""
