"""A decision on its way: at once where it narrows, after the acknowledgement where it widens, and never lost."""

from __future__ import annotations

import json

from playwright.sync_api import BrowserContext, Page, Route, expect
from support.live import LiveService
from support.visits import CORNER, STATUS, HeldRequest, Visit, answer_decisions, refuse_cookies, script_of, shop, visit


def watch_changes(seen: Visit) -> None:
    """Notes every change that the page is told of."""
    seen.page.evaluate("() => { window.told = []; window.cookiegate.on('change', (c) => window.told.push(c.state)) }")


def pending(seen: Visit) -> dict[str, object] | None:
    """The decision that waits in the browser."""
    text = seen.kept().get("cg_pending.demo")
    return None if text is None else json.loads(text)


def test_accept_gives_a_token_for_every_purpose(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Accept all").click()
    seen.wait_until("consent.state === 'granted' && !consent.pending")
    assert seen.granted() == ["quality", "analytics", "development", "advertising"]
    token = seen.token()
    assert token is not None
    assert token.count(".") == 2
    assert seen.token("analytics") == token
    assert seen.token("no-such-purpose") is None
    assert set(seen.kept()) == {"cg_choice", "cg_handle.demo", "cg_token"}


def test_reject_leaves_no_identifier(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Reject all").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    kept = seen.kept()
    assert list(kept) == ["cg_choice"]
    assert kept["cg_choice"].split(".")[:2] == ["refused", "1"]
    assert seen.token() is None
    assert seen.token("security") is None


def test_a_refusal_is_not_asked_again_on_the_next_page(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("reject")
    seen.open(shop())
    expect(page.locator(CORNER)).to_be_visible()
    expect(seen.banner).to_have_count(0)


def test_choose_grants_exactly_what_was_chosen(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").click()
    seen.dialog.get_by_role("switch", name="Analytics").check()
    seen.dialog.get_by_role("switch", name="Language").check()
    seen.dialog.get_by_role("button", name="Save my choice").click()
    seen.wait_until("consent.state === 'granted' && !consent.pending")
    assert seen.granted() == ["analytics"]
    assert [key for key, holds in seen.consent()["acquire"].items() if holds] == ["language"]
    assert seen.token("analytics") is not None
    assert seen.token("advertising") is None


def test_a_grant_holds_on_the_next_page_with_a_fresh_token(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    seen.open(shop())
    assert page.evaluate("async () => (await window.cookiegate.ready).purposes.analytics") is True
    assert seen.token("analytics") is not None
    expect(seen.banner).to_have_count(0)


def test_a_grant_takes_effect_only_with_the_acknowledgement(
    page: Page, context: BrowserContext, service: LiveService
) -> None:
    held = HeldRequest(context)
    seen = visit(page, service).open(shop())
    seen.answer("Accept all").click()
    expect(seen.banner).to_have_count(0)
    page.wait_for_timeout(0)
    assert seen.granted() == []
    assert seen.token() is None
    assert seen.consent()["pending"] is True
    held.let_go(page)
    seen.wait_until("consent.purposes.analytics && !consent.pending")


def test_a_withdrawal_takes_effect_before_the_service_answers(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    watch_changes(seen)
    service.cut()
    state = page.evaluate("() => { void window.cookiegate.decide('withdraw'); return window.cookiegate.consent.state }")
    assert state == "refused"
    assert seen.token() is None
    assert page.evaluate("() => window.told") == ["refused"]
    assert seen.kept()["cg_choice"].startswith("refused.")


def test_narrowing_lets_go_of_the_token_until_a_narrower_one_comes(
    page: Page, context: BrowserContext, service: LiveService
) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    before = seen.token()
    held = HeldRequest(context)
    page.evaluate("() => void window.cookiegate.decide({ purposes: { quality: true }, acquire: { screen: true } })")
    assert seen.granted() == ["quality"]
    assert seen.token() is None
    held.let_go(page)
    seen.wait_until("!consent.pending")
    assert seen.granted() == ["quality"]
    assert seen.token() not in (None, before)


def test_a_decision_is_sent_again_on_the_next_page_with_the_same_key(page: Page, service: LiveService) -> None:
    seen = visit(page, service)
    address = service.page(shop())
    copy = service.file("/kept/en.js", script_of(service))
    service.page(shop(script=f'<script async src="{copy}"></script>'), path="/kept.html")
    seen.go(address)
    service.cut()
    seen.answer("Accept all").click()
    expect(page.locator(STATUS)).to_contain_text("has not been saved yet")
    entry = pending(seen)
    assert entry is not None
    assert set(entry) == {"key", "body", "sent"}
    seen.go(f"{service.url}/kept.html")
    expect(seen.banner).to_have_count(0)
    assert seen.granted() == []
    service.cut(False)
    page.evaluate("() => dispatchEvent(new Event('online'))")
    seen.wait_until("consent.purposes.analytics && !consent.pending")
    assert pending(seen) is None
    assert len({key for key, _ in seen.sent}) == 1
    assert len(seen.sent) >= 2
    assert seen.token("analytics") is not None


def test_a_grant_that_was_never_acknowledged_is_not_sent_after_a_withdrawal(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    service.cut()
    seen.decide("accept")
    seen.decide("withdraw")
    service.cut(False)
    at = len(seen.sent)
    page.evaluate("() => dispatchEvent(new Event('online'))")
    seen.wait_until("!consent.pending")
    assert [body["action"] for _, body in seen.sent[at:]] == ["withdraw"]
    assert list(seen.kept()) == ["cg_choice"]


def test_a_change_of_mind_during_the_request_wins(page: Page, context: BrowserContext, service: LiveService) -> None:
    held = HeldRequest(context)
    seen = visit(page, service).open(shop())
    page.evaluate("() => { void window.cookiegate.decide('accept') }")
    held.wait(page)
    page.evaluate("() => { void window.cookiegate.decide('withdraw') }")
    assert len(seen.sent) == 1  # one after the other, never side by side
    held.let_go(page)
    seen.wait_until("!consent.pending")
    assert [body["action"] for _, body in seen.sent] == ["accept", "withdraw"]
    assert seen.consent()["state"] == "refused"
    assert list(seen.kept()) == ["cg_choice"]


def test_a_newer_choice_during_the_request_names_the_epoch_that_the_older_one_made(
    page: Page, context: BrowserContext, service: LiveService
) -> None:
    held = HeldRequest(context)
    seen = visit(page, service).open(shop())
    page.evaluate("() => { void window.cookiegate.decide('accept') }")
    held.wait(page)
    page.evaluate("() => { void window.cookiegate.decide({ purposes: { quality: true } }) }")
    held.let_go(page)
    seen.wait_until("consent.purposes.quality && !consent.pending")
    assert seen.granted() == ["quality"]
    assert "epoch" not in seen.sent[0][1]
    assert seen.sent[1][1]["epoch"] == 1


def test_the_service_may_ask_for_patience(page: Page, context: BrowserContext, service: LiveService) -> None:
    page.clock.install()
    page.add_init_script(
        "{ const waits = (window.waits = []), later = window.setTimeout;"
        " window.setTimeout = (work, ms, ...rest) => { waits.push(ms); return later(work, ms, ...rest); }; }"
    )
    answers = [429, 503]

    def busy(route: Route) -> None:
        if answers:
            route.fulfill(status=answers.pop(0), headers={"Retry-After": "30"}, json={"code": "rate_limited"})
        else:
            route.continue_()

    def wait_until_patient(times: int) -> None:
        seen.page.wait_for_function(
            "(times) => window.waits.filter((ms) => ms >= 30000).length === times", arg=times, polling=50
        )

    answer_decisions(context, busy)
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    wait_until_patient(1)
    page.clock.fast_forward(20_000)
    assert len(seen.sent) == 1
    page.clock.fast_forward(20_000)
    wait_until_patient(2)
    assert len(seen.sent) == 2
    page.clock.fast_forward(40_000)
    seen.wait_until("consent.purposes.analytics", polling=50)
    assert len({key for key, _ in seen.sent}) == 1


def test_a_decision_that_the_service_refuses_is_dropped_and_asked_anew(
    page: Page, context: BrowserContext, service: LiveService
) -> None:
    answer_decisions(context, lambda route: route.fulfill(status=403, json={"code": "origin_denied"}))
    seen = visit(page, service).open(shop())
    seen.answer("Accept all").click()
    expect(page.locator(STATUS)).to_contain_text("could not be saved")
    expect(seen.banner).to_be_visible()
    assert seen.kept() == {}
    assert seen.granted() == []


def test_garbage_from_the_service_grants_nothing(page: Page, context: BrowserContext, service: LiveService) -> None:
    answer_decisions(context, lambda route: route.fulfill(status=201, body="<html>welcome to the hotel"))
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    assert seen.granted() == []
    assert seen.consent()["pending"] is True
    assert seen.faults == []


def test_a_stale_notice_is_fetched_anew_and_the_visitor_asked_again(
    page: Page, context: BrowserContext, service: LiveService
) -> None:
    old = script_of(service).replace(_notice(service).encode(), b"0" * 64)
    seen = visit(page, service)
    seen.open(shop(script=f'<script src="{service.file("/old.js", old)}"></script>'))
    seen.answer("Accept all").click()
    expect(page.locator(STATUS)).to_contain_text("Please choose again")
    expect(seen.banner).to_be_visible()
    assert seen.granted() == []
    seen.answer("Accept all").click()
    seen.wait_until("consent.purposes.analytics")
    assert [body["notice"] for _, body in seen.sent] == ["0" * 64, _notice(service)]


def test_a_refusal_needs_no_second_question_when_the_notice_is_stale(page: Page, service: LiveService) -> None:
    old = script_of(service).replace(_notice(service).encode(), b"0" * 64)
    seen = visit(page, service)
    seen.open(shop(script=f'<script src="{service.file("/old.js", old)}"></script>'))
    seen.answer("Reject all").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    expect(seen.banner).to_have_count(0)
    assert [body["notice"] for _, body in seen.sent] == ["0" * 64, _notice(service)]
    assert len({key for key, _ in seen.sent}) == 2


def test_a_wider_policy_asks_again_and_says_why(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    said = b'"changed_notice":"What it is used for has changed since your last choice."'
    wider = script_of(service).replace(b'"holds_since":1', b'"holds_since":2')
    wider = wider.replace(b'"changed_notice":""', said)  # left out while nobody is asked again
    seen.open(shop(script=f'<script src="{service.file("/wider.js", wider)}"></script>'))
    expect(seen.banner).to_contain_text("has changed since your last choice")
    assert seen.consent()["ask_reason"] == "policy_changed"
    assert seen.granted() == []
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    assert [box.is_checked() for box in seen.dialog.get_by_role("switch").all()] == [False] * 11


def test_a_choice_is_asked_again_when_it_is_too_old(page: Page, service: LiveService) -> None:
    seen = visit(page, service)
    day = "20200101"
    page.context.add_cookies([{"name": "cg_choice", "value": f"refused.1.{day}", "url": service.url}])
    seen.open(shop())
    expect(seen.banner).to_be_visible()
    assert seen.consent()["ask_reason"] == "expired"


def test_a_planted_choice_cookie_grants_nothing(page: Page, service: LiveService) -> None:
    seen = visit(page, service)
    value = "granted.1.20991231.7.analytics+advertising.ip"
    page.context.add_cookies([{"name": "cg_choice", "value": value, "url": service.url}])
    seen.open(shop())
    assert page.evaluate("async () => (await window.cookiegate.ready).state") == "undecided"
    assert seen.granted() == []
    assert seen.token() is None
    expect(seen.banner).to_be_visible()


def test_where_cookies_are_refused_nothing_is_kept_or_sent_and_the_page_works(
    page: Page, context: BrowserContext, service: LiveService
) -> None:
    refuse_cookies(context)
    seen = visit(page, service).open(shop())
    expect(seen.banner).to_be_visible()
    seen.answer("Accept all").click()
    expect(page.locator(STATUS)).to_contain_text("refuses cookies")
    assert seen.granted() == []
    assert seen.sent == []
    seen.decide("reject")
    assert seen.consent()["state"] == "refused"
    assert seen.sent == []
    assert context.cookies() == []
    assert seen.faults == []


def test_the_token_is_fetched_anew_before_it_ends(page: Page, service: LiveService) -> None:
    page.clock.install()
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    first = seen.token()
    page.clock.run_for(10 * 60_000)
    assert seen.token() == first
    with page.expect_response("**/token"):
        page.clock.fast_forward(3 * 60_000)  # a clock that is run would end the page's patience with the answer
    page.wait_for_function("async (first) => await window.cookiegate.token() !== first", arg=first, polling=50)


def test_no_token_is_fetched_after_a_withdrawal(page: Page, service: LiveService) -> None:
    page.clock.install()
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    seen.decide("withdraw")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60 * 60_000)
    assert seen.token() is None
    assert [url for url in asked if "favicon" not in url] == []


def test_the_page_is_told_of_each_change_once(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    page.evaluate(
        """() => {
          window.told = []; window.events = [];
          window.cookiegate.on("change", () => { throw new Error("the page's own fault") });
          window.off = window.cookiegate.on("change", (c) => window.told.push([c.state, c.purposes.analytics]));
          document.addEventListener("cookiegate:change", (event) => window.events.push(event.detail.state));
        }"""
    )
    seen.decide("accept")
    assert page.evaluate("() => window.told")[-1] == ["granted", True]
    assert page.evaluate("() => window.events")[-1] == "granted"
    count = page.evaluate("() => { window.off(); return window.told.length }")
    seen.decide("withdraw")
    assert page.evaluate("() => window.told.length") == count
    assert page.evaluate("() => window.events")[-1] == "refused"


def _notice(service: LiveService) -> str:
    text = script_of(service).decode()
    return text.partition('"notice":"')[2][:64]
