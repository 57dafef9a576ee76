"""A privacy tool that answers for its user operates the banner: DuckDuckGo's autoconsent, in a world of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from support.live import LiveService
from support.policies import ROOT
from support.visits import Visit, shop, visit
from support.waiting import until

RULE = json.loads((ROOT / "widget" / "autoconsent.json").read_text(encoding="utf-8"))
WORLD = "privacy-tool"
OPTIONAL = {"quality", "analytics", "development", "advertising"}
#: Plays the extension's other half: answers the start, asks for the rule's own check, tells all that it hears.
BACKGROUND = """
window.autoconsentSendMessage = async (message) => {
  tell(JSON.stringify(message));
  const answer = (type, more) => setTimeout(() => window.autoconsentReceiveMessage({ type, ...more }));
  if (message.type === "init") answer("initResp", ASKED);
  if (message.scheduleSelfTest) answer("selfTest");
};
"""


class Tool:
    """The extension in one tab; ``told`` is what it reported so far."""

    def __init__(self, page: Page, package: Path, action: str, rules: list[dict[str, Any]]) -> None:
        self.told: list[dict[str, Any]] = []
        self._page = page
        config = {"enabled": True, "autoAction": action, "heuristicMode": "reject", "enableGeneratedRules": True}
        asked = {"config": config, "rules": {"autoconsent": rules}}
        content = (package / "dist" / "autoconsent.playwright.js").read_text(encoding="utf-8")
        session = page.context.new_cdp_session(page)
        session.on("Runtime.bindingCalled", lambda event: self.told.append(json.loads(event["payload"])))
        session.send("Runtime.enable")
        session.send("Page.enable")
        session.send("Runtime.addBinding", {"name": "tell", "executionContextName": WORLD})
        source = BACKGROUND.replace("ASKED", json.dumps(asked)) + content
        session.send("Page.addScriptToEvaluateOnNewDocument", {"source": source, "worldName": WORLD})

    def wait_for(self, kind: str) -> dict[str, Any]:
        """The first message of a kind."""

        def found() -> list[dict[str, Any]]:
            self._page.evaluate("() => 0")  # messages come while Playwright is at work
            return [message for message in self.told if message["type"] == kind]

        until(found)
        return found()[0]

    def names(self) -> set[str]:
        """The rules that took the page for theirs."""
        return {message["cmp"] for message in self.told if message["type"] == "cmpDetected"}


@pytest.fixture
def package(npm_dir: Path) -> Path:
    """The package, as npm installed it."""
    return npm_dir / "node_modules" / "@duckduckgo" / "autoconsent"


@pytest.fixture
def rules(package: Path) -> list[dict[str, Any]]:
    """All its rules for others, and ours."""
    theirs: list[dict[str, Any]] = json.loads((package / "rules" / "rules.json").read_text(encoding="utf-8"))[
        "autoconsent"
    ]
    return [*theirs, RULE]


def opened(page: Page, service: LiveService, lang: str) -> Visit:
    """The page, open; the tool may already be at work."""
    return visit(page, service).open(shop(lang=lang))


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_it_opts_out_by_our_rule(
    page: Page, service: LiveService, package: Path, rules: list[dict[str, Any]], lang: str
) -> None:
    tool = Tool(page, package, "optOut", rules)
    seen = opened(page, service, lang)
    assert tool.wait_for("selfTestResult")["result"] is True
    assert tool.wait_for("autoconsentDone")["cmp"] == "cookiegate"
    assert tool.names() == {"cookiegate"}
    expect(seen.banner).to_have_count(0)
    assert seen.consent()["state"] == "refused"
    until(lambda: page.evaluate("() => !window.cookiegate.consent.pending"))
    assert [body["action"] for _, body in seen.sent] == ["reject"]
    assert seen.faults == []


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_it_opts_in_by_our_rule(
    page: Page, service: LiveService, package: Path, rules: list[dict[str, Any]], lang: str
) -> None:
    tool = Tool(page, package, "optIn", rules)
    seen = opened(page, service, lang)
    assert tool.wait_for("optInResult")["result"] is True
    seen.wait_until("consent.state === 'granted' && !consent.pending")
    assert set(seen.granted()) == OPTIONAL
    assert [body["action"] for _, body in seen.sent] == ["accept"]


def test_it_opts_out_of_an_english_page_by_its_words_alone(page: Page, service: LiveService, package: Path) -> None:
    """As it does today, where our rule is not among those that it brings."""
    tool = Tool(page, package, "optOut", [])
    seen = opened(page, service, "en")
    assert tool.wait_for("optOutResult")["result"] is True
    assert tool.names() == {"HEURISTIC-REJECT"}
    seen.wait_until("consent.state === 'refused'")
