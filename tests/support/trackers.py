"""Pages that run a real, unmodified tracker, and what its requests held on the wire and in the log.

A page names its tracker and how the tracker gets its token:

* ``cookie``: it does not; the collector is on the page's own origin, where the HttpOnly cookie ``cg_token`` rides;
* ``header`` and ``context`` (Snowplow), ``query`` and ``property`` (Plausible): the page hands over what
  ``cookiegate.token()`` gives. The collector is then on another host, where no cookie of the page rides.

The page is a bad one on purpose: it starts its tracker before any choice, and it goes on handing over the last token
that it got after a withdrawal. Only the gate stands between it and the log.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Request, expect

from support.live import LiveService
from support.visits import CORNER, Visit, shop, visit

SNOWPLOW = "@snowplow/browser-tracker/dist/index.umd.min.js"
PLAUSIBLE = "@plausible-analytics/tracker/plausible.js"
CARRIERS = [
    ("snowplow", "header"), ("snowplow", "context"), ("snowplow", "cookie"),
    ("plausible", "query"), ("plausible", "property"), ("plausible", "cookie"),
]  # fmt: skip

_TOKEN = """
  window.answered = 0;  // events whose request has been answered
  window.token = null;
  const takeToken = async () => { window.token = (await window.cookiegate?.token("analytics")) || window.token };
"""
_SNOWPLOW = """
  const { newTracker, trackPageView, trackStructEvent, addGlobalContexts } = window.snowplowBrowserTracking;
  const headers = {};
  newTracker("shop", COLLECTOR, {
    appId: APP, encodeBase64: false, customHeaders: headers,
    contexts: { webPage: true, session: true, browser: true },
    onRequestSuccess: (batch) => { window.answered += batch.length },
  });
  if (CARRIER === "context") addGlobalContexts([
    () => window.token && { schema: "iglu:jp.cookiegate/consent/jsonschema/1-0-0", data: { token: window.token } },
  ]);
  window.fire = async (label) => {
    if (CARRIER !== "cookie") await takeToken();
    if (CARRIER === "header" && window.token) headers["X-Consent-Token"] = window.token;
    if (label === "page") trackPageView({ title: "Bowls" });
    else trackStructEvent({ category: "shop", action: label, label: "bowl", property: "red", value: 3 });
    return true;
  };
"""
_PLAUSIBLE = """
  let tracker = null;
  const started = () => tracker ??= import("/vendor/plausible.js").then((made) => {
    made.init({
      domain: APP, captureOnLocalhost: true, autoCapturePageviews: false,
      endpoint: COLLECTOR + "/api/event" + (CARRIER === "query" ? "?ct=" + window.token : ""),
      customProperties: () => (CARRIER === "property" && window.token ? { consent_token: window.token } : {}),
    });
    return made.track;
  });
  window.fire = async (label) => {
    if (CARRIER !== "cookie") await takeToken();
    if (CARRIER === "query" && !window.token) return false;  // its address is set once: it cannot start yet
    const options = { interactive: false, revenue: { currency: "JPY", amount: 1200 }, props: { plan: "gold" } };
    (await started())(label === "page" ? "pageview" : label, { ...options, callback: () => { window.answered++ } });
    return true;
  };
"""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Event:
    """One event in the log: its fields, and what its request kept.

    ``fields`` has a name per field; of a Snowplow context, ``<schema's name>.<member>``; ``ip`` and
    ``header <name>`` stand for the request's.
    """

    body: dict[str, Any]
    fields: dict[str, Any]
    consent: dict[str, Any]


@dataclass
class TrackedVisit:
    """A visitor on a page with a tracker.

    ``requests`` holds every request of the tracker that left the browser, ``finished`` those that were answered.
    """

    seen: Visit
    tracker: str
    carrier: str
    app: str
    address: str
    requests: list[Request] = field(default_factory=list)
    finished: list[Request] = field(default_factory=list)
    answered: int = 0

    @property
    def page(self) -> Page:
        """The tab."""
        return self.seen.page

    def fire(self, *labels: str) -> None:
        """Lets the tracker send events and waits until each request is answered."""
        for label in labels:
            if self.page.evaluate("(label) => window.fire(label)", label):
                self.answered += 1
            self.wait_for_answers()

    def fire_after_trouble(self, label: str) -> None:
        """The same for one event after others were lost, which Snowplow sends again before it, any number of times."""
        self.page.evaluate("(label) => window.fire(label)", label)
        self.until(lambda: label in [label_of(e) for r in self.finished for e in events_of(self.tracker, r)])

    def wait_for_answers(self) -> None:
        """Waits until everything that was fired has been answered."""
        self.page.wait_for_function("(count) => window.answered >= count", arg=self.answered, polling=50)

    def until(self, condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
        """Waits for what the browser does not tell: a line in the log, a request on its way."""
        ends = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < ends, "it did not come about in time"
            self.page.wait_for_timeout(20)

    def wire(self) -> list[dict[str, Any]]:
        """Every event that left the browser, as :func:`flatten` shows it."""
        return [flatten(event) for request in self.requests for event in events_of(self.tracker, request)]

    def sent(self, label: str) -> dict[str, Any]:
        """The last event of this label that left the browser."""
        return next(event for event in reversed(self.wire()) if label_of(event) == label)

    def labels(self) -> list[str]:
        """The labels of this visit's events in the log, but for what Plausible says of pages that end."""
        return [label for label in map(label_of, (event.body for event in self.logged())) if label != "engagement"]

    def logged(self) -> list[Event]:
        """This visit's events in the log."""
        lines = self.seen.service.collected(self.tracker)
        events = [event for line in lines for event in read_line(self.tracker, line)]
        return [event for event in events if app_of(event.body) == self.app]

    def accept(self) -> None:
        """Clicks the banner's yes and waits for the acknowledgement."""
        self.seen.answer("Accept all").click()
        self.seen.wait_until("consent.state === 'granted' && !consent.pending")

    def reject(self) -> None:
        """Clicks the banner's no and waits for the acknowledgement."""
        self.seen.answer("Reject all").click()
        self.seen.wait_until("consent.state === 'refused' && !consent.pending")

    def choose(self, purposes: list[str], acquire: list[str]) -> None:
        """Ticks what the visitor allows in the dialog, saves it and waits for the acknowledgement."""
        self.seen.answer("Choose").click()
        for part, keys in (("purposes", purposes), ("acquire", acquire)):
            for key in keys:
                self.seen.dialog.locator(f'input[role=switch][aria-describedby="cg-{part}-{key}"]').check()
        self.seen.dialog.get_by_role("button", name="Save my choice").click()
        self.seen.wait_until("consent.state !== 'undecided' && !consent.pending")

    def withdraw(self) -> None:
        """Withdraws from the standing control and waits for the acknowledgement."""
        self.page.locator(CORNER).click()
        expect(self.seen.dialog).to_be_visible()
        self.seen.dialog.get_by_role("button", name="Reject all").click()
        self.seen.wait_until("consent.state === 'refused' && !consent.pending")


def collector_of(service: LiveService, tracker: str, carrier: str) -> str:
    """Where a page's tracker sends to: a host without the page's cookies, unless the cookie is to carry the token."""
    base = service.url if carrier == "cookie" else service.url.replace("127.0.0.1", "localhost")
    return f"{base}/collect/{tracker}"


def tracker_page(service: LiveService, npm_dir: Path, tracker: str, carrier: str, app: str, *, held: bool) -> str:
    """Serves a shop with a tracker and returns its address.

    Args:
        service: serves the page and the tracker's own file, as it came.
        npm_dir: the installed packages.
        tracker, carrier: see the module.
        app: the tracker's name for the site; unique, so that a visit's events are found again.
        held: whether the tracker waits for consent, as a page should have it.
    """
    for name, path in (("snowplow", SNOWPLOW), ("plausible", PLAUSIBLE)):
        service.file(f"/vendor/{name}.js", (npm_dir / "node_modules" / path).read_bytes())
    facts = {"COLLECTOR": collector_of(service, tracker, carrier), "APP": app, "CARRIER": carrier}
    constants = "".join(f"const {name} = {json.dumps(value)};" for name, value in facts.items())
    body = {"snowplow": _SNOWPLOW, "plausible": _PLAUSIBLE}[tracker]
    hold = 'type="text/plain" data-consent="analytics"' if held else ""
    library = f'<script {hold} src="/vendor/snowplow.js"></script>' if tracker == "snowplow" else ""
    start = f"<script {hold}>{{ {constants} {_TOKEN} {body} {'window.fire(`page`);' if held else ''} }}</script>"
    works = """<button id="buy" onclick="this.textContent = 'Bought'">Buy</button>"""
    return service.page(shop(body=works + library + start))


def track(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str, *, held: bool = False, go: bool = True
) -> TrackedVisit:
    """Takes a visitor to a page with a tracker, as if from a page before it; with ``go=False`` only makes the page."""
    app = f"shop-{next(_numbers)}"
    address = tracker_page(service, npm_dir, tracker, carrier, app, held=held)
    made = TrackedVisit(visit(page, service), tracker, carrier, app, address)

    def is_event(request: Request) -> bool:
        return request.method == "POST" and "/collect/" in request.url

    page.on("request", lambda request: made.requests.append(request) if is_event(request) else None)
    page.on("response", lambda answer: made.finished.append(answer.request) if is_event(answer.request) else None)
    if go:
        page.goto(address, referer=f"{service.url}/before.html")
        page.wait_for_function("() => window.cookiegate && window.cookiegate.ready", polling=50)
    return made


def events_of(tracker: str, request: Request) -> list[dict[str, Any]]:
    """The events in one request of the tracker."""
    body = json.loads(request.post_data or "null")
    return body["data"] if tracker == "snowplow" else [body]


def app_of(event: dict[str, Any]) -> str:
    """The tracker's name for the site."""
    return str(event.get("aid") or event.get("d"))


def label_of(event: dict[str, Any]) -> str:
    """What the page called the event when it fired it."""
    name = str(event.get("se_ac") or event.get("n") or event.get("e"))
    return "page" if name in ("pv", "pageview") else name


def read_line(tracker: str, line: dict[str, Any]) -> list[Event]:
    """The events of one line of the log."""
    body = json.loads(line["body"])
    kept = {f"header {name}": value for name, value in line["headers"].items()}
    kept |= {"ip": line["ip"]} if "ip" in line else {}
    events = body["data"] if tracker == "snowplow" else [body]
    return [Event(event, {**flatten(event), **kept}, line["consent"]) for event in events]


def flatten(event: dict[str, Any]) -> dict[str, Any]:
    """Field → value, with the members of objects and of Snowplow's contexts as fields of their own."""
    found: dict[str, Any] = {}
    for name, value in event.items():
        if name == "co":
            for context in json.loads(value)["data"]:
                schema = context["schema"].split("/")[1]
                found |= {f"{schema}.{member}": item for member, item in context["data"].items()}
        elif isinstance(value, dict):
            found |= {f"{name}.{member}": item for member, item in value.items()}
        else:
            found[name] = value
    return found
