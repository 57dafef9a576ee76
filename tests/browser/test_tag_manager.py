"""The template for Google Tag Manager: its sections, and its code in a sandbox with what its permissions name."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from support.live import LiveService
from support.policies import ROOT
from support.visits import Visit, shop, visit

TEMPLATE = ROOT / "examples" / "gtm" / "template.tpl"
HARNESS = Path(__file__).with_name("tag_manager.js")
SECTIONS = ["INFO", "TEMPLATE_PARAMETERS", "SANDBOXED_JS_FOR_WEB_TEMPLATE", "WEB_PERMISSIONS", "TESTS", "NOTES"]
HOST = "https://consent.example.jp"
TYPES = (
    "ad_storage", "ad_user_data", "ad_personalization", "analytics_storage", "functionality_storage",
    "personalization_storage", "security_storage",
)  # fmt: skip
DENIED = dict.fromkeys(TYPES, "denied")
#: Sandboxed JavaScript is ECMAScript 5.1 with arrow functions, const and let.
UNKNOWN = re.compile(r"\b(new|this|class|async|await|of|function\*|import|delete)\b|\.\.\.|`|\?\.|\?\?|\*\*")


@cache
def _sections() -> dict[str, str]:
    pieces = re.split(r"^___([A-Z_]+)___$", TEMPLATE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert pieces[0] == ""
    assert pieces[1::2] == SECTIONS
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _plain(value: dict[str, Any]) -> Any:
    """A value of a permission as Tag Manager writes it: text, list, mapping or boolean."""
    if value["type"] == 3:
        keys = [_plain(key) for key in value["mapKey"]]
        return dict(zip(keys, map(_plain, value["mapValue"]), strict=True))
    if value["type"] == 2:
        return [_plain(item) for item in value["listItem"]]
    return value["boolean"] if value["type"] == 8 else value["string"]


def _permissions() -> dict[str, Any]:
    """Permission → what it names: a list, or a mapping by consent type or by path."""
    found: dict[str, Any] = {}
    for permission in json.loads(_sections()["WEB_PERMISSIONS"]):
        (param,) = permission["instance"]["param"]
        names = _plain(param["value"])
        if isinstance(names[0], dict):
            names = {next(iter(name.values())): name for name in names}
        found[permission["instance"]["key"]["publicId"]] = names
    return found


def _defaults(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for parameter in parameters:
        if parameter["type"] == "GROUP":
            found |= _defaults(parameter["subParams"])
        else:
            found[parameter["name"]] = parameter["defaultValue"]
    return found


def _run(seen: Visit, *, tag: str = "") -> None:
    """Opens a page, and lets the harness run the template as its users set it up."""
    service = seen.service
    harness = service.file("/house/tag-manager.js", HARNESS.read_bytes())
    seen.page.goto(service.page(shop(f'<script src="{harness}"></script>', script=tag)))
    permissions = json.loads(json.dumps(_permissions()).replace(HOST, service.url))
    data = _defaults(json.loads(_sections()["TEMPLATE_PARAMETERS"]))
    data |= {"service": service.url, "site": "demo", "lang": "en", "ad_personalization": "no_such_purpose"}
    code = _sections()["SANDBOXED_JS_FOR_WEB_TEMPLATE"]
    seen.page.evaluate("([code, permissions, data]) => runTemplate(code, permissions, data)", [code, permissions, data])
    seen.page.wait_for_function("() => tagManager.ended")


def _told(page: Page) -> list[Any]:
    return [tuple(item) for item in page.evaluate("() => tagManager.told")]


def test_sections_are_whole_and_ask_for_little() -> None:
    info = json.loads(_sections()["INFO"])
    assert (info["type"], info["containerContexts"]) == ("TAG", ["WEB"])
    permissions = _permissions()
    assert permissions["inject_script"] == [f"{HOST}/w/*"]
    assert set(permissions["access_consent"]) == set(TYPES)
    assert not any(names["write"] for names in permissions["access_globals"].values())
    defaults = _defaults(json.loads(_sections()["TEMPLATE_PARAMETERS"]))
    assert set(TYPES) < set(defaults)
    assert defaults["service"] == HOST
    code = re.sub(r"//.*|'[^']*'", "", _sections()["SANDBOXED_JS_FOR_WEB_TEMPLATE"])
    assert UNKNOWN.findall(code) == []


def test_tags_are_denied_until_the_visitor_allows_them(page: Page, service: LiveService) -> None:
    seen = visit(page, service)
    _run(seen)
    default, options, first = _told(page)
    assert default == ("default", DENIED | {"wait_for_update": 500})
    assert options == ("set", {"url_passthrough": False, "ads_data_redaction": True})
    assert first == ("update", DENIED | {"security_storage": "granted"})
    assert set(page.evaluate("() => tagManager.used")) == set(_permissions())  # none that it does not need
    seen.decide({"purposes": {"analytics": True}, "acquire": {}})
    analytics = DENIED | {"security_storage": "granted", "analytics_storage": "granted"}
    assert _told(page)[-1] == ("update", analytics)
    seen.decide("accept")
    assert _told(page)[-1] == ("update", analytics | {"ad_storage": "granted", "ad_user_data": "granted"})
    seen.decide("withdraw")
    assert _told(page)[-1] == first

    # The page has the script tag itself; then the service is away.
    seen.decide("accept")
    _run(seen, tag='<script src="/w/demo.en.js"></script>')
    assert page.locator("script[src*='/w/']").count() == 1
    seen.wait_until("consent.purposes.analytics")
    assert _told(page)[-1][1]["analytics_storage"] == "granted"
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    service.cut()
    _run(seen)
    assert page.evaluate("() => tagManager.ended") == "failure"
    assert [kind for kind, _ in _told(page)] == ["default", "set"]
    assert seen.faults == []
