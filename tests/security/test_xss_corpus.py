"""Every text that somebody else wrote, shown in a real browser: of policies, visitors, addresses. Nothing runs."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request
from support.live import LiveService
from support.service import AGENT
from support.visits import shop

from cookiegate.policy.document import Policy
from cookiegate.policy.encoding import canonical_json, to_document
from security.addresses import url_map
from security.outside import fetch
from security.people import ROOM
from security.policy_fields import FREE, MISSED, demo_with
from security.xss import MARKS, PAYLOADS, policy_texts

pytestmark = pytest.mark.browser
TURNS = (0, 11)


class Watched:
    """A tab that notes whatever runs: dialogs, errors, refused scripts, requests to elsewhere."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("dialog", lambda dialog: (self.faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.faults.append(f"error {error}"))
        self.page.on("console", lambda said: self.faults.append(said.text) if "Security Policy" in said.text else None)
        self.page.on("request", self._note)

    def _note(self, asked: Request) -> None:
        if "evil" in (urlsplit(asked.url).hostname or ""):
            self.faults.append(asked.url)

    def look(self, where: str) -> None:
        """Says what has happened on the page that is open."""
        if self.page.evaluate("() => window.hit !== undefined"):
            self.faults.append("window.hit is set")
        for mark in MARKS:
            if self.page.locator(mark).count():
                self.faults.append(f"there is a {mark}")
        assert not self.faults, f"{where}: {self.faults}"

    def go(self, url: str) -> None:
        """Opens a page and looks at it."""
        self.page.goto(url)
        self.look(url)


def written(policy: Policy, origin: str, path: Path) -> Path:
    """The policy as a file, for another origin."""
    document = {**to_document(policy), "origins": [origin]}
    path.write_bytes(canonical_json(document))
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service whose every text is an attack, in two versions, so that what changed is shown, too."""
    live = LiveService(tmp_path_factory.mktemp("xss"), **{f"COOKIEGATE_{name}": rate for name, rate in ROOM.items()})
    first, second = (
        written(demo_with(policy_texts(turn)), live.url, live.folder / f"policy-{turn}.yaml") for turn in TURNS
    )
    live.process.policies = (first,)
    live.start()
    line = [
        sys.executable,
        "-m",
        "cookiegate.cli.main",
        "policy",
        "publish",
        str(second),
        "--data-dir",
        str(live.folder / "data"),
    ]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    live.process.policies = ()
    live.stop()
    live.start()
    yield live
    live.close()


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A tab of somebody new."""
    context = browser.new_context(locale="en-GB")
    yield Watched(context)
    context.close()


def test_every_text_of_the_policy_is_attacked() -> None:
    assert not MISSED, f"give tests/security/policy_fields.py a document with {sorted(MISSED)}"
    assert len(FREE) > 90
    assert {payload for turn in TURNS for payload in policy_texts(turn).values()} == set(PAYLOADS)


def test_xss_of_a_policy_in_banner_and_dialog(hostile: LiveService, watched: Watched) -> None:
    for lang in ("en", "ja"):
        watched.page.goto(hostile.page(shop(lang=lang)))
        watched.page.wait_for_function("() => window.cookiegate && window.cookiegate.ready")
        watched.page.locator("section.cg-bar button").first.wait_for()
        assert "window.hit" in watched.page.locator("section.cg-bar").inner_text()  # the texts are really there
        watched.look("banner")
        watched.page.evaluate("() => window.cookiegate.open()")
        watched.page.locator("dialog.cg-dialog").wait_for()
        watched.look("dialog")
        watched.page.evaluate("async () => { await window.cookiegate.decide('reject') }")
        watched.look("after the choice")
        watched.page.context.clear_cookies()


PAGES = (
    "/preferences/demo", "/notice/demo", "/notice/demo?version=1", "/notice/demo/changes", "/preferences/demo/receipt",
    "/preferences/demo/record", "/preferences/demo/request", "/preferences/demo/request/R-7K3M-9QXT", "/openapi",
    "/preferences/demo/request/R-7K3M-9QXT/confirm?t=x", "/nowhere", "/notice/nobody",
    "/preferences/demo/record/erased",
)  # fmt: skip


def test_xss_of_a_policy_on_every_page(hostile: LiveService, watched: Watched) -> None:
    for is_known in (False, True):
        if is_known:
            watched.page.goto(hostile.page(shop()))
            watched.page.wait_for_function("() => window.cookiegate && window.cookiegate.ready")
            watched.page.evaluate("async () => { await window.cookiegate.decide('accept') }")
        for page in PAGES:
            joined = "&" if "?" in page else "?"
            for lang in ("en", "ja") if is_known else ("en",):
                watched.go(f"{hostile.url}{page}{joined}lang={lang}")


def test_every_page_is_opened() -> None:
    opened = {page.partition("?")[0].replace("demo", "<site>").replace("R-7K3M-9QXT", "<reference>") for page in PAGES}
    data = (
        ".json",
        ".css",
        ".atom",
        ".js",
        "/ledger",
        "/status",
        "/gate",
        "/collect",
        "/v1/",
        "/static",
        "z",
        "/metrics",
        "/.well",
    )
    pages = {cell.split(" ")[1] for cell in url_map() if cell.startswith("GET ")}
    missing = {page for page in pages - opened if not any(part in page for part in data)}
    assert not missing, (
        f"open {sorted(missing)} in PAGES of tests/security/test_xss_corpus.py (a console is a page, too)"
    )


@pytest.mark.parametrize("place", ["path", "query", "language"])
def test_xss_of_an_address(hostile: LiveService, watched: Watched, place: str) -> None:
    for payload in PAYLOADS[::4]:
        text = quote(payload, safe="")
        if place == "path":
            watched.go(f"{hostile.url}/nowhere/{text}")
            watched.go(f"{hostile.url}/notice/{text}")
        elif place == "query":
            fields = "&".join(
                f"{name}={text}" for name in ("flash", "kind", "version", "from", "to", "entry", "t", "site")
            )
            watched.go(f"{hostile.url}/preferences/demo?{fields}")
            watched.go(f"{hostile.url}/preferences/demo/request?{fields}")
        else:
            watched.go(f"{hostile.url}/preferences/demo?lang={text}")
            watched.go(f"{hostile.url}/notice/demo/changes?lang={text}")


def test_xss_of_a_visitor_on_the_pages_of_their_requests_and_record(hostile: LiveService, watched: Watched) -> None:
    watched.page.goto(hostile.page(shop()))
    watched.page.wait_for_function("() => window.cookiegate && window.cookiegate.ready")
    watched.page.evaluate("async () => { await window.cookiegate.decide('accept') }")
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in watched.page.context.cookies())
    for payload in PAYLOADS:
        event = {"n": payload, "u": f"http://shop.test/{payload}", "d": payload, "r": payload, "p": {payload: payload}}
        sent = {"body": json.dumps(event).encode(), "Content_Type": "text/plain", "Cookie": cookies}
        assert fetch(f"{hostile.url}/collect/plausible/api/event", method="POST", **sent).status == 202  # type: ignore[arg-type]
    watched.go(f"{hostile.url}/preferences/demo/record?lang=en")
    for number in range(0, len(PAYLOADS), 3):
        one, two, three = (PAYLOADS[(number + step) % len(PAYLOADS)] for step in range(3))
        body = {
            "kind": "complaint", "message": f"{one}\n{two}", "residence": "eea",
            "contact": {"name": two, "email": f"{secrets.token_hex(4)}@example.org"},
            "agent": {"name": three, "authority": one},
        }  # fmt: skip
        answer = fetch(
            f"{hostile.url}/v1/sites/demo/requests", method="POST", body=json.dumps(body).encode(),
            Content_Type="application/json", Idempotency_Key=secrets.token_urlsafe(24),
        )  # fmt: skip
        assert answer.status == 201
        told = json.loads(answer.body)
        watched.page.goto(f"{hostile.url}/preferences/demo/request/{told['reference']}?lang=en")
        watched.page.locator("input[name=code]").fill(told["code"])
        watched.page.locator("main form button, main form input[type=submit]").first.click()
        watched.look("status of a request")
    watched.page.goto(f"{hostile.url}/preferences/demo/request?lang=en")
    watched.page.locator("[name=message]").fill(PAYLOADS[0] * 3)
    watched.page.locator("[name=email]").evaluate(
        "(field, text) => { field.type = 'text'; field.value = text }", PAYLOADS[1]
    )
    watched.page.locator("[name=name]").fill(PAYLOADS[2])
    watched.page.locator("main form button[type=submit], main form button").last.click()
    watched.look("the form again")


def test_xss_of_a_brought_receipt(hostile: LiveService, watched: Watched) -> None:
    for payload in PAYLOADS[::6]:
        for path in ("receipt", "record"):
            watched.page.goto(f"{hostile.url}/preferences/demo/{path}?lang=en")
            watched.page.locator("textarea[name=receipt]").first.evaluate(
                "(field, text) => { field.value = text }", payload
            )
            with watched.page.expect_navigation():
                watched.page.locator("textarea[name=receipt]").first.evaluate("(field) => field.form.submit()")
            watched.look(path)


def test_xss_of_a_policy_in_the_evidence_for_an_auditor(hostile: LiveService, watched: Watched) -> None:
    base = f"{hostile.url}/v1/sites/demo"
    digest = json.loads(fetch(f"{base}/notice?lang=en").body)["notice"]
    body = json.dumps({"notice": digest, "action": "accept"}).encode()
    headers = {"Content_Type": "application/json", "Idempotency_Key": "e" * 24, "User_Agent": f"{AGENT} {PAYLOADS[0]}"}
    told = json.loads(fetch(f"{base}/decisions", method="POST", body=body, **headers).body)
    page = hostile.folder / "evidence.html"
    line = [sys.executable, "-m", "cookiegate.cli.main", "evidence", told["decision"]["id"], "--to", str(page)]
    done = subprocess.run(
        [*line, "--data-dir", str(hostile.folder / "data")], capture_output=True, text=True, check=False
    )
    assert page.exists(), done.stderr
    watched.page.goto(page.as_uri())
    assert not watched.faults
    assert watched.page.evaluate("() => window.hit === undefined")
