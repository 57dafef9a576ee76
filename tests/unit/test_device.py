"""The device facts of a decision."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cookiegate.consent.device import HEADER_LIMIT_BYTES, NAME_LIMIT_CHARS, Device, read_device

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Mobile/15E148 Safari/604.1"
)
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Mobile/15E148 Safari/604.1"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36"
)
ANDROID_TABLET = ANDROID.replace(" Mobile", "")
FIREFOX_TABLET = "Mozilla/5.0 (Android 15; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0"
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Safari/605.1.15"
)
CUBOT = (
    "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/100.0.0.0 "
    "Mobile Safari/537.36"
)
WEBVIEW = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/156.0.0.0 Mobile Safari/537.36"
)
LINE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 Safari Line/15.15.0"
)
GOOGLE_APP = IPHONE.replace("Version/26.0", "GSA/390.0")

CRAWLERS = {
    "Googlebot": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Googlebot as a phone": (
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/156.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    ),
    "bingbot": (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; "
        "+http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36"
    ),
    "GPTBot": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot",
    "AhrefsBot": "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Applebot": (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)"
    ),
    "Bytespider": (
        "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 "
        "(compatible; Bytespider; https://zhanzhang.toutiao.com/)"
    ),
    "Baiduspider": "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (CHROME, Device("Chrome", "156", "Windows", "desktop")),
        (HEADLESS, Device("HeadlessChrome", "156", "Linux", "desktop")),
        (MAC, Device("Safari", "26", "Mac OS X", "desktop")),
        (IPHONE, Device("Mobile Safari", "26", "iOS", "phone")),
        (IPAD, Device("Mobile Safari", "18", "iOS", "tablet")),
        (ANDROID, Device("Chrome Mobile", "156", "Android", "phone")),
        (ANDROID_TABLET, Device("Chrome", "156", "Android", "tablet")),
        (FIREFOX_TABLET, Device("Firefox Mobile", "145", "Android", "tablet")),
        (CUBOT, Device("Chrome Mobile", "100", "Android", "phone")),
        (WEBVIEW, Device("Chrome Mobile WebView", "156", "Android", "phone", embedded=True)),
        (LINE, Device("LINE", "15", "iOS", "phone", embedded=True)),
    ],
)
def test_a_browser_is_read_as_family_major_version_system_and_kind(header: str, expected: Device) -> None:
    assert read_device(header) == expected


def test_the_search_app_of_a_phone_is_a_browser_inside_an_app() -> None:
    assert read_device(GOOGLE_APP).embedded


@pytest.mark.parametrize("header", CRAWLERS.values(), ids=CRAWLERS.keys())
def test_a_self_declared_crawler_is_a_bot(header: str) -> None:
    assert read_device(header).is_bot


@pytest.mark.parametrize("header", [HEADLESS, "curl/8.5.0", "python-requests/2.32", "Python-urllib/3.11", "Wget/1.21"])
def test_headless_browsers_and_http_clients_may_decide(header: str) -> None:
    assert not read_device(header).is_bot


@pytest.mark.parametrize("header", [None, "", "-", "\x00", "。" * 300, "A" * 8_192])
def test_a_header_that_says_nothing_is_some_other_device(header: str | None) -> None:
    assert read_device(header) == Device("Other", None, "Other", "other")


def test_what_lies_past_the_cap_is_not_read() -> None:
    assert not read_device(CHROME + " " * HEADER_LIMIT_BYTES + "Googlebot/2.1").is_bot


def test_the_facts_hold_neither_the_header_nor_a_finer_version() -> None:
    facts = read_device(CHROME).facts()
    assert facts == {"browser": "Chrome", "browser_major": "156", "os": "Windows", "kind": "desktop"}
    assert CHROME not in repr(facts)


def test_a_device_cannot_be_changed_after_reading() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_device(CHROME).kind = "bot"  # type: ignore[misc]


_PIECES = st.sampled_from(
    [CHROME, LINE, *CRAWLERS.values(), "\ud800", "\x00", "Version/²", "iPhone;", "Firefox/" + "9" * 200, "(" * 90]
)


@given(st.one_of(st.text(max_size=400), st.lists(st.one_of(_PIECES, st.text(max_size=30)), max_size=12).map("".join)))
@example("Mozilla/5.0 \ud800\udfff Chrome/²²")
@example("Firefox/" + "9" * 240)
def test_any_text_gives_a_device_with_short_printable_names(header: str) -> None:
    device = read_device(header)
    for name in (device.browser, device.os):
        assert 0 < len(name) <= NAME_LIMIT_CHARS
        assert name.isprintable()
    assert device.browser_major is None or device.browser_major.isdecimal()
    assert device.kind in {"desktop", "phone", "tablet", "bot", "other"}
    assert read_device(header) == device
