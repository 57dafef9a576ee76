"""A config that came broken: a plain banner with reject and choose, and never consent."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from support.live import LiveService
from support.visits import script_of, shop, visit

HELD = """<script type="text/plain" data-consent="analytics">window.ran = true</script>
<script type="text/plain" data-consent="">window.ran = true</script>"""

ALLOWED = """() => { const { purposes } = window.cookiegate.consent;
  return Object.keys(purposes).filter((key) => purposes[key]) }"""


def broken(config: dict[str, Any]) -> dict[str, Any]:
    """Each way to break it → what is left."""
    notice = config["notice"]
    texts = notice["texts"]

    def with_notice(**changes: Any) -> dict[str, Any]:
        return {**config, "notice": {**notice, **changes}}

    return {
        "nothing": None,
        "a list": [],
        "no notice": {key: value for key, value in config.items() if key != "notice"},
        "an empty notice": {**config, "notice": {}},
        "no purposes": {**config, "notice": {key: value for key, value in notice.items() if key != "purposes"}},
        "purposes that are none": with_notice(purposes="analytics"),
        "purposes without keys": with_notice(purposes=[{"always_on": True}, None]),
        "keys that are no texts": with_notice(purposes=[{"key": {"toString": "analytics"}, "always_on": True}]),
        "categories that are none": with_notice(acquire=7),
        "no texts": with_notice(texts=None),
        "no word for no": with_notice(texts={**texts, "reject": ""}),
        "a number for yes": with_notice(texts={**texts, "accept": 1}),
    }


def split(script: str) -> tuple[str, str, str]:
    """The script before, in and after its config."""
    start = re.search(r'\{"site":"demo"', script)
    assert start is not None
    config, end = json.JSONDecoder().raw_decode(script, start.start())
    return script[: start.start()], json.dumps(config), script[end:]


@pytest.mark.parametrize("answered", [False, True])
def test_a_broken_config_shows_a_plain_banner_and_is_never_consent(
    browser: Browser, service: LiveService, answered: bool
) -> None:
    before, config, after = split(script_of(service).decode())
    for number, (way, left) in enumerate(broken(json.loads(config)).items()):
        file = service.file(f"/broken/{answered}-{number}.js", before + json.dumps(left) + after)
        context = browser.new_context(locale="en-GB")
        if answered:  # while all was in good order
            value = f"granted.1.{date.today():%Y%m%d}.1.analytics.browsing"
            context.add_cookies([{"name": "cg_choice", "value": value, "url": service.url}])
        seen = visit(context.new_page(), service).open(shop(HELD, script=f'<script src="{file}"></script>'))
        assert seen.page.evaluate(ALLOWED) == [], way
        assert seen.token("analytics") is None, way
        if not answered:
            expect(seen.banner, way).to_be_visible()
            expect(seen.answer("Choose"), way).to_be_visible()
            expect(seen.banner.get_by_role("button"), way).to_have_count(3)  # and one that closes it
            with seen.page.expect_popup():
                seen.answer("Choose").click()
            seen.answer("Reject").click()
            expect(seen.banner, way).to_have_count(0)
        # With the notice that the service then gave, what needs nobody's consent may be in effect.
        assert set(seen.page.evaluate(ALLOWED)) <= {"security"}, way
        assert seen.page.evaluate("() => window.ran") is None, way
        context.close()
