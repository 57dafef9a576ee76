"""The page of the vendors that hear of choices: what it shows of a list, where it is linked, and when it is there."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages_material import LOCALES, TCF, Outline, notice, render, vendors
from support.benches import make_bench
from support.frameworks import VENDOR_LIST, built_frameworks
from support.policies import MANY_LANGUAGES, demo_policy
from support.service import Bench

from cookiegate.policy.cldr import list_text
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.notice import build_notice
from cookiegate.policy.pages import Tcf
from cookiegate.policy.reading import load_policy
from cookiegate.web.iab import VendorList, built_files, listed_vendors
from cookiegate.web.vendor_pages import PAGES_MAX, VendorPages
from cookiegate.web.vendor_view import vendors_page
from cookiegate.web.wording import page_texts

LIST = json.loads(VENDOR_LIST.read_text(encoding="utf-8"))
MANY = load_policy(MANY_LANGUAGES)
PATH = "/notice/demo/vendors"
TWO = Tcf(300, 1, {"analytics": (1, 8)}, vendors=(3, 7))


def with_vendor(**changes: Any) -> dict[str, Any]:
    """The list with one vendor alone, changed."""
    return {**LIST, "vendors": {"3": {**LIST["vendors"]["3"], **changes}}}


def told(listed: dict[str, Any], locale: str = "en") -> str:
    """All that the page says of the companies themselves."""
    return Outline(vendors(locale, listed=listed)).text.split(page_texts(locale)["vendors_title"])[-1]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Bench, Path]]:
    """A service whose policy names two vendors, and its list."""
    built_frameworks()
    built_files.cache_clear()
    path = tmp_path / "list.json"
    path.write_bytes(VENDOR_LIST.read_bytes())
    bench = make_bench(tmp_path / "service", VENDOR_LIST=str(path))
    bench.publish(demo_policy(tcf=TWO))
    yield bench, path
    bench.service.close()


def test_page_names_each_vendor_with_what_it_declared() -> None:
    bright = {
        "name": "Bright Boards", "purposes": [1, 2], "specialPurposes": [3], "features": [2], "specialFeatures": [1],
        "dataRetention": {"stdRetention": 90, "purposes": {"2": 365}, "specialPurposes": {}},
        "cookieMaxAgeSeconds": 86_401, "cookieRefresh": True, "usesNonCookieAccess": True,
    }  # fmt: skip
    html = vendors("en", listed=with_vendor(**bright))
    text = told(with_vendor(**bright))
    for words in (
        "Bright Boards",
        "Privacy policy https://vendor-3.example/privacy",
        "Purposes Invented purpose 1 Kept for: 90 days Invented purpose 2 Kept for: 1 year",
        "Special purposes Invented choices Kept for: 90 days",
        "Features Invented linking",
        "Special features Invented place",
        "Information used Invented addresses",
        "Storage on your device Uses cookies Kept for: 2 days The time begins anew when you come back",
        "Uses other means than cookies Details of what is stored",
    ):
        assert words in text
    assert '<a href="https://vendor-3.example/storage.json" rel="noopener noreferrer">' in html


def test_purposes_are_told_with_the_choice_that_allows_them_and_how_many_vendors_want_them() -> None:
    gone = [vendor for vendor in LIST["vendors"].values() if "deletedDate" in vendor]
    assert [vendor["name"] for vendor in gone] == ["Gone Away"]
    outline = Outline(vendors("en"))
    assert "Gone Away" not in outline.text
    assert "Number of vendors: 5 · Global Vendor List 11 · November 5, 2026" in outline.text
    start = outline.text.index("Purposes Invented purpose 1")
    end = outline.text.index("Information used Invented addresses")
    assert outline.text[start:end].split(" Invented ") == [
        "Purposes",
        "purpose 1",
        "purpose 1. Allowed with Analytics or Advertising Number of vendors 3",
        "purpose 2",
        "purpose 2. Allowed with Advertising Number of vendors 2",
        "purpose 3",
        "purpose 3. Allowed with Advertising Number of vendors 1",
        # Nobody is asked for it: a vendor that declares it is never told yes.
        "purpose 4 Never allowed here",
        "purpose 4. Number of vendors 1",
        "purpose 7",
        "purpose 7. Allowed with Advertising Number of vendors 0",
        "purpose 8",
        "purpose 8. Allowed with Analytics Number of vendors 2",
        "purpose 9",
        "purpose 9. Allowed with Analytics Number of vendors 0 Special purposes",
        "safety Always on",
        "safety. Number of vendors 2",
        "delivery Always on",
        "delivery. Number of vendors 1 Special features",
        "place",
        "place. Allowed with Advertising Number of vendors 1 ",
    ]


def test_vendors_stand_by_name_and_who_can_never_be_allowed_is_marked() -> None:
    html = vendors("en")
    names = re.findall(r"<summary><bdi>([^<]+)</bdi>( <span class=\"tag\">Never allowed here</span>)?", html)
    assert [(name, bool(never)) for name, never in names] == [
        ("Bright Boards", True), ("Counter Works", False), ("Quiet Metrics", False), ("Second Board", False),
        ("Watch Guard", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "is_told", "is_not"),
    [
        ({"cookieMaxAgeSeconds": 0}, "Uses cookies Until you close the browser Details", None),
        ({"cookieMaxAgeSeconds": -1}, "Uses cookies Until you close the browser Details", None),
        ({"cookieMaxAgeSeconds": None}, "Uses cookies Details", None),
        ({"cookieMaxAgeSeconds": False}, "Uses cookies Details", None),
        ({"cookieMaxAgeSeconds": "3600"}, "Uses cookies Details", None),
        ({"cookieMaxAgeSeconds": 10**30}, "Uses cookies Details", None),
        ({"usesCookies": False}, "Storage on your device Details", "Uses cookies"),
        ({"usesCookies": False, "deviceStorageDisclosureUrl": ""}, "Counter Works", "Storage on your device"),
        (
            {"dataRetention": {"stdRetention": None}},
            "Purposes Invented purpose 1 Invented",
            "Kept for: 90 days Invented",
        ),
        ({"dataRetention": {"stdRetention": True, "purposes": [1]}}, "purpose 1 Invented", "1 day Invented"),
        ({"dataRetention": "ninety"}, "Purposes Invented purpose 1 Invented", None),
        (
            {"purposes": [99], "dataDeclaration": [77, "zz", None]},
            "Purposes 99 Kept for: 90 days Information used 77",
            "zz",
        ),
        ({"dataDeclaration": "12"}, "Counter Works", "Information used"),
        ({"urls": {"privacy": "https://a.example"}}, "Counter Works", "Privacy policy"),
        ({"urls": [{"langId": "en", "privacy": "http://a.example/"}, "x", {}]}, "Counter Works", "a.example"),
        ({"urls": [{"langId": "en", "privacy": "javascript:alert(1)"}]}, "Counter Works", "javascript"),
        ({"deviceStorageDisclosureUrl": "//a.example/x"}, "Uses cookies", "Details of what is stored"),
    ],
)
def test_what_has_not_the_framework_s_form_is_left_out(
    changes: dict[str, Any], is_told: str, is_not: str | None
) -> None:
    text = told(with_vendor(**changes)).partition("Who is responsible")[0]
    assert is_told in text
    assert is_not is None or is_not not in text


@pytest.mark.parametrize(
    ("table", "day"),
    [(None, "yesterday"), ([], "0001-01-01T00:00:00+23:59"), ({"1": {"name": 7}}, ""), ({"1": "x"}, "9")],
)
def test_list_without_words_for_its_numbers_is_shown_by_numbers(table: Any, day: str) -> None:
    listed = {**with_vendor(), **dict.fromkeys(("purposes", "dataCategories"), table), "lastUpdated": day}
    assert "Purposes 1 Kept for: 90 days 8 Kept for" in told(listed)
    assert f"List 11 · {day}" not in Outline(vendors("en", listed=listed)).text


@pytest.mark.parametrize("locale", MANY.locales)
def test_purpose_that_stands_under_several_is_told_with_a_word_for_or(locale: str) -> None:
    body = {**build_notice(MANY, 1, locale).body}
    body["purposes"] = [{**body["purposes"][0], "key": key, "title": key.upper()} for key in "abc"]
    tcf = Tcf(300, 1, {"a": (1,), "b": (1, 2), "c": (1,)})
    page = vendors_page(body, with_vendor(), tcf, locales=MANY.locales)
    either, alone = (term["allowed_with"] for term in page["kinds"][0]["terms"][:2])
    assert re.fullmatch(r"A\W.*B.*C", either)
    assert either != list_text(["A", "B", "C"], locale)
    assert (" or " in either, alone) == (locale.partition("-")[0] == "en", "B")


@pytest.mark.parametrize(("purposes", "never"), [([], True), ([4], True), ([1, 4], True), ([1, 8], False)])
def test_vendor_that_asks_for_nothing_or_for_more_than_can_be_granted_is_marked(
    purposes: list[int], never: bool
) -> None:
    assert ("Never allowed here" in told(with_vendor(purposes=purposes, legIntPurposes=[2]))) == never


def test_names_and_texts_of_no_end_are_left_out() -> None:
    def shown(name: int, text: int) -> str:
        endless = {"id": 1, "name": "n" * name, "description": "d" * text, "illustrations": ["i" * text]}
        every = {str(number): {**LIST["vendors"]["3"], "id": number, "purposes": [1]} for number in range(1, 301)}
        return vendors("en", listed={**LIST, "purposes": {**LIST["purposes"], "1": endless}, "vendors": every})

    whole = Outline(shown(500, 5_000)).text
    assert f"Purposes {'n' * 500} {'d' * 5_000} {'i' * 5_000} Allowed with" in whole
    assert whole.count(f"Purposes {'n' * 500} Kept for") == 300
    html = shown(1_000_000, 5_001)
    assert len(html) < 1_000_000
    assert "Purposes 1 Allowed with" in Outline(html).text
    assert Outline(html).text.count("Purposes 1 Kept for") == 300


def test_illustrations_of_a_purpose_are_told() -> None:
    one = {**LIST["purposes"]["1"], "illustrations": ["A shop keeps a cookie.", 7, ""]}
    html = vendors("ja", listed={**with_vendor(), "purposes": {**LIST["purposes"], "1": one}})
    assert html.count('<li class="aside">') == 1
    assert '<li class="aside"><span lang="en" dir="ltr">A shop keeps a cookie.</span></li>' in html


@pytest.mark.parametrize(
    ("locale", "href"),
    [("ja", "https://a.example/ja"), ("en", "https://a.example/en")],
)
def test_privacy_policy_is_linked_in_the_reader_s_language_else_in_english_else_in_any(locale: str, href: str) -> None:
    urls = [{"langId": tag, "privacy": f"https://a.example/{tag}"} for tag in ("fr", "EN", "ja")]
    assert f'<a href="{href}"' in vendors(locale, listed=with_vendor(urls=urls)).replace("/EN", "/en")
    assert '<a href="https://a.example/fr"' in vendors(locale, listed=with_vendor(urls=urls[:1]))
    spoilt = [{**urls[2], "privacy": "javascript:alert(1)"}, urls[0]]
    assert '<a href="https://a.example/fr"' in vendors(locale, listed=with_vendor(urls=spoilt))


@pytest.mark.parametrize("locale", MANY.locales)
def test_page_is_in_every_language_and_what_the_list_says_is_marked_as_english(locale: str) -> None:
    body = dict(build_notice(MANY, 1, locale).body)
    html = render("vendors.html", vendors_page(body, LIST, TCF, locales=MANY.locales))
    outline, texts = Outline(html), page_texts(locale)
    own = html.replace('<span lang="en" dir="ltr">', "") if locale == "en" else html
    assert (locale == "en") == ('<span lang="en" dir="ltr">Invented' not in html)
    assert not re.search(r'="[^"]*<span|<title>[^<]*<span', own)
    for key in ("vendors_title", "vendors_lead", "vendors_count", "vendors_storage", "vendors_cookies"):
        assert texts[key] in outline.text
    assert {link["hreflang"] for link in outline.all("a") if "hreflang" in link} == set(MANY.locales)


def test_notice_and_preferences_lead_to_the_vendors_only_where_there_are_some(served: tuple[Bench, Path]) -> None:
    bench, _ = served
    visitor = bench.visitor()
    for page in ("/notice/demo", "/preferences/demo"):
        html = visitor.send("GET", f"{page}?lang=en").text
        assert f'<a class="button plain" href="{PATH}?lang=en">Advertising vendors</a>' in html
        assert "Number of vendors: 2" in html
    assert PATH not in visitor.send("GET", "/notice/demo?version=1&lang=en").text
    assert PATH not in visitor.send("GET", "/notice/demo/changes?lang=en").text
    assert visitor.send("GET", PATH).status_code == 200
    bench.publish(demo_policy())
    for page in ("/notice/demo", "/preferences/demo"):
        assert PATH not in visitor.send("GET", f"{page}?lang=en").text
    assert visitor.send("GET", PATH).status_code == 404
    assert visitor.send("GET", "/notice/nobody/vendors").status_code == 404


def test_list_that_is_elsewhere_alone_is_not_shown(bench: Bench) -> None:
    bench.publish(demo_policy(tcf=Tcf(300, 1, {"analytics": (1,)}, gvl="https://www.example.jp/list.json")))
    visitor = bench.visitor()
    assert visitor.send("GET", PATH).status_code == 404
    for page in ("/notice/demo", "/preferences/demo"):
        assert PATH not in visitor.send("GET", page).text


def test_page_is_for_everybody_and_new_with_the_policy_and_the_list(served: tuple[Bench, Path]) -> None:
    bench, path = served
    visitor = bench.visitor()

    def ask(lang: str = "en", **headers: str) -> Any:
        return visitor.send("GET", f"{PATH}?lang={lang}", headers=headers)

    assert visitor.decide("accept").status_code == 201
    answer = ask()
    assert answer.headers["Cache-Control"].startswith("public, max-age=")
    assert answer.headers["Vary"] == "Accept-Encoding, Accept-Language"
    assert (answer.headers["Content-Language"], "Set-Cookie" in answer.headers) == ("en", False)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert ask(If_None_Match=answer.headers["ETag"]).status_code == 304
    packed = ask(Accept_Encoding="gzip")
    assert (packed.headers["Content-Encoding"], gzip.decompress(packed.data)) == ("gzip", answer.data)
    assert packed.headers["ETag"] != answer.headers["ETag"]
    assert ("Counter Works" in answer.text, "Second Board" in answer.text) == (True, False)
    assert ['<span lang="en"' in ask(lang).text for lang in LOCALES] == [True, False]

    newer = {**LIST["vendors"], "7": {**LIST["vendors"]["7"], "name": "Brighter Boards"}}
    path.write_text(json.dumps({**LIST, "vendors": newer}), encoding="utf-8")
    assert "Brighter Boards" in ask().text
    assert ask(If_None_Match=answer.headers["ETag"]).status_code == 200
    bench.publish(demo_policy(tcf=Tcf(300, 1, {"analytics": (1, 8)}, vendors=(3, 40))))
    assert ("Second Board" in ask().text, "Brighter Boards" in ask().text) == (True, False)


def test_page_is_drawn_once_for_a_policy_a_language_and_a_list_and_the_last_ones_are_kept() -> None:
    pages, drawn = VendorPages(), []

    def get(listed: Any, site: str = "demo", locale: str = "en", sha256: str = "1") -> str:
        key = f"{site} {locale} {sha256} {listed}"
        published = PublishedPolicy(demo_policy(site=site), 1, sha256 * 64, holds_since=1, published_at_ms=0)
        page = pages.get(published, locale, listed, lambda: str(drawn.append(key) or key))
        return page.sent_as("identity").decode()

    old, new = {"list": 1}, {"list": 1}  # equal, but read anew
    for listed, locale, sha256 in ((old, "en", "1"), (old, "ja", "1"), (new, "en", "1"), (new, "en", "2")):
        assert get(listed, locale=locale, sha256=sha256) == get(listed, locale=locale, sha256=sha256)
    assert len(drawn) == 4
    for number in range(PAGES_MAX):
        get(new, site=f"site-{number}")
    get(new, site="site-0")
    assert len(drawn) == 4 + PAGES_MAX
    get(new, sha256="2")
    assert len(drawn) == 5 + PAGES_MAX


def test_list_of_which_nothing_is_left_is_none(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps(LIST), encoding="utf-8")
    for vendors_of, is_there in (((21,), False), ((21, 3), True), (None, True)):
        policy = demo_policy(tcf=Tcf(300, 1, {"analytics": (1,)}, vendors=vendors_of))
        assert (listed_vendors(policy, VendorList(path)) is not None) == is_there


def test_notice_in_a_language_without_texts_frames_the_list_in_english_that_says_so() -> None:
    html = vendors("cy", {**notice("en"), "locale": "cy"})
    assert '<span lang="en" dir="ltr">Privacy policy</span>' in html
    assert '<span lang="en" dir="ltr">Uses cookies</span>' in html
    assert '<span lang="en" dir="ltr">Invented purpose 1</span>' in html
