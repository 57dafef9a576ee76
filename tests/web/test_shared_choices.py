"""One choice for all sub-domains: which domain the service sets its cookies for, and that it takes them back there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench
from werkzeug.test import Client

from cookiegate.policy.pages import Sharing

NAMES = ("cg_choice", "cg_handle.demo", "cg_token")


def _bench(folder: Path, base_url: str) -> Bench:
    origins = ("https://www.shop.test", "https://shop.example")
    policy = demo_policy(origins=origins, share=Sharing("shop.test"))
    return make_bench(folder, policies=(policy,), BASE_URL=base_url)


def _set(answer: Any) -> dict[tuple[str, str | None], str]:
    """Each cookie that an answer sets: (name, domain) → value."""
    found = {}
    for line in answer.headers.getlist("Set-Cookie"):
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        domain = next((item.partition("=")[2] for item in attributes if item.startswith("Domain=")), None)
        assert (name, domain) not in found
        found[name, domain] = value
    return found


def _visitor(bench: Bench, origin: str = "https://www.shop.test") -> Visitor:
    """Somebody who brings the cookies that a test says, since the test's client knows no domains."""
    return Visitor(Client(bench.front, use_cookies=False), origin=origin)


def test_cookies_are_for_the_domain_and_none_of_the_host_alone_stands_in_the_way(tmp_path: Path) -> None:
    bench = _bench(tmp_path, "https://consent.shop.test")
    visitor = _visitor(bench)
    answer = visitor.decide("accept")
    cookies = _set(answer)
    assert {name for name, domain in cookies if domain == "shop.test"} == set(NAMES)
    assert all(cookies[name, "shop.test"] and not cookies[name, None] for name in NAMES)
    handle = {"Cookie": f"cg_handle.demo={cookies['cg_handle.demo', 'shop.test']}"}
    renewed = visitor.send("POST", "/v1/sites/demo/token", headers=handle)
    assert _set(renewed)["cg_token", "shop.test"] == renewed.get_json()["token"]
    assert '"share":"shop.test"' in visitor.send("GET", "/w/demo.en.js").text
    gone = _set(visitor.send("POST", "/v1/sites/demo/record/erase", json={}, headers=handle))
    assert gone == {(name, domain): "" for name in NAMES for domain in (None, "shop.test")}
    bench.service.close()


def test_a_refusal_leaves_no_identifier_for_the_domain_either(tmp_path: Path) -> None:
    bench = _bench(tmp_path, "https://consent.shop.test")
    cookies = _set(_visitor(bench).decide("reject"))
    assert [key for key, value in cookies.items() if value] == [("cg_choice", "shop.test")]
    assert cookies["cg_choice", "shop.test"].startswith("refused.")
    bench.service.close()


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://consent.example", "https://www.shop.test"),
        ("https://notshop.test", "https://www.shop.test"),
        ("https://consent.shop.test", "https://shop.example"),
    ],
)
def test_a_service_or_a_page_elsewhere_keeps_its_cookies_to_itself(tmp_path: Path, base_url: str, origin: str) -> None:
    bench = _bench(tmp_path, base_url)
    cookies = _set(_visitor(bench, origin).decide("accept"))
    assert {domain for _, domain in cookies} == {None}
    assert all(cookies[name, None] for name in NAMES)
    bench.service.close()
