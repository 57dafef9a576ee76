"""Every text that somebody else wrote, shown in a real browser: of policies, visitors, addresses. Nothing runs."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect
from support.frameworks import VENDOR_LIST, built_frameworks
from support.live import LiveService
from support.service import AGENT
from support.visits import BANNER, DIALOG, shop

from cookiegate.policy.document import Policy
from cookiegate.policy.encoding import canonical_json, to_document
from security.addresses import url_map
from security.outside import fetch
from security.people import ROOM
from security.policy_fields import FREE, MISSED, VENDORS, demo_with
from security.xss import MARKS, PAYLOADS, as_shown, payload_in, policy_texts

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
        for frame in self.page.frames:
            if frame.evaluate("() => window.hit !== undefined"):
                self.faults.append("window.hit is set")
            for mark in MARKS:
                if frame.locator(mark).count():
                    self.faults.append(f"there is a {mark}")
        assert not self.faults, f"{where}: {self.faults}"

    def go(self, url: str) -> None:
        """Opens a page and looks at it."""
        self.page.goto(url)
        self.look(url)


def written(policy: Policy, origin: str, path: Path) -> Path:
    """The policy as a file, for another origin besides."""
    document = to_document(policy)
    document |= {"origins": [origin, *document["origins"]], "debug_origins": [origin]}
    document["tcf"]["gvl"] = origin + VENDORS
    path.write_bytes(canonical_json(document))
    return path


def hostile_list() -> dict[str, Any]:
    """The vendor list with a payload for every text that pages show, and for every address."""
    listed: dict[str, Any] = json.loads(VENDOR_LIST.read_text(encoding="utf-8"))
    payloads = cycle(PAYLOADS)
    for table in ("purposes", "specialPurposes", "features", "specialFeatures", "dataCategories"):
        for one in listed[table].values():
            one |= {"name": next(payloads), "description": next(payloads), "illustrations": [next(payloads)]}
    for number, payload in enumerate(PAYLOADS, 100):
        urls = [{"langId": payload, "privacy": payload}, {"langId": "en", "privacy": f"https://evil.test/{payload}"}]
        kept = {"id": number, "name": payload, "urls": urls, "deviceStorageDisclosureUrl": payload}
        listed["vendors"][str(number)] = {**listed["vendors"]["7"], **kept}
    return listed


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service whose every text is an attack, in two versions, so that what changed is shown, too."""
    built_frameworks()
    folder: Path = tmp_path_factory.mktemp("xss")
    (folder / "list.json").write_text(json.dumps(hostile_list()), encoding="utf-8")
    settings = {"VENDOR_LIST": str(folder / "list.json"), **ROOM}
    live = LiveService(folder, **{f"COOKIEGATE_{name}": value for name, value in settings.items()})
    live.file(VENDORS, VENDOR_LIST.read_bytes(), "application/json")
    live.page("<title>Film</title>", path="/film.html")
    first, second = (
        written(demo_with(policy_texts(turn)), live.url, live.folder / f"policy-{turn}.yaml") for turn in TURNS
    )
    live.process.policies = (first,)
    with live:
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


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A tab of somebody new."""
    context = browser.new_context(locale="en-GB")
    context.route("http://stats.example/*", lambda route: route.fulfill(content_type="text/html", body="<p>counted"))
    yield Watched(context)
    context.close()


def test_every_text_of_the_policy_is_attacked() -> None:
    assert not MISSED, f"give tests/security/policy_fields.py a document with {sorted(MISSED)}"
    assert len(FREE) > 90
    assert {payload_in(text) for turn in TURNS for text in policy_texts(turn).values()} == set(PAYLOADS)


def visitor_on(watched: Watched, address: str) -> Page:
    """The page of an address, once the widget has come."""
    watched.page.goto(address)
    watched.page.wait_for_function("() => window.cookiegate && window.cookiegate.ready")
    return watched.page


def holds_texts(place: Locator, *starts: str) -> None:
    """The current policy's texts whose paths begin so are really there, as they were written."""
    wanted = {as_shown(text) for path, text in policy_texts(TURNS[-1]).items() if path.startswith(starts)}
    assert wanted
    expect(place).to_be_visible()
    said = place.evaluate("(element) => (element.shadowRoot ?? element).textContent")
    assert not [text for text in wanted if text not in said], said


BANNER_TEXTS = (
    "texts.banner_", "texts.accept", "texts.transmission_", "texts.do_not_sell", "texts.shared_note", "controller.name",
    "share.group.",
)  # fmt: skip
#: What is always on cannot be lost.
DIALOG_TEXTS = (
    "purposes.0.title", "purposes.0.description", "purposes.1.", "purposes.2.", "purposes.3.", "purposes.4.",
    "purposes.5.", "categories.", "texts.loss_", "texts.shared_note", "share.group.", "controller.name",
    "recipients.hosting.name", "recipients.abroad.name",
)  # fmt: skip


def test_xss_of_a_policy_in_banner_and_dialog(hostile: LiveService, watched: Watched) -> None:
    for lang in ("en", "ja"):
        page = visitor_on(watched, hostile.page(shop(lang=lang)))
        holds_texts(page.locator(BANNER), *BANNER_TEXTS)
        watched.look("banner")
        page.evaluate("() => window.cookiegate.open()")
        holds_texts(page.locator(DIALOG), *DIALOG_TEXTS)
        watched.look("dialog")
        page.evaluate("async () => { await window.cookiegate.decide('reject') }")
        watched.look("after the choice")
        page.context.clear_cookies()


COVERED = """<iframe data-consent="quality" data-src="/film.html" width="500" height="400" title="Film"></iframe>
<iframe sandbox data-consent="advertising" data-src="/film.html" width="500" height="400" title="Ad"></iframe>
<iframe src="http://stats.example/" width="500" height="400" title="Statistics"></iframe>"""


def test_xss_of_a_policy_in_covers(hostile: LiveService, watched: Watched) -> None:
    page = visitor_on(watched, hostile.page(shop(COVERED, script='<script src="/w/demo.en.js"></script>')))
    for title, number in (("Film", 1), ("Statistics", 2)):
        cover = page.frame_locator(f"[title={title}]").locator(".cg-cover")
        holds_texts(cover, "texts.placeholder_", "texts.manage", f"purposes.{number}.title")
    holds_texts(page.locator(".cg-over"), "texts.placeholder_", "texts.manage")
    watched.look("covers")
    page.locator(".cg-over button").first.click()
    expect(page.locator(".cg-over")).to_have_count(0)
    watched.look("shown")


def test_xss_of_a_policy_for_a_browser_that_sends_a_signal(hostile: LiveService, watched: Watched) -> None:
    watched.page.context.set_extra_http_headers({"Sec-GPC": "1"})
    watched.page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })")
    page = visitor_on(watched, hostile.page(shop()))
    holds_texts(page.locator(BANNER), "texts.signal_honoured")
    page.evaluate("() => window.cookiegate.open()")
    holds_texts(page.locator(DIALOG), "texts.signal_honoured")
    watched.look("dialog")
    page.evaluate("async () => { await window.cookiegate.decide('accept') }")
    for path in ("preferences", "notice"):
        watched.go(f"{hostile.url}/{path}/demo?lang=en")


def test_xss_of_a_policy_in_the_developer_panel(hostile: LiveService, watched: Watched) -> None:
    attack = quote(PAYLOADS[3])
    page = visitor_on(watched, f"{hostile.page(shop(COVERED))}?cookiegate=debug&{attack}")
    panel = page.get_by_role("region", name="cookiegate, for developers")
    holds_texts(panel, "texts.transmission_note", "texts.do_not_sell_link")
    page.evaluate("(path) => fetch(path).catch(() => {})", f"/collect/plausible/api/event?{attack}")
    expect(panel).to_contain_text("/collect/plausible")
    page.evaluate("async () => { await window.cookiegate.decide('accept') }")
    expect(panel).to_contain_text("accept; answered 20")
    watched.look("panel")


def test_xss_of_a_policy_in_another_language_and_without_an_interface(hostile: LiveService, watched: Watched) -> None:
    page = visitor_on(watched, hostile.page(shop(lang="ja", script='<script async src="/w/demo.js"></script>')))
    holds_texts(page.locator(f"{BANNER}[lang=ja]"), "texts.banner_")
    watched.look("banner of another language")
    for name in ("headless.js", "headless.ja.js"):
        page = visitor_on(watched, hostile.page(shop(script=f'<script async src="/w/demo.{name}"></script>')))
        page.evaluate("async () => { await window.cookiegate.decide('accept') }")
        watched.look(name)


def test_xss_of_a_policy_that_tells_vendors_and_clears_what_they_kept(hostile: LiveService, watched: Watched) -> None:
    """The names to be cleared are attacks: they are compared with, and nothing more."""
    names = [text for path, text in policy_texts(TURNS[-1]).items() if path.startswith("clean.")]
    page = visitor_on(watched, hostile.page(shop()))
    page.evaluate("async () => { await window.cookiegate.decide('accept') }")
    page.wait_for_function("() => new Promise((d) => __tcfapi('getTCData', 2, (data) => d(data?.purpose.consents[2])))")
    page.evaluate("(names) => { for (const name of [...names, 'own']) localStorage.setItem(name, 'x') }", names)
    page.evaluate("async () => { await window.cookiegate.decide('withdraw') }")
    page.wait_for_function("(names) => names.some((name) => !localStorage.getItem(name))", arg=names)
    assert page.evaluate("() => localStorage.getItem('own')") == "x"
    watched.look("after the withdrawal")


PAGES = (
    "/preferences/demo", "/notice/demo", "/notice/demo?version=1", "/notice/demo/changes", "/notice/demo/vendors",
    "/preferences/demo/receipt",
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


def test_xss_of_a_vendor_list_on_the_vendors_page(hostile: LiveService, watched: Watched) -> None:
    for lang in ("en", "ja"):
        watched.go(f"{hostile.url}/notice/demo/vendors?lang={lang}")
        names = watched.page.locator("summary > bdi").all_text_contents()
        assert {name for name in PAYLOADS if name not in names} == set()
        watched.page.locator("details").evaluate_all("(all) => all.forEach((one) => (one.open = true))")
        addresses = watched.page.locator("main details a").evaluate_all("(all) => all.map((one) => one.href)")
        assert addresses
        assert not [address for address in addresses if not address.startswith("https://")]
        watched.look("every vendor")


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
