"""Every recipe of ``deploy/proxies``, started for real: the same questions to each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.policies import ORIGIN
from support.ports import free_port
from support.waiting import until

from proxies import recipes
from proxies.collector import CORS, Collector
from proxies.consents import Consents, Holder
from proxies.recipes import Place, Recipe
from proxies.running import BODY, Proxy, post, reason_of

#: With what configurations and scripts could take for theirs: it goes on as it is, or not at all.
AGENT = "Agent-canary/1.0 {env.HOME} {http.request.uri} %[env(HOME)] %REQ(COOKIE)% $http_cookie"
LANGUAGE, PAGE = "qx-canary", "http://shop.test/canary"
IDENTIFYING = {
    "User_Agent": AGENT,
    "Accept_Language": LANGUAGE,
    "Referer": PAGE,
    "X_Forwarded_For": "203.0.113.77",
    "Forwarded": "for=203.0.113.77",
    "X_Real_IP": "203.0.113.77",
    "True_Client_IP": "203.0.113.77",
    "Sec_CH_UA": '"Canary";v="1"',
    "AnonymousId": "anonymous-canary",
    "Cookie": "uid=cookie-canary",
}
CANARIES = (AGENT, LANGUAGE, PAGE, "203.0.113.77", "anary", "127.0.0.1,")


@pytest.fixture(scope="module", params=recipes.ALL, ids=lambda recipe: recipe.name)
def proxy(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    consents: Consents,
    collector: Collector,
    binaries: Path,
) -> Iterator[Proxy]:
    recipe: Recipe = request.param
    folder = tmp_path_factory.mktemp(recipe.name)
    folder.chmod(0o755)
    running = Proxy(
        recipe, Place(folder, free_port(), consents.port, collector.port, binaries, consents.process.base_url)
    )
    running.start()
    good = consents.holder().token
    until(lambda: post(running, good).status == 200, 10)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def holder(consents: Consents) -> Holder:
    return consents.holder()


class TestRecipe:
    """What each of them does."""

    def test_a_granted_event_passes_whole(self, proxy: Proxy, holder: Holder, collector: Collector) -> None:
        answer = post(proxy, holder.token, "/events?plan=tea&x=%2Fa%20b")
        assert (answer.status, answer.body) == (200, b"GIF89a")
        got = collector.taken[-1]
        assert (got.method, got.path, got.body) == ("POST", "/events?plan=tea&x=%2Fa%20b", BODY)
        assert got.headers["content-type"] == "application/json"
        assert got.headers["x-consent-scope"] == "security analytics"
        assert got.headers["x-consent-acquire"] == "ip device language screen browsing identifier other"
        assert len(got.headers["x-consent-subject"]) == 22
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Set-Cookie" not in answer.headers
        assert post(proxy, holder.token, "/broken").status == 500, "the collector's own answer"

    @pytest.mark.parametrize("carrier", ["header", "query", "cookie"])
    def test_the_token_itself_stays_here(
        self, proxy: Proxy, holder: Holder, collector: Collector, carrier: str
    ) -> None:
        token = holder.token
        if carrier == "header":
            answers = [post(proxy, token)]
        elif carrier == "cookie":
            answers = [post(proxy, Cookie=f"uid=1; cg_token={token}; cg_choice=chosen.1.20261118")]
        else:
            queries = (f"a=1&ct={token}&b=2", f"ct={token}&b=2", f"a=1&ct={token}", f"ct={token}", f"a=1&%63t={token}")
            answers = [post(proxy, path=f"/events?{query}") for query in queries]
            got = [item.path.removesuffix("?") for item in collector.taken[-5:]]
            assert got == ["/events?a=1&b=2", "/events?b=2", "/events?a=1", "/events", "/events?a=1"]
        assert [answer.status for answer in answers] == [200] * len(answers)
        for item in collector.taken[-len(answers) :]:
            assert token not in item
            assert "cg_token" not in item

    def test_what_is_not_granted_stops_here_and_says_why(
        self, proxy: Proxy, holder: Holder, consents: Consents, collector: Collector
    ) -> None:
        head, body, tail = holder.token.split(".")
        bad = {
            "token_missing": (None, 401),
            "token_malformed": ("garbled", 401),
            "signature_invalid": (f"{head}.{body}.{tail[:-8]}AAAAAAAA", 401),
            "token_expired": (consents.expired(holder.token), 401),
            "audience_mismatch": (consents.forged(holder.token, aud="elsewhere"), 401),
            "issuer_mismatch": (consents.forged(holder.token, iss="https://elsewhere.example"), 401),
            "purpose_not_granted": (consents.forged(holder.token, scope="security quality"), 403),
        }
        before = len(collector.taken)
        answers = {reason: post(proxy, token) for reason, (token, _) in bad.items()}
        assert {reason: (answer.status, reason_of(answer)) for reason, answer in answers.items()} == {
            reason: (status, reason) for reason, (_, status) in bad.items()
        }
        assert post(proxy, "").status == 401
        assert len(collector.taken) == before

    def test_a_bad_token_is_not_rescued_by_another_carrier(
        self, proxy: Proxy, holder: Holder, collector: Collector
    ) -> None:
        before = len(collector.taken)
        assert post(proxy, "garbled", Cookie=f"cg_token={holder.token}").status == 401
        assert post(proxy, "garbled", f"/events?ct={holder.token}").status in (400, 401)
        assert post(proxy, path=f"/events?ct=garbled&ct={holder.token}").status in (400, 401)
        for told in ("X_Original_URI", "X_Forwarded_Uri"):  # by these proxies tell the gate what was asked
            assert post(proxy, **{told: f"/?ct={holder.token}"}).status == 401
        assert len(collector.taken) == before

    def test_of_two_headers_the_second_rescues_nothing(
        self, proxy: Proxy, holder: Holder, collector: Collector
    ) -> None:
        before = len(collector.taken)
        start = ("GET /events HTTP/1.1", "Host: stats.example.jp")
        tokens = ("X-Consent-Token: garbled", f"X-Consent-Token: {holder.token}")
        cookies = ("Cookie: cg_token=garbled", f"Cookie: cg_token={holder.token}")
        refused = ("Cookie: cg_choice=refused.1.20261118", f"Cookie: cg_token={holder.token}")
        assert [proxy.raw(*start, *headers) for headers in (tokens, cookies)] == [401, 401]
        assert proxy.raw(*start, *refused) in (400, 401, 403)
        assert len(collector.taken) == before

    def test_a_browser_that_says_refused_is_believed(self, proxy: Proxy, holder: Holder, collector: Collector) -> None:
        before = len(collector.taken)
        assert post(proxy, holder.token).status == 200
        refused = post(proxy, holder.token, Cookie="cg_choice=refused.1.20261118")
        assert (refused.status, reason_of(refused)) == (403, "withdrawn")
        assert len(collector.taken) == before + 1

    def test_a_withdrawn_token_stops_within_seconds(
        self, proxy: Proxy, consents: Consents, collector: Collector
    ) -> None:
        leaving = consents.holder()
        until(lambda: post(proxy, leaving.token).status == 200)
        leaving.withdraw()
        # A proxy's threads may each have a list of their own, and hear of it one after the other.
        until(lambda: all(post(proxy, leaving.token).status == 403 for _ in range(8)))
        before = len(collector.taken)
        assert {reason_of(post(proxy, leaving.token)) for _ in range(8)} == {"withdrawn"}
        assert len(collector.taken) == before

    def test_a_preflight_is_answered_by_the_collector_and_brings_it_nothing(
        self, proxy: Proxy, collector: Collector
    ) -> None:
        asked = {
            "Origin": ORIGIN,
            "Access_Control_Request_Method": "POST",
            "Access_Control_Request_Headers": "content-type,x-consent-token",
        }
        answer = proxy.send("OPTIONS", "/events?cid=query-canary", None, **asked, **IDENTIFYING, X_Consent_Subject="me")
        assert answer.status == 204
        assert CORS in answer.headers["Access-Control-Allow-Headers"]
        assert "Set-Cookie" not in answer.headers
        got = collector.taken[-1]
        assert (got.method, got.path) == ("OPTIONS", "/events")
        assert (got.headers["origin"], got.headers["access-control-request-method"]) == (ORIGIN, "POST")
        assert [canary for canary in CANARIES if canary in got] == []
        assert not any(name.startswith("x-consent-") for name in got.headers)

    def test_a_preflight_with_a_body_brings_no_body(self, proxy: Proxy, collector: Collector) -> None:
        asked = {"Origin": ORIGIN, "Access_Control_Request_Method": "POST", "Content_Type": "application/json"}
        before = len(collector.taken)
        proxy.send("OPTIONS", "/events", BODY, **asked)
        proxy.send("OPTIONS", "/events", iter([BODY, BODY]), **asked)  # chunked
        assert [item for item in collector.taken[before:] if item.body] == []

    def test_headers_are_what_the_grant_leaves(self, proxy: Proxy, consents: Consents, collector: Collector) -> None:
        granted = {
            "device": {"user-agent": AGENT},
            "language": {"accept-language": LANGUAGE},
            "browsing": {"referer": PAGE},
            "ip": {"x-forwarded-for": "127.0.0.1"},
            "screen": {},
        }
        for category, expected in granted.items():
            assert post(proxy, consents.holder(category).token, **IDENTIFYING).status == 200
            got = collector.taken[-1]
            kept = {name: value for name, value in got.headers.items() if any(item in value for item in CANARIES)}
            kept |= {name: got.headers[name] for name in ("x-forwarded-for", "x-real-ip") if name in got.headers}
            assert kept == expected, category

    def test_what_the_collector_is_told_cannot_be_forged(
        self, proxy: Proxy, consents: Consents, collector: Collector
    ) -> None:
        forged = {"X_Consent_Subject": "nobody", "X_Consent_Scope": "advertising", "X_Consent_Acquire": "ip device"}
        assert post(proxy, consents.holder("screen").token, **forged, **IDENTIFYING).status == 200
        got = collector.taken[-1]
        assert got.headers["x-consent-acquire"] == "screen"
        assert got.headers["x-consent-scope"] == "security analytics"
        assert got.headers["x-consent-subject"] != "nobody"
        assert AGENT not in got
        before = len(collector.taken)
        assert post(proxy, **forged).status == 401
        assert len(collector.taken) == before

    def test_one_visitor_s_yes_is_nobody_else_s(
        self, proxy: Proxy, holder: Holder, consents: Consents, collector: Collector
    ) -> None:
        """The trap of a cache whose key does not hold the token, and of answers that say that they may be kept."""
        expired = consents.expired(holder.token)
        for carrier in ("header", "query"):
            for method in ("GET", "POST"):
                body = BODY if method == "POST" else None

                def send(token: str, method: str = method, body: bytes | None = body, carrier: str = carrier) -> int:
                    if carrier == "header":
                        named = {"X_Consent_Token": token} if token else {}
                        return proxy.send(method, "/pixel.gif", body, **named).status
                    return proxy.send(method, f"/pixel.gif?ct={token}" if token else "/pixel.gif", body).status

                assert send(holder.token) == 200
                before = len(collector.taken)
                assert [send(""), send(expired), send("garbled")] == [401, 401, 401]
                assert len(collector.taken) == before
                assert send(holder.token) == 200

    def test_a_collector_that_is_away_is_no_pass(self, proxy: Proxy, holder: Holder, collector: Collector) -> None:
        collector.stop()
        try:
            assert post(proxy, holder.token).status in (502, 503)
            assert post(proxy).status == 401
        finally:
            collector.start()
        until(lambda: post(proxy, holder.token).status == 200)


@pytest.mark.parametrize("recipe", recipes.ALL, ids=lambda recipe: recipe.name)
def test_without_a_gate_nothing_passes(
    recipe: Recipe, tmp_path: Path, holder: Holder, collector: Collector, binaries: Path, consents: Consents
) -> None:
    tmp_path.chmod(0o755)
    nobody = free_port()
    running = Proxy(recipe, Place(tmp_path, free_port(), nobody, collector.port, binaries, consents.process.base_url))
    running.start()
    before = len(collector.taken)
    try:
        answers = [post(running, holder.token), post(running)]
    finally:
        running.stop()
    assert len(collector.taken) == before
    assert {answer.status for answer in answers} <= {401, 403, 500, 502, 503}
