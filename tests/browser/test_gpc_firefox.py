"""Global Privacy Control as a real browser sends it: Firefox ESR with its own preference set."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest
from support.firefox import Firefox
from support.live import LiveService
from support.visits import shop

pytestmark = pytest.mark.browser

#: Yes to one purpose by name, as the dialog's switch says it.
ADVERTISING = "return window.cookiegate.decide({ purposes: { advertising: true }, acquire: { browsing: true } })"
BANNER = "document.querySelector('section.cg-bar')"


def test_firefox_sends_the_signal_and_is_seen_honoured_and_recorded(service: LiveService, tmp_path: Path) -> None:
    seen: list[str | None] = []
    service.host.heard = lambda headers: seen.append(headers.get("Sec-GPC"))
    held = '<script type="text/plain" data-consent="advertising">window.ran = true</script>'
    page = service.page(shop(held))
    with Firefox(tmp_path, **{"privacy.globalprivacycontrol.enabled": True}) as firefox:
        firefox.go(page)
        assert firefox.run("return navigator.globalPrivacyControl") is True
        assert "1" in seen
        firefox.wait_for(BANNER)
        assert "“Global Privacy Control”. It is honoured" in firefox.run(f"return {BANNER}.textContent")
        consent = firefox.run("return window.cookiegate.decide('accept')")
        assert consent["state"] == "granted"
        assert consent["purposes"] == {
            "security": True, "quality": True, "analytics": True, "development": True, "advertising": False,
        }  # fmt: skip
        firefox.go(page)
        assert firefox.run("return window.cookiegate.ready.then(() => window.ran)") is None
        named = firefox.run(ADVERTISING)
        assert named["purposes"]["advertising"] is True
        assert firefox.run("return document.cookie").endswith(".gpc")
        firefox.go(page)
        firefox.wait_for("window.ran")
        cookies = {cookie["name"]: cookie["value"] for cookie in firefox.do("WebDriver:GetCookies")}
    request = urllib.request.Request(
        f"{service.url}/v1/sites/demo/record",
        headers={"Cookie": f"cg_handle.demo={cookies['cg_handle.demo']}", "User-Agent": "curl/8"},
    )
    with urllib.request.urlopen(request) as answer:
        decisions = json.load(answer)["decisions"]
    assert [item["signal"] for item in decisions] == [
        {"seen": "gpc", "held": ["advertising"]},
        {"seen": "gpc", "held": [], "despite": ["advertising"]},
    ]
