"""Google Consent Mode v2: what the page's script tells Google's tags, held to Google's own types."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from support.live import LiveService
from support.policies import demo_yaml
from support.visits import shop, visit

POLICY = """
google:
  ad_storage: advertising
  ad_user_data: advertising
  analytics_storage: analytics
  security_storage: security
  advanced: true
  wait_for_update: 700
  region: [JP, US-CA]
  url_passthrough: true
  ads_data_redaction: true
"""
#: Every item of the layer: a command as a list, anything else as it is.
LAYER = """
  () => dataLayer.map((item) => Object.prototype.toString.call(item) === "[object Arguments]" ? [...item] : item)
"""
DENIED = dict.fromkeys(
    ("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage", "functionality_storage",
     "personalization_storage"), "denied",
) | {"security_storage": "granted"}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    folder: Path = tmp_path_factory.mktemp("google")
    live = LiveService(folder)
    (folder / "demo.yaml").write_text(demo_yaml(live.host.url, lambda text: text + POLICY), encoding="utf-8")
    with live:
        yield live


def _event(state: str, *granted: str) -> dict[str, Any]:
    purposes = {key: key in ("security", *granted) for key in _PURPOSES}
    return {"event": "cookiegate_change", "cookiegate": {"state": state, "purposes": purposes}}


_PURPOSES = ("security", "quality", "analytics", "development", "advertising")


def test_tags_are_told_of_every_change_in_google_s_own_words(
    page: Page, service: LiveService, npm_dir: Path, tmp_path: Path
) -> None:
    # The page's own layer is kept; what runs on consent finds the update before it.
    held = """<script type="text/plain" data-consent="analytics" data-stops>
      window.before = dataLayer.filter((item) => item[0] === "consent" && item[1] === "update").length</script>"""
    seen = visit(page, service).open(shop(body=held, head="<script>dataLayer = [{ own: 1 }]</script>"))
    default = ["consent", "default", DENIED | {"wait_for_update": 700, "region": ["JP", "US-CA"]}]
    start = [{"own": 1}, default, ["set", "url_passthrough", True], ["set", "ads_data_redaction", True],
             _event("undecided")]  # fmt: skip
    assert page.evaluate(LAYER) == start
    seen.decide({"purposes": {"analytics": True}, "acquire": {}})
    page.wait_for_function("() => window.before === 1")
    seen.decide("accept")
    seen.decide("withdraw")
    told = page.evaluate(LAYER)[len(start) :]
    analytics = DENIED | {"analytics_storage": "granted"}
    everything = analytics | {"ad_storage": "granted", "ad_user_data": "granted"}
    commands = [item for item in told if isinstance(item, list)]
    assert [command[2] for command in commands] == [analytics, everything, DENIED]
    assert {tuple(command[:2]) for command in commands} == {("consent", "update")}
    events = [item for item in told if isinstance(item, dict)]
    assert events[-1] == _event("refused")
    assert _event("granted", "analytics") in events
    assert [key for key in page.evaluate("() => Object.keys(localStorage)") if not key.startswith("cg_")] == []

    # On the next page of somebody who allows it: denied until the choice is confirmed, then granted.
    seen.decide("accept")
    seen.open(shop())
    seen.wait_until("consent.purposes.advertising")
    again = [item for item in page.evaluate(LAYER) if isinstance(item, list) and item[0] == "consent"]
    assert [item[1] for item in again] == ["default", "update"]
    assert again[1][2] == everything
    assert seen.faults == []
    _check_types([default, *commands, *start[2:4]], npm_dir, tmp_path)


def _check_types(commands: list[Any], npm_dir: Path, folder: Path) -> None:
    """Lets TypeScript read the commands against the published types of gtag.js."""
    lines = [f"gtag({', '.join(map(json.dumps, command))});" for command in commands]
    source = folder / "commands.ts"
    source.write_text("\n".join(lines), encoding="utf-8")
    modules = npm_dir / "node_modules"
    compiler, roots = str(modules / ".bin" / "tsc"), str(modules / "@types")
    options = ["--noEmit", "--strict", "--ignoreConfig", "--typeRoots", roots, "--types", "gtag.js"]
    done = subprocess.run([compiler, *options, str(source)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
