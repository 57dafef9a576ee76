"""The live view's reading of events: every field under its category, and of what was removed only the name."""

from __future__ import annotations

import json
from pathlib import Path

from cookiegate.gate import trackers
from cookiegate.web.demo.facts import UNKNOWN, Fact, FactReader, compare
from cookiegate.web.demo.sites import LOCALES, Shop, demo_policy_file, examples_folder, live_page

SNOWPLOW = FactReader(trackers.find("snowplow"), {})
PAGE = "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0"
CONTEXTS = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0"
NOTICE = {"purposes": [{"key": "analytics", "title": "A & B"}], "acquire": [{"key": "ip", "title": "<IP>"}]}


def test_every_field_of_an_event_has_its_category() -> None:
    found = SNOWPLOW.event({"e": "pv", "url": "https://shop.test/", "res": "1x1", "made_up": 1})
    assert [(fact.category, fact.name) for fact in found] == [
        ("event", "e"), ("browsing", "url"), ("screen", "res"), (UNKNOWN, "made_up"),
    ]  # fmt: skip


def test_members_of_documents_are_facts_of_their_own() -> None:
    document = {"schema": CONTEXTS, "data": [{"schema": PAGE, "data": {"id": "p-1", "other": True}}]}
    found = SNOWPLOW.event({"co": json.dumps(document)})
    assert found == [Fact("identifier", "web_page.id", "p-1"), Fact(UNKNOWN, "web_page.other", "true")]
    assert SNOWPLOW.event({"co": "no JSON"}) == [Fact(UNKNOWN, "co", "")]


def test_the_policy_decides_about_plain_fields() -> None:
    reader = FactReader(trackers.find("plain"), {"plan": "other"})
    found = reader.event({"plan": "tea", "page": "/", "consent_token": "t", "consent": {}})
    assert [(fact.category, fact.name) for fact in found] == [("other", "plan"), (UNKNOWN, "page")]


def test_headers_cookies_and_the_address_are_facts_but_the_token_is_none() -> None:
    headers = {"user-agent": "x", "host": "h", "x-consent-token": "t", "cookie": "cg_token=t; sp=1; cg_handle=2"}
    found = {fact.name: fact.category for fact in SNOWPLOW.request(headers, "192.0.2.7")}
    assert found == {"address": "ip", "user-agent": "device", "cookie sp": "identifier", "cookie cg_handle": UNKNOWN}


def test_a_comparison_gives_values_of_what_was_logged_and_names_of_what_was_not() -> None:
    came = [Fact("ip", "address", "192.0.2.7"), Fact("browsing", "url", "/secret"), Fact("event", "e", "pv")]
    kept = [Fact("ip", "address", "192.0.2.0"), Fact("event", "e", "pv")]
    logged, removed = compare(came, kept)
    assert logged == [
        {"category": "ip", "fields": [{"name": "address", "value": "192.0.2.0", "cut": True}]},
        {"category": "event", "fields": [{"name": "e", "value": "pv", "cut": False}]},
    ]
    assert removed == [{"category": "browsing", "names": ["url"]}]


def test_the_shop_runs_its_logger_or_the_real_tracker_and_both_are_held() -> None:
    folder = examples_folder() / "sites" / "shop"
    plain, real = Shop(folder, None), Shop(folder, Path(__file__))
    for locale in LOCALES:
        for path in ("/", "/index.html", "/product.html"):
            for shop, scripts in ((plain, ["plain-logger.js"]), (real, ["/vendor/snowplow.js", "snowplow-start.js"])):
                page = shop.find(path, locale)
                assert page is not None
                text = page.body.decode()
                assert f'<html lang="{locale}">' in text
                held = [line.strip() for line in text.splitlines() if "data-consent" in line]
                start = '<script type="text/plain" data-consent="analytics"'
                assert held == [f'{start} src="{script}" defer></script>' for script in scripts]
                assert text.count(f'<script src="/w/demo.{locale}.js"></script>') == 1


def test_nothing_beside_the_shops_own_files_is_served() -> None:
    shop = Shop(examples_folder() / "sites" / "shop", None)
    for path in ("/../../policies/demo.yaml", "/..", "/vendor/snowplow.js", "/images/", "//etc/passwd", "/metrics"):
        assert shop.find(path, "en") is None


def test_both_languages_have_the_same_texts_and_names_are_escaped() -> None:
    pages = [live_page(locale, "plain", NOTICE).body.decode() for locale in LOCALES]
    assert all("&lt;IP&gt;" in page and "<IP>" not in page for page in pages)
    folder = Path(live_page.__code__.co_filename).parent / "assets"
    shapes = [_keys(json.loads((folder / f"texts.{locale}.json").read_text(encoding="utf-8"))) for locale in LOCALES]
    assert shapes[0] == shapes[1]


def _keys(value: object) -> object:
    return {key: _keys(item) for key, item in value.items()} if isinstance(value, dict) else type(value).__name__


def test_the_demos_policy_is_found() -> None:
    assert demo_policy_file().is_file()
