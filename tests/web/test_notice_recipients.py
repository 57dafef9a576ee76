"""Who gets data, on what ground and protected by what, as the pages tell it; older notices tell less."""

from __future__ import annotations

from typing import Any

import pytest
from pages_material import ROOT, Outline, consent, full_notice, preferences

from cookiegate.policy.notice import build_notice
from cookiegate.policy.reading import load_policy, read_policy
from cookiegate.web.wording import page_texts

CARRIER = load_policy(ROOT / "examples" / "policies" / "telecom-carrier.yaml")
_TEXT = (ROOT / "examples" / "policies" / "global-internet-services.yaml").read_text(encoding="utf-8")
every_locale = pytest.mark.parametrize("locale", ["ja", "en"])


def holding(body: dict[str, Any]) -> dict[str, Any]:
    purposes = {item["key"]: False for item in body["purposes"] if not item["always_on"]}
    return consent(purposes=purposes, acquire={item["key"]: False for item in body["acquire"]})


def abroad(locale: str, safeguards: str) -> dict[str, Any]:
    """The notice of a policy whose contractor sits in the United States, under standard clauses."""
    told = (
        f"country: US\n    transfer: standard_clauses\n    transfer_safeguards: {{ja: {safeguards}, en: {safeguards}}}"
    )
    text = _TEXT.replace("country: DE\n    transfer: equivalent_country", told)
    return build_notice(read_policy(text), 1, locale).body


@every_locale
def test_s14_joint_use_is_published_on_both_pages(locale: str) -> None:
    body = build_notice(CARRIER, 1, locale).body
    shared = CARRIER.recipients["group"].joint_use
    assert shared is not None
    for page in (full_notice(locale, body), preferences(locale, holding(body), body=body)):
        text = Outline(page).text
        for words in (shared.items, shared.purpose, shared.responsible):
            assert words[locale] in text
        assert page_texts(locale)["joint_purpose_label"] in text


@every_locale
def test_s16_the_basis_of_provision_abroad_and_what_protects_the_data_there_are_told(locale: str) -> None:
    body = abroad(locale, "A law like ours.")
    text = Outline(full_notice(locale, body)).text
    assert {"en": "Standard contractual clauses", "ja": "標準契約条項"}[locale] in text
    assert {"en": "United States", "ja": "アメリカ合衆国"}[locale] in text
    assert "A law like ours." in text


@every_locale
def test_safeguards_that_are_an_address_become_a_link_and_nothing_else_does(locale: str) -> None:
    links = [item["href"] for item in Outline(full_notice(locale, abroad(locale, "https://x.example.jp/scc"))).all("a")]
    assert "https://x.example.jp/scc" in links
    for text in ("'javascript:alert(1)'", "'https://x.example.jp/scc and more'"):
        links = [item["href"] or "" for item in Outline(full_notice(locale, abroad(locale, text))).all("a")]
        assert not [href for href in links if "scc" in href or "alert" in href]


@every_locale
def test_a_notice_from_before_these_were_told_still_renders(locale: str) -> None:
    body = build_notice(CARRIER, 1, locale).body
    del body["retention"]
    for purpose in body["purposes"]:
        del purpose["automated_decisions"]
        for recipient in purpose["recipients"]:
            for name in (
                "transfer",
                "transfer_text",
                "transfer_safeguards",
                "joint_use",
                "exception",
                "exception_text",
            ):
                del recipient[name]
    for page in (full_notice(locale, body), preferences(locale, holding(body), body=body)):
        text = Outline(page).text
        assert CARRIER.recipients["group"].name[locale] in text
        assert page_texts(locale)["joint_purpose_label"] not in text


@every_locale
def test_s17_the_page_says_how_long_the_record_of_a_choice_is_kept(locale: str) -> None:
    told = {"en": "is kept for 3 years after it has ended", "ja": "許可が終わってから3年、拒否の記録は1年保存します"}
    assert told[locale] in Outline(full_notice(locale)).text
