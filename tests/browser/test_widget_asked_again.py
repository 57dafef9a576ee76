"""When visitors are asked again: after the policy's time, after a no not sooner than after a yes, once for all tabs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import BrowserContext, expect
from support.live import LiveService
from support.visits import shop, visit

#: Of the demo policy, and what the strictest region asks for after a refusal.
DAYS, REFUSED_DAYS = 180, 365


def test_asked_after_the_time_of_the_choice_and_never_sooner_after_a_no(
    context: BrowserContext, service: LiveService
) -> None:
    first, second = (visit(context.new_page(), service) for _ in range(2))
    address = service.page(shop())
    context.route("**/v1/sites/demo/token", lambda route: route.abort())  # the record has no such grant
    for value, days in (("granted.1.{day}.1.analytics.device", DAYS), ("refused.1.{day}", REFUSED_DAYS)):
        for ago, is_asked in ((days - 1, False), (days, True)):
            day = (datetime.now(UTC) - timedelta(days=ago)).strftime("%Y%m%d")
            context.add_cookies([{"name": "cg_choice", "value": value.format(day=day), "url": service.url}])
            first.go(address)
            consent = first.consent()
            assert (consent["ask"], consent["ask_reason"]) == (is_asked, "expired" if is_asked else None), (value, ago)
            expect(first.banner).to_have_count(1 if is_asked else 0)
    # The last choice is over: both tabs ask, and one answer closes both.
    second.go(address)
    expect(second.banner).to_be_visible()
    first.answer("Reject all").click()
    second.wait_until("consent.state === 'refused' && !consent.pending")
    expect(second.banner).to_have_count(0)
    second.go(address)
    expect(second.banner).to_have_count(0)
    assert len(first.sent) + len(second.sent) == 1
