"""Pages whose tracker is attached to the widget: real packages, and what stands in for those on no registry.

The stand-ins for matomo.js, gtag.js and Umami's script do what their documentation says of the few commands that the
adapters use, and send what those trackers send, as ``tests/gate/recording/documented.py`` has it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from support.live import LiveService
from support.policies import demo_yaml
from support.visits import shop

_MATOMO = """
  const consent = { given: true };
  let process = (request) => request;
  const waiting = [];
  const send = (request) => {
    if (!consent.given) return void waiting.push(request);
    if (request) fetch(COLLECTOR + "/matomo.php?" + request, { method: "POST", keepalive: true }).catch(() => null);
  };
  const commands = {
    setCustomRequestProcessing: (given) => { process = given },
    trackEvent: (category, action) =>
      send(process(`idsite=1&rec=1&ca=1&e_c=${category}&e_a=${action}&url=${encodeURIComponent(location.href)}`)),
    optUserOut: () => { consent.given = false; document.cookie = "mtm_consent_removed=1;path=/" },
    forgetUserOptOut: () => commands.setConsentGiven(),
    setConsentGiven: () => {
      consent.given = true;
      document.cookie = "mtm_consent_removed=;path=/;Max-Age=0";
      waiting.splice(0).forEach(send);
    },
  };
  const push = (...all) => all.forEach(([name, ...given]) => commands[name](...given));
  push(...(window._paq || []));
  window._paq = { push };
  window.isUserOptedOut = () => !consent.given;
"""
_GTAG = """
  const set = {};
  const run = ([command, ...given]) => {
    if (command === "set") Object.assign(set, given[0]);
    if (command !== "event" || window["ga-disable-G-MADEUP"]) return;
    const query = new URLSearchParams({ v: 2, tid: "G-MADEUP", cid: "1.2", en: given[0], dl: location.href });
    for (const name of Object.keys(set)) if (set[name]) query.set(`ep.${name}`, set[name]);
    navigator.sendBeacon(`${COLLECTOR}/g/collect?${query}`);
  };
  const layer = (window.dataLayer ??= []);
  const keep = layer.push.bind(layer);
  layer.forEach((item) => item.length && run(item));
  layer.push = (item) => { item.length && run(item); return keep(item) };
"""
_UMAMI = """
  const name = document.currentScript.getAttribute("data-before-send");
  const track = async (event) => {
    let payload = { website: "made-up", hostname: location.hostname, url: location.href, name: event };
    if (typeof window[name] === "function") payload = await window[name]("event", payload);
    if (!payload) return;
    const body = JSON.stringify({ type: "event", payload });
    const headers = { "Content-Type": "application/json" };
    await fetch(COLLECTOR + "/api/send", { method: "POST", keepalive: true, body, headers, credentials: "omit" })
      .catch(() => null);
  };
  window.umami = { track };
"""


@dataclass(frozen=True)
class Attached:
    """A tracker and its page.

    Args:
        start: starts the tracker, attaches it and gives the page ``fire(label)``.
        stopped: a JavaScript expression that is true once the tracker has opted out and nothing is queued.
        package: the file of its npm package, or what stands in for it.
        is_module: whether the package is imported.
        attributes: of the tracker's script tag.
    """

    start: str
    stopped: str
    package: str
    is_module: bool = False
    attributes: str = ""


TRACKERS = {
    "snowplow": Attached(
        """
        const { newTracker, trackStructEvent } = window.snowplowBrowserTracking;
        newTracker("shop", COLLECTOR, cookiegate.attach.snowplow({ appId: "shop", encodeBase64: false }));
        window.fire = (label) => trackStructEvent({ category: "shop", action: label });
        """,
        'JSON.parse(localStorage.snowplowOutQueue_shop || "[]").length === 0 && !document.cookie.includes("_sp_")',
        "@snowplow/browser-tracker/dist/index.umd.min.js",
    ),
    "matomo": Attached(
        """
        cookiegate.attach.matomo();
        window.fire = (label) => window._paq.push(["trackEvent", "shop", label]);
        """,
        "window.isUserOptedOut() && document.cookie.includes('mtm_consent_removed')",
        _MATOMO,
    ),
    "posthog": Attached(
        """
        import posthog from "/vendor/posthog.js";
        posthog.init("phc_made_up", { api_host: COLLECTOR, capture_pageview: false, autocapture: false,
          advanced_disable_flags: true, disable_session_recording: true, disable_surveys: true,
          opt_out_useragent_filter: true, disable_compression: true,
          request_queue_config: { flush_interval_ms: 250 } });
        cookiegate.attach.posthog(posthog);
        window.posthog = posthog;
        window.fire = (label) => posthog.capture(label);
        """,
        "window.posthog.has_opted_out_capturing()"
        " && !Object.keys(localStorage).some((key) => /^ph_.*_posthog$/.test(key))",
        "posthog-js/dist/module.no-external.js",
        is_module=True,
    ),
    "segment": Attached(
        """
        const analytics = window.AnalyticsNext.AnalyticsBrowser.load({ writeKey: "wk_made_up", cdnSettings: {
          integrations: { "Segment.io": { apiKey: "wk_made_up", protocol: "http",
            apiHost: COLLECTOR.replace("http://", "") + "/v1" } } } });
        cookiegate.attach.segment(analytics);
        window.fire = (label) => void analytics.track(label);
        """,
        "!Object.keys(localStorage).some((key) => key.startsWith('persisted-queue:v1:'))",
        "@segment/analytics-next/dist/umd/index.js",
    ),
    "rudderstack": Attached(
        """
        const rudder = new window.rudderanalytics.RudderAnalytics();
        rudder.load("wk_made_up", COLLECTOR, {
          getSourceConfig: () => ({ source: { id: "s", name: "s", writeKey: "wk_made_up", enabled: true,
            destinations: [], config: {}, updatedAt: "2026-11-01T00:00:00Z", dataplanes: {} } }),
          configUrl: COLLECTOR, lockIntegrationsVersion: true, sendAdblockPage: false,
          storage: { type: "localStorage" } });
        cookiegate.attach.rudder(rudder);
        window.fire = (label) => rudder.track(label);
        """,
        "!Object.keys(localStorage).some((key) => key.startsWith('rudder_') && localStorage[key].includes('queued'))",
        "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js",
    ),
    "ga4": Attached(
        """
        cookiegate.attach.ga4("G-MADEUP");
        window.fire = (label) => { (function () { dataLayer.push(arguments) })("event", label) };
        """,
        "window['ga-disable-G-MADEUP'] === true",
        _GTAG,
    ),
    "plausible": Attached(
        """
        import { init, track } from "/vendor/plausible.js";
        init(cookiegate.attach.plausible({ domain: "shop.test", captureOnLocalhost: true, autoCapturePageviews: false,
          logging: false, endpoint: COLLECTOR + "/api/event" }));
        window.fire = (label) => {
          track("pageview", { url: location.href + "#" + label });
          track(label, {});
        };
        """,
        "true",
        "@plausible-analytics/tracker/plausible.js",
        is_module=True,
    ),
    "umami": Attached(
        """
        window.beforeSend = cookiegate.attach.umami();
        window.fire = (label) => window.umami.track(label);
        """,
        "true",
        _UMAMI,
        attributes='data-before-send="beforeSend"',
    ),
}  # fmt: skip


def attached_yaml(origin: str) -> str:
    """The demo's policy, with every tracker attached to analytics."""
    collectors = "".join(f"  {tracker}:\n    purpose: analytics\n" for tracker in TRACKERS)
    attach = "".join(f"  {tracker}: analytics\n" for tracker in TRACKERS)

    def edit(text: str) -> str:
        head, _, rest = text.partition("\ncollectors:\n")
        _, _, tail = rest.partition("\n\n")
        return f"{head}\ncollectors:\n{collectors}\nattach:\n{attach}\n{tail}"

    return demo_yaml(origin, edit)


def attached_page(service: LiveService, npm_dir: Path, tracker: str) -> str:
    """Serves a shop whose tracker waits for consent, and gives its address.

    The collector is on another host, where no cookie of the page rides.
    """
    made = TRACKERS[tracker]
    constant = f"const COLLECTOR = {json.dumps(collector_of(service, tracker))};"
    package = npm_dir / "node_modules" / made.package if made.package.endswith(".js") else None
    code = package.read_text(encoding="utf-8") if package else f"{{ {constant} {made.package} }}"
    service.file(f"/vendor/{tracker}.js", code)
    hold = 'type="text/plain" data-consent="analytics"'
    library = "" if made.is_module else f'<script {hold} {made.attributes} src="/vendor/{tracker}.js"></script>'
    kind = 'data-type="module"' if made.is_module else ""
    start = f"<script {hold} {kind}>{constant} {made.start}</script>"
    # gtag.js comes after the commands that wait for it, as on real pages.
    return service.page(shop(body=start + library if tracker == "ga4" else library + start))


def collector_of(service: LiveService, tracker: str) -> str:
    """Where the tracker sends to."""
    return f"{service.url.replace('127.0.0.1', 'localhost')}/collect/{tracker}"
