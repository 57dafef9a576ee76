"""Regions: whose law decides what is shown, how the service knows where a visitor is, and that caches keep it right."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench

from cookiegate.policy.pages import Regions
from cookiegate.policy.regions import Duties, duties, region_rules, rules_of
from cookiegate.policy.source import parse_source
from cookiegate.web.region_table import region_table

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "regions.md"
PROXY = {"TRUSTED_PROXIES": "127.0.0.0/8", "COUNTRY_HEADER": "X-Country"}
PEER = {"REMOTE_ADDR": "127.0.0.1"}
TRANSMISSION = "What is sent, to whom and why"
OPT_OUT = "Do not sell or share my information"
STRICTEST = Duties(transmission_note=True, opt_out_link=True, refused_days=365)


def script(visitor: Visitor, path: str = "/w/demo.en.js", **headers: str) -> tuple[str, dict[str, str]]:
    """The script tag's file and its headers."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = visitor.send("GET", path, headers=given, environ_overrides=PEER)
    return answer.text, dict(answer.headers)


@pytest.fixture
def proxied(tmp_path: Path) -> Any:
    bench = make_bench(tmp_path, **PROXY)
    yield bench
    bench.service.close()


def test_every_rule_has_a_source_and_a_date_and_its_row_in_the_documentation() -> None:
    for rule in region_rules()[:-1]:
        assert rule.source
        assert rule.since is not None
        assert rule.since <= date(2026, 11, 22)
        assert rule.signal_since is None or rule.signal_since >= rule.since or rule.key == "us-ca"
        assert (rule.prior_consent_note != "") == (rule.prior_consent == "partly")
    assert region_table() in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "keys"),
    [("JP", ["jp"]), ("FR", ["eea"]), ("IS", ["eea"]), ("RE", ["eea"]), ("GB", ["gb"]), ("CH", ["ch"]),
     ("US-CA", ["us-ca"]), ("US-NY", ["elsewhere"]), ("KR", ["kr"]), ("BR", ["br"]), ("CA-QC", ["ca-qc"]),
     ("CA", ["ca-qc", "ca"]), ("AU", ["elsewhere"])],
)  # fmt: skip
def test_a_place_has_its_rules(place: str, keys: list[str]) -> None:
    assert [rule.key for rule in rules_of(place)] == keys


@pytest.mark.parametrize("place", [None, "", "XX", "ZZ", "T1", "jp", "Japan", "US-California"])
def test_an_unknown_place_has_the_strictest_rules(place: str | None) -> None:
    assert duties(place, sells=True) == STRICTEST


def test_who_sells_nothing_needs_no_opt_out() -> None:
    assert not duties("US-CA", sells=False).opt_out_link
    assert duties("US", sells=True) == Duties(opt_out_link=True, refused_days=365)


def test_without_a_way_to_tell_everybody_gets_the_strictest_from_any_cache(visitor: Visitor) -> None:
    text, headers = script(visitor, X_Country="DE")
    assert TRANSMISSION in text
    assert OPT_OUT in text
    assert headers["Cache-Control"].startswith("public")


def test_a_trusted_proxy_s_word_chooses_the_lines_and_no_shared_cache_keeps_them(proxied: Bench) -> None:
    shown = {}
    for place in ("JP", "US-CA", "DE", "XX"):
        text, headers = script(proxied.visitor(), X_Country=place)
        shown[place] = (TRANSMISSION in text, OPT_OUT in text)
        assert headers["Cache-Control"].startswith("private")
        assert headers["ETag"]
    assert shown == {"JP": (True, False), "US-CA": (False, True), "DE": (False, False), "XX": (True, True)}
    tags = {script(proxied.visitor(), X_Country=place)[1]["ETag"] for place in ("JP", "US-CA", "DE", "FR", "XX")}
    assert len(tags) == 4  # Germany and France have one file


def test_each_file_can_be_pinned(proxied: Bench) -> None:
    text, headers = script(proxied.visitor(), X_Country="DE")
    digest = headers["Content-Location"].partition("@")[2].removesuffix(".js")
    pinned, kept = script(proxied.visitor(), f"/w/demo@{digest}.js", X_Country="JP")
    assert pinned == text
    assert kept["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_stranger_s_word_counts_for_nothing(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, **{**PROXY, "TRUSTED_PROXIES": "192.0.2.0/24"})
    text, _ = script(bench.visitor(), X_Country="DE")
    assert TRANSMISSION in text
    bench.service.close()


def test_a_policy_may_want_one_file_for_everyone(proxied: Bench) -> None:
    proxied.publish(demo_policy(regions=Regions("everyone")))
    text, headers = script(proxied.visitor(), X_Country="DE")
    assert TRANSMISSION in text
    assert headers["Cache-Control"].startswith("public")


@pytest.mark.parametrize("policy", [{"regions": None}, {"regions": Regions("everyone")}])
def test_a_japanese_visitor_always_sees_what_is_sent_to_others(proxied: Bench, policy: dict[str, Any]) -> None:
    proxied.publish(demo_policy(**policy, origins=("http://other.test",)))
    text, _ = script(proxied.visitor(), "/w/demo.ja.js", X_Country="JP")
    assert "/notice/demo?lang=ja#sent" in text
    assert 'id="sent"' in proxied.visitor().send("GET", "/notice/demo?lang=ja").text


def test_the_registries_tell_countries_in_memory(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, COUNTRY_FROM_ADDRESS="1", TRUSTED_PROXIES="127.0.0.0/8")
    visitor = bench.visitor()
    for address, expected in (
        ("133.11.0.1", True),
        ("::ffff:141.20.0.1", False),
        ("garbage", True),
        ("141.20.0.1", False),
        ("10.0.0.1", True),
        ("2001:200::1", True),
    ):
        text, headers = script(visitor, X_Forwarded_For=address)
        assert (TRANSMISSION in text, address) == (expected, address)
        assert headers["Cache-Control"].startswith("private")
    bench.service.close()


def test_a_refusal_is_left_in_peace_for_as_long_as_the_place_wants(proxied: Bench) -> None:
    for place, days in (("JP", 180), ("US-CA", 365)):
        visitor = proxied.visitor(headers={"X-Country": place})
        visitor.decide("reject")
        for later, asks in ((days - 1, False), (1, True)):
            proxied.clock.advance(later * 86_400)
            consent = visitor.send("GET", "/v1/sites/demo/consent", environ_overrides=PEER).get_json()
            assert consent["ask"] is asks, (place, later)


def test_regions_are_plain_data() -> None:
    text = (Path(__file__).parents[2] / "cookiegate" / "policy" / "regions.yaml").read_text(encoding="utf-8")
    assert len(parse_source(text).data) == len(region_rules())
