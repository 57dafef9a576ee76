"""A choice that another page, another tab or a later click overtakes: the last word holds, nothing wider ever does."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route, expect
from support.live import LiveService
from support.visits import DECISIONS, STATUS, HeldRequest, Visit, answer_decisions, shop, visit

HELD = '<script type="text/plain" data-consent="advertising">window.ran = true</script>'


def _elsewhere(seen: Visit, action: str, *, keeps: str | None = None, **chosen: Any) -> None:
    """Decides without the page's script, as the preferences page does; ``keeps``: the page's cookie."""
    context, url = seen.page.context, seen.service.url
    notice = context.request.get(f"{url}/v1/sites/demo/notice?lang=en").json()["notice"]
    headers = {"Origin": url, "Content-Type": "application/json", "Idempotency-Key": secrets.token_urlsafe(16)}
    body = json.dumps({"notice": notice, "action": action, **chosen})
    answer = context.request.post(f"{url}/v1/sites/demo/decisions", data=body, headers=headers)
    assert answer.status == 201, answer.text()
    if keeps:
        context.add_cookies([{"name": "cg_choice", "value": keeps, "url": url}])


def _holds(seen: Visit) -> dict[str, Any]:
    answer: dict[str, Any] = seen.page.context.request.get(f"{seen.service.url}/v1/sites/demo/consent").json()
    return answer


def test_less_that_was_chosen_on_the_service_s_own_host_holds_before_anything_runs(
    page: Page, service: LiveService
) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    _elsewhere(seen, "choose", keeps=seen.kept()["cg_choice"], purposes={"analytics": True})
    seen.open(shop(HELD))
    seen.wait_until("consent.state === 'granted' && !consent.pending")
    assert seen.granted() == ["analytics"]
    assert seen.token("analytics")
    assert page.evaluate("() => window.ran") is None
    assert ".analytics." in seen.kept()["cg_choice"]
    assert seen.faults == []


def test_a_withdrawal_is_not_overtaken_by_the_mending_of_an_older_yes(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide({"purposes": {"analytics": True}, "acquire": {}})
    _elsewhere(seen, "choose", keeps=seen.kept()["cg_choice"], purposes={"quality": True})
    held = HeldRequest(page.context, re.compile(r"/v1/sites/demo/consent$"))
    page.evaluate("() => { window.cookiegate.decide('accept') }")
    held.wait(page)
    page.evaluate("() => { window.cookiegate.decide('withdraw') }")
    held.let_go(page)
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    assert [body["action"] for _, body in seen.sent] == ["choose", "accept", "withdraw"]
    assert _holds(seen)["state"] == "refused"
    assert "cg_handle.demo" not in seen.kept()


def test_an_answer_that_is_not_the_service_s_loses_no_withdrawal(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    answer_decisions(page.context, lambda route: route.fulfill(status=403, body="<h1>Blocked</h1>"))
    seen.decide("withdraw")
    expect(page.locator(STATUS)).to_contain_text("saved")
    assert seen.consent()["pending"]
    assert _holds(seen)["state"] == "granted"
    page.context.unroute_all()
    seen.wait_until("!consent.pending")
    assert _holds(seen)["state"] == "refused"


def test_a_repeated_yes_does_not_undo_a_no_that_came_between(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    answer_decisions(page.context, lose)
    seen.decide("accept")
    _elsewhere(seen, "reject")
    page.context.unroute_all()
    seen.wait_until("!consent.pending")
    assert seen.consent()["state"] == "refused"
    assert seen.kept()["cg_choice"].startswith("refused.")
    assert seen.token() is None


def test_two_tabs_with_an_old_script_do_not_ask_each_other_without_end(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    # As after a version that asks again, for pages that are pinned to the one before.
    none = {"code": "consent_missing"}
    page.context.route(re.compile(r"/v1/sites/demo/token$"), lambda route: route.fulfill(status=404, json=none))
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    for tab in (seen, visit(page.context.new_page(), service)):
        tab.open(shop())
        assert tab.token() is None
    page.wait_for_timeout(1500)
    assert len(asked) < 20, asked


def test_a_yes_that_waits_is_void_once_the_visitor_refuses_on_the_preferences_page(
    page: Page, context: BrowserContext, service: LiveService
) -> None:
    seen = visit(page, service).open(shop())
    answer_decisions(context, lambda route: route.abort())
    seen.answer("Accept all").click()
    expect(page.locator(STATUS)).to_contain_text("not been saved yet")
    form = context.new_page()
    form.goto(f"{service.url}/preferences/demo?lang=en")
    form.get_by_role("button", name="Reject all").click()
    expect(form.locator("body")).to_contain_text("Your refusal has been saved")
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    attempts = len(seen.sent)
    context.unroute(DECISIONS)
    seen.open(shop())
    assert seen.consent()["state"] == "refused"
    assert list(seen.kept()) == ["cg_choice"]
    assert len(seen.sent) == attempts
    assert _holds(seen)["state"] == "refused"


def test_without_locks_a_tab_that_found_nothing_to_send_still_sends_what_comes(
    page: Page, service: LiveService
) -> None:
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })")
    seen = visit(page, service).open(shop())
    # Another tab decides, and is quicker to send it than this one, which waits a second first.
    page.evaluate(
        """() => {
          const entry = { key: "0".repeat(40), body: { notice: "0", action: "reject" }, sent: false };
          localStorage.setItem("cg_pending.demo", JSON.stringify(entry));
          document.cookie = "cg_pending.demo=0000;path=/";
          new BroadcastChannel("cg_pending.demo").postMessage(0);
        }"""
    )
    seen.wait_until("consent.pending")
    page.evaluate("""() => {
      localStorage.removeItem("cg_pending.demo");
      document.cookie = "cg_pending.demo=;path=/;max-age=0";
    }""")
    page.wait_for_timeout(1500)
    seen.decide("reject")
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    assert len(seen.sent) == 1


def test_a_cache_that_contradicts_the_token_is_not_asked_again_and_again(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    seen.wait_until("consent.purposes.analytics")
    held = {
        "ask": False, "state": "granted", "epoch": 7, "policy_version": 1, "decided_at": "2026-11-23T00:00:00Z",
        "purposes": {"analytics": True}, "acquire": {"browsing": True},
    }  # fmt: skip
    page.clock.install()
    page.context.route("**/v1/sites/demo/consent", lambda route: route.fulfill(json=held))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    kept = seen.kept()["cg_choice"].split(".")
    page.context.add_cookies([{"name": "cg_choice", "value": ".".join([*kept[:3], "9", *kept[4:]]), "url": page.url}])
    page.reload()
    page.wait_for_function("async () => { await cookiegate.ready; return true }")
    page.clock.run_for(500)
    assert len(asked) <= 6
    assert seen.faults == []
