"""What visitors read, and the digest that names it."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from policy_material import DEMO, EXAMPLES, edited, small

from cookiegate.policy.document import CATEGORIES
from cookiegate.policy.notice import Notice, build_notice, negotiate
from cookiegate.policy.reading import load_policy, read_policy
from cookiegate.policy.theme import COLOURS, LEAST_CONTRAST, complete_theme, contrast, read_colour
from cookiegate.policy.wording import ui_keys

_EVERY = pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)


@_EVERY
def test_the_digest_is_that_of_the_body_without_it(path: object) -> None:
    policy = load_policy(path)  # type: ignore[arg-type]
    for locale in policy.locales:
        notice = build_notice(policy, 3, locale)
        body = {key: value for key, value in notice.body.items() if key != "notice"}
        assert notice.sha256 == notice.body["notice"] == hashlib.sha256(rfc8785.dumps(body)).hexdigest()
        assert Notice.from_canonical(notice.canonical, locale) == notice


@_EVERY
def test_every_text_is_filled_in_every_locale(path: object) -> None:
    policy = load_policy(path)  # type: ignore[arg-type]
    for locale in policy.locales:
        body = build_notice(policy, 1, locale).body
        assert tuple(body["texts"]) == tuple(sorted(ui_keys()))
        empty = [key for key, text in body["texts"].items() if not text]
        left = {key: set(re.findall(r"\{(\w*)\}", text)) for key, text in body["texts"].items() if "{" in text}
        asked = {"kept_until": {"date", "until"}, "placeholder_body": {"purpose"}}
        assert left == asked
        signals = {"signal_honoured", "signal_overridden"}
        unsaid = {"shared_note"} | (set() if policy.affected_purposes else signals)
        assert set(empty) == unsaid | ({"authoritative_note"} if locale == policy.authoritative_locale else set())
        assert all(purpose["legal_basis_text"] and purpose["retention_text"] for purpose in body["purposes"])
        assert all(bool(purpose["loss_text"]) != purpose["always_on"] for purpose in body["purposes"])


def test_any_change_of_text_version_or_locale_changes_the_digest() -> None:
    notices = [
        build_notice(small(), 1, "en"),
        build_notice(small(), 2, "en"),
        build_notice(small(("To count visits.", "To count the visits.")), 1, "en"),
        build_notice(load_policy(DEMO), 1, "en"),
        build_notice(load_policy(DEMO), 1, "ja"),
    ]
    assert len({notice.sha256 for notice in notices}) == len(notices)


def test_the_same_policy_gives_the_same_digest() -> None:
    assert build_notice(load_policy(DEMO), 1, "ja") == build_notice(load_policy(DEMO), 1, "ja")


def test_the_body_has_the_shape_that_the_widget_reads() -> None:
    body = build_notice(small(), 1, "en").body
    assert set(body) == {
        "notice", "site", "policy_version", "locale", "dir", "authoritative_locale", "controller", "purposes",
        "acquire", "ip_when_refused", "ask_again_days", "retention", "texts", "theme", "links", "out_of_scope",
    }  # fmt: skip
    assert body["purposes"][1] == {
        "key": "analytics",
        "title": "Analytics",
        "description": "To count visits.",
        "loss_text": "Your visit is not counted.",
        "legal_basis": "consent",
        "legal_basis_text": "Your consent",
        "always_on": False,
        "automated_decisions": False,
        "acquire": ["device", "browsing"],
        "retention_days": 180,
        "retention_text": "180 days",
        "recipients": [
            {
                "key": "host", "name": "Aoba Cloud", "kind": "trustee", "kind_text": "Service provider working for us",
                "country": "JP", "country_name": "Japan", "url": None, "transfer": None, "transfer_text": None,
                "transfer_safeguards": None, "joint_use": None, "exception": None, "exception_text": None,
            }
        ],
    }  # fmt: skip
    assert body["links"] == {"policy": None}
    assert body["out_of_scope"] is None


def test_categories_come_in_the_standard_order_and_say_whether_they_can_be_refused() -> None:
    body = build_notice(small(("[device, browsing]", "[browsing, device]")), 1, "en").body
    assert [(item["key"], item["optional"]) for item in body["acquire"]] == [
        ("ip", False), ("device", True), ("browsing", True),
    ]  # fmt: skip
    assert body["purposes"][1]["acquire"] == ["device", "browsing"]
    assert [item["key"] for item in build_notice(load_policy(DEMO), 1, "en").body["acquire"]] == list(CATEGORIES)


@pytest.mark.parametrize(
    ("days", "english", "japanese"),
    [
        (1, "1 day", "1日"),
        (90, "90 days", "90日"),
        (365, "1 year", "1年"),
        (730, "2 years", "2年"),
        (366, "366 days", "366日"),
    ],
)
def test_s17_every_purpose_tells_its_retention_in_words(days: int, english: str, japanese: str) -> None:
    text = edited(("retention_days: 180", f"retention_days: {days}"), text=DEMO.read_text(encoding="utf-8"))
    policy = read_policy(text)
    told = [build_notice(policy, 1, locale).body["purposes"][4]["retention_text"] for locale in ("en", "ja")]
    assert told == [english, japanese]


def test_s39_a_translation_says_which_language_prevails() -> None:
    policy = load_policy(DEMO)
    english = build_notice(policy, 1, "en").body
    assert english["authoritative_locale"] == "ja"
    assert english["texts"]["authoritative_note"].endswith("the Japanese version prevails.")
    assert build_notice(policy, 1, "ja").body["texts"]["authoritative_note"] == ""


def test_what_is_collected_without_asking_is_said_on_the_first_layer() -> None:
    body = build_notice(load_policy(DEMO), 1, "ja").body["texts"]["banner_body"]
    assert "「安全の確保」のための情報は、選択にかかわらず取得します。" in body
    quiet = build_notice(small(("acquire: [ip]", "acquire: []")), 1, "en").body["texts"]["banner_body"]
    assert "whatever you choose" not in quiet
    assert "  " not in quiet


def test_own_texts_win_and_placeholders_are_filled() -> None:
    policy = small(("purposes:", "texts: {accept: 'Yes, {controller}'}\ncategories: {ip: {title: Address}}\npurposes:"))
    body = build_notice(policy, 1, "en").body
    assert body["texts"]["accept"] == "Yes, Aoba Store"
    assert body["texts"]["reject"] == "Reject all"
    assert body["acquire"][0]["title"] == "Address"
    assert body["acquire"][0]["description"].startswith("The IP address and port")


def test_a_name_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    policy = small(("name: Aoba Store", "name: 'A {language} B'"))
    assert "A {language} B" in build_notice(policy, 1, "en").body["texts"]["banner_body"]


def test_markup_in_texts_stays_plain_text_for_whoever_renders_it() -> None:
    body = build_notice(small(("title: Analytics", "title: <b>Analytics</b>")), 1, "en").body
    assert body["purposes"][1]["title"] == "<b>Analytics</b>"
    assert json.loads(build_notice(small(), 1, "en").canonical)


def test_the_first_layer_says_what_for_and_for_how_long() -> None:
    demo = load_policy(DEMO)
    english, japanese = (build_notice(demo, 1, locale).body["texts"]["banner_body"] for locale in ("en", "ja"))
    assert "for: Quality of the service, Analytics, Product development, and Advertising." in english
    assert "180 days" in english
    assert "表示と品質の改善、アクセス解析、商品の開発、広告の配信" in japanese
    assert "180日" in japanese


def test_what_is_lost_by_saying_no_is_told_in_own_words_in_built_in_ones_or_as_nothing() -> None:
    told = [
        build_notice(policy, 1, "en").body["purposes"][1]["loss_text"]
        for policy in (
            small(("key: analytics", "key: analytics\n    loss: We shall not know you came.")),
            small(),
            small(("key: analytics", "key: counting")),
        )
    ]
    assert told[:2] == ["We shall not know you came.", "Your visit is not counted."]
    assert told[2].startswith("Nothing changes for you")
    assert build_notice(small(), 1, "en").body["purposes"][0]["loss_text"] is None


def test_a_country_variant_reads_the_texts_of_its_language() -> None:
    body = build_notice(small(("locales: [en]", "locales: [en-GB]")), 1, "en-GB").body
    assert body["texts"]["reject"] == "Reject all"
    assert body["dir"] == "ltr"


def test_a_theme_is_completed_with_readable_colours() -> None:
    policy = small(("purposes:", 'theme: {accent: "#ffee00", background: "rgb(10, 20, 30)", radius: 4px}\npurposes:'))
    theme = build_notice(policy, 1, "en").body["theme"]
    assert theme == {
        "accent": "#ffee00", "accent_text": "#000000", "background": "#0a141e", "text": "#ffffff", "radius": "4px",
    }  # fmt: skip


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_any_colour_finds_readable_company(parts: tuple[int, int, int]) -> None:
    colour = read_colour(f"rgb({parts[0]}, {parts[1]},{parts[2]})")
    assert colour == "#{:02x}{:02x}{:02x}".format(*parts) == read_colour(str(colour))
    for name in ("accent", "background", "text", "accent_text"):
        full = complete_theme({name: colour})
        first, second = full.values()
        assert contrast(first, second) >= LEAST_CONTRAST


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert "border" in COLOURS
    assert read_colour("#abc") == "#aabbcc"


@pytest.mark.parametrize(
    "colour", ["red", "#12", "#12345678", "rgb(1,2)", "rgb(256,0,0)", "#fff;", "url(x)", "var(--x)", ""]
)
def test_anything_that_is_no_colour_is_refused(colour: str) -> None:
    assert read_colour(colour) is None


@pytest.mark.parametrize(
    ("wanted", "header", "expected"),
    [
        (None, None, "ja"),
        (None, "", "ja"),
        (None, "en", "en"),
        (None, "en-US,en;q=0.9", "en"),
        (None, "fr-FR,fr;q=0.9,en;q=0.5,ja;q=0.4", "en"),
        (None, "en;q=0.1,ja;q=0.2", "ja"),
        (None, "en;q=0, *", "ja"),
        (None, "*", "ja"),
        (None, "EN", "en"),
        (None, "fr", "ja"),
        (None, "en;q=2", "ja"),
        (None, "<script>,,;;q=", "ja"),
        (None, "fr," * 100 + "en", "ja"),
        ("en", "ja", "en"),
        ("EN-us", None, "en"),
        ("fr", "en", "en"),
        ("", "en", "en"),
    ],
)
def test_the_locale_is_the_wish_then_the_header_then_the_first(
    wanted: str | None, header: str | None, expected: str
) -> None:
    assert negotiate(load_policy(DEMO), wanted, header) == expected


@given(st.none() | st.text(max_size=40), st.none() | st.text(max_size=300))
def test_any_header_gets_one_of_the_locales(wanted: str | None, header: str | None) -> None:
    assert negotiate(_DEMO, wanted, header) in _DEMO.locales


_DEMO = load_policy(DEMO)
