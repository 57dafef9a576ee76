"""How to refuse cookies in one's own browser, and the page of the docs that is made from it."""

from __future__ import annotations

import pytest
from pages_material import ROOT, Outline, consent, preferences

from cookiegate.consent.device import Device, read_device
from cookiegate.shipped import read_shipped
from cookiegate.web.guidance import OTHER, all_guidance, browser_key, guidance_for, other_guidance

DOCUMENT = ROOT / "docs" / "reference" / "browser-guidance.md"
KEPT_BY = "<!-- Made from cookiegate/web/browsers: `python tests/web/test_browser_guidance.py` writes it anew. -->"

_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
_IPAD = "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"

AGENTS = {
    f"{_WINDOWS} {_KIT} Chrome/156.0.0.0 Safari/537.36": "chrome_desktop",
    f"Mozilla/5.0 (X11; Linux x86_64) {_KIT} HeadlessChrome/156.0.0.0 Safari/537.36": "chrome_desktop",
    f"{_ANDROID} {_KIT} Chrome/156.0.0.0 Mobile Safari/537.36": "chrome_android",
    f"{_ANDROID} {_KIT} Chrome/156.0.0.0 Safari/537.36": "chrome_android",
    f"{_IPHONE} {_APPLE} CriOS/156.0.0.0 Mobile/15E148 Safari/604.1": "chrome_ios",
    f"{_MAC} {_APPLE} Version/26.0 Safari/605.1.15": "safari_macos",
    f"{_IPHONE} {_APPLE} Version/26.0 Mobile/15E148 Safari/604.1": "safari_ios",
    f"{_IPAD} {_APPLE} Version/18.6 Mobile/15E148 Safari/604.1": "safari_ios",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0": "firefox_desktop",
    "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0": "firefox_android",
    f"{_IPHONE} {_APPLE} FxiOS/145.0 Mobile/15E148 Safari/605.1.15": "firefox_ios",
    f"{_WINDOWS} {_KIT} Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0": "edge_desktop",
    f"{_ANDROID} {_KIT} Chrome/156.0.0.0 Mobile Safari/537.36 EdgA/156.0.0.0": "edge_mobile",
    f"{_IPHONE} {_APPLE} Version/18.0 EdgiOS/156.0.0.0 Mobile/15E148 Safari/604.1": "edge_mobile",
    f"{_ANDROID} {_KIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": "samsung_internet",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) {_KIT} Version/4.0 Chrome/156.0.0.0 Mobile Safari/537.36": "in_app",
    f"{_IPHONE} {_APPLE} Mobile/15E148 Safari Line/15.15.0": "in_app",
    f"{_IPHONE} {_APPLE} Mobile/15E148 [FBAN/FBIOS;FBAV/500.0]": "in_app",
    f"{_WINDOWS} {_KIT} Chrome/140.0.0.0 Safari/537.36 OPR/125.0.0.0": "other",
    "": "other",
}
every_locale = pytest.mark.parametrize("locale", ["ja", "en"])


@pytest.mark.parametrize(("agent", "key"), AGENTS.items(), ids=AGENTS.values())
def test_the_guidance_fits_the_browser(agent: str, key: str) -> None:
    assert browser_key(read_device(agent)) == key
    assert guidance_for(read_device(agent), "ja").key == key


def test_every_guidance_is_reached_by_some_browser() -> None:
    assert set(AGENTS.values()) == {item.key for item in all_guidance("en")}


def test_both_languages_describe_the_same_browsers_in_the_same_order() -> None:
    english, japanese = (
        read_shipped("cookiegate.web", "browsers/en.yaml"),
        read_shipped("cookiegate.web", "browsers/ja.yaml"),
    )
    assert list(english["browsers"]) == list(japanese["browsers"])
    assert list(english["consequence"]) == list(japanese["consequence"])
    for key, entry in english["browsers"].items():
        other = japanese["browsers"][key]
        assert entry.keys() == other.keys()
        assert entry["consequence"] == other["consequence"]
        assert len(entry["steps"]) == len(other["steps"]) >= 3


@every_locale
def test_help_is_linked_only_over_https(locale: str) -> None:
    assert all(item.help_url is None or item.help_url.startswith("https://") for item in all_guidance(locale))


def test_a_language_that_is_not_shipped_gets_english() -> None:
    device = Device("Firefox", "145", "Windows", "desktop")
    assert guidance_for(device, "fr") == guidance_for(device, "en")


@every_locale
@pytest.mark.parametrize("agent", AGENTS, ids=AGENTS.values())
def test_s09_the_page_says_how_to_refuse_cookies_and_what_will_then_not_work(agent: str, locale: str) -> None:
    shown = guidance_for(read_device(agent), locale)
    text = Outline(preferences(locale, agent=agent)).text
    for words in (*shown.steps, shown.consequence):
        assert " ".join(words.split()) in text
    assert (shown.browser_name in text) or shown.key == OTHER


@every_locale
def test_s09_refusing_cookies_is_said_to_leave_nothing_behind_and_the_pages_readable(locale: str) -> None:
    promise = {"en": "records nothing for statistics", "ja": "記録も残しません"}[locale]
    readable = {"en": "pages can still be read", "ja": "ページはそのままご覧いただけます"}[locale]
    blocked = read_shipped("cookiegate.web", f"browsers/{locale}.yaml")["consequence"]["blocked"]
    assert promise in blocked
    assert readable in blocked


@every_locale
def test_every_other_browser_is_one_press_away(locale: str) -> None:
    shown = guidance_for(read_device(""), locale)
    outline = Outline(preferences(locale, agent=""))
    others = other_guidance(shown, locale)
    assert len(outline.all("details")) == len(others) == len(all_guidance(locale)) - 1
    assert all(item.browser_name in outline.text for item in others)


def test_whoever_granted_before_is_told_to_withdraw_first() -> None:
    words = "withdraw it above first"
    assert words in Outline(preferences("en", consent("granted"))).text
    assert words not in Outline(preferences("en", consent("refused"))).text


def test_the_reference_page_is_made_from_the_data() -> None:
    assert DOCUMENT.read_text("utf-8") == reference_page()


def reference_page() -> str:
    """``docs/reference/browser-guidance.md``, as it has to read."""
    lines = [
        "# How to refuse cookies, by browser",
        "",
        KEPT_BY,
        "",
        "What `/preferences/<site>` tells a visitor, chosen by their `User-Agent`; all others are listed below it.",
        "",
        "| key | English | 日本語 |",
        "|---|---|---|",
    ]
    pairs = list(zip(all_guidance("en"), all_guidance("ja"), strict=True))
    lines += [f"| `{english.key}` | {english.browser_name} | {japanese.browser_name} |" for english, japanese in pairs]
    for english, japanese in pairs:
        lines += ["", f"## `{english.key}`"]
        for item in (english, japanese):
            help_link = f" ([help]({item.help_url}))" if item.help_url else ""
            lines += ["", f"**{item.browser_name}**{help_link}", ""]
            lines += [f"{number}. {step}" for number, step in enumerate(item.steps, 1)]
    lines += ["", "## What will then not work"]
    for locale in ("en", "ja"):
        for key, words in read_shipped("cookiegate.web", f"browsers/{locale}.yaml")["consequence"].items():
            lines += ["", f"`{key}` ({locale}): {words}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(reference_page(), "utf-8")
