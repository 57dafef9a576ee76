"""The pages that run a tracker: how each starts it, and what it fires. ``{token}`` stands where a token would."""

from __future__ import annotations

import json
from dataclasses import dataclass

#: Modules by name, as a page's import map needs them.
_OPEN_TELEMETRY = ("exporter-trace-otlp-http", "otlp-exporter-base", "otlp-transformer", "sdk-trace", "core",
                   "resources", "api", "semantic-conventions", "api-logs", "sdk-logs", "sdk-metrics")  # fmt: skip
_IMPORTS = {f"@opentelemetry/{name}": f"/npm/@opentelemetry/{name}" for name in _OPEN_TELEMETRY}
_IMPORTS["@opentelemetry/otlp-exporter-base/browser-http"] = (
    "/npm/@opentelemetry/otlp-exporter-base/build/esm/index-browser-http.js"
)
_IMPORTS["@opentelemetry/semantic-conventions"] = "/npm/@opentelemetry/semantic-conventions/dist/index.mjs"


@dataclass(frozen=True)
class TrackerPage:
    """One page, one tracker.

    Args:
        tracker, shape: name the fixtures.
        package: name and version, for the note.
        library: script under ``node_modules`` to load first; empty if the page imports it.
        code: starts the tracker and fires events; a module.
        requests: how many requests it sends.
        leaves_after: leave the page when this many came; 0 to stay.
        attributes: of the library's script tag.
    """

    tracker: str
    shape: str
    package: str
    library: str
    code: str
    requests: int = 1
    leaves_after: int = 0
    attributes: str = ""

    def html(self) -> str:
        """The page."""
        library = f'<script src="/npm/{self.library}" {self.attributes}></script>' if self.library else ""
        return (
            f'<!doctype html><html lang="ja"><meta charset="utf-8"><title>Bowls</title><body><h1>Bowls</h1>'
            f'<script type="importmap">{json.dumps({"imports": _IMPORTS})}</script>{library}'
            f'<script type="module">{self.code}</script></body></html>'
        )


_SNOWPLOW = """
  const { newTracker, trackPageView, trackStructEvent, addGlobalContexts } = window.snowplowBrowserTracking;
  newTracker("sp", "http://shop.test", { appId: "shop", encodeBase64: %s, bufferSize: 2, eventMethod: "%s",
    contexts: { webPage: true, session: true, browser: true } });
  addGlobalContexts([{ schema: "iglu:jp.cookiegate/consent/jsonschema/1-0-0", data: { token: "{token}" } }]);
  trackPageView({ title: "Bowls" });
  trackStructEvent({ category: "shop", action: "buy", label: "bowl", property: "red", value: 3 });
"""
_PLAUSIBLE = """
  import { init, track } from "/npm/@plausible-analytics/tracker/plausible.js";
  init({ domain: "shop.test", endpoint: "http://shop.test/api/event%s", autoCapturePageviews: false,
    customProperties: () => (%s) });
  track("pageview", {});
  track("Purchase", { revenue: { currency: "JPY", amount: 1200 }, props: { plan: "gold" } });
  await new Promise((resolve) => setTimeout(resolve, 500));
"""
_POSTHOG = """
  import posthog from "/npm/posthog-js/dist/module.no-external.js";
  posthog.init("phc_made_up", { api_host: "http://shop.test", capture_pageview: false, autocapture: false,
    advanced_disable_flags: true, disable_session_recording: true, disable_surveys: true, %s
    before_send: (event) => { event.properties.consent_token = "{token}"; return event } });
  posthog.capture("$pageview");
  posthog.capture("bought", { plan: "gold" });
"""
_POSTHOG_BEACON = (
    _POSTHOG[: _POSTHOG.index("  posthog.capture")]
    + """
  posthog.capture("left", { plan: "gold" }, { transport: "sendBeacon", send_instantly: true });
"""
)
_SEGMENT = """
  const { AnalyticsBrowser } = window.AnalyticsNext;
  const analytics = AnalyticsBrowser.load({ writeKey: "wk_made_up", cdnSettings: { integrations: { "Segment.io": {
    apiKey: "wk_made_up", apiHost: "shop.test/v1", protocol: "http", %s } } } });
  analytics.addSourceMiddleware(({ payload, next }) => {
    payload.obj.context.consent = { token: "{token}" };
    next(payload);
  });
  await analytics.ready();
  await analytics.page("Shop", "Bowls");
  await analytics.identify("user-1", { plan: "gold" });
  analytics.track("bought", { plan: "gold" });
  analytics.group("group-1", { plan: "gold" });
  analytics.alias("user-2");
"""
_RUDDERSTACK = """
  const rudder = new window.rudderanalytics.RudderAnalytics();
  rudder.load("wk_made_up", "http://shop.test", {
    getSourceConfig: () => ({ source: { id: "s", name: "s", writeKey: "wk_made_up", enabled: true, destinations: [],
      config: {}, updatedAt: "2026-11-01T00:00:00Z", dataplanes: {} } }),
    configUrl: "http://shop.test", lockIntegrationsVersion: true, sendAdblockPage: false,
    storage: { type: "localStorage" },
    %s
  });
  const call = { context: { consentToken: "{token}" } };
  rudder.page("Shop", "Bowls", {}, call);
  rudder.track("bought", { plan: "gold" }, call);
  rudder.identify("user-1", { plan: "gold" }, call);
"""
_JITSU = """
  window.jitsu.configure?.({ defaultPayloadContext: { consent: { token: "{token}" } } });
  await window.jitsu.page();
  await window.jitsu.track("bought", { plan: "gold" });
  await window.jitsu.identify("user-1", { plan: "gold" });
"""
_OTLP = """
  import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
  import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
  import { resourceFromAttributes } from "@opentelemetry/resources";
  const headers = { "x-consent-token": "{token}" };
  const exporter = new OTLPTraceExporter({ url: "http://shop.test/v1/traces", headers });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "shop", "service.version": "1.2", "session.id": "session-1",
      "browser.language": navigator.language, "browser.platform": "Linux",
      "user_agent.original": navigator.userAgent }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 200 })],
  });
  const tracer = provider.getTracer("shop", "1.2");
  const span = tracer.startSpan("documentLoad", { attributes: { "url.full": location.href, "session.id": "session-1",
    "screen.width": 800, "app.plan": "gold", "http.request.method": "GET" } });
  span.addEvent("clicked", { "url.path": "/bowls", "app.widget": "buy" });
  span.end();
  const other = tracer.startSpan("resourceFetch", {
    attributes: { "url.full": "http://shop.test/x", "http.response.status_code": 200 } });
  other.end();
  await provider.forceFlush();
"""
_UMD = "@segment/analytics-next/dist/umd/index.js"
_RUDDER = "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
_SP = "@snowplow/browser-tracker/dist/index.umd.min.js"

PAGES = (
    TrackerPage("snowplow", "post", "@snowplow/browser-tracker 4.10.1", _SP, _SNOWPLOW % ("false", "post")),
    TrackerPage("snowplow", "get", "@snowplow/browser-tracker 4.10.1", _SP, _SNOWPLOW % ("false", "get"), requests=2),
    TrackerPage("plausible", "query", "@plausible-analytics/tracker 0.4.6", "", _PLAUSIBLE % ("?ct={token}", "{}"),
                requests=3, leaves_after=2),
    TrackerPage("plausible", "property", "@plausible-analytics/tracker 0.4.6", "",
                _PLAUSIBLE % ("", '{ consent_token: "{token}" }'), requests=3, leaves_after=2),
    TrackerPage("posthog", "gzip", "posthog-js 1.449.2", "", _POSTHOG % ""),
    TrackerPage("posthog", "json", "posthog-js 1.449.2", "", _POSTHOG % "disable_compression: true,"),
    TrackerPage("posthog", "single", "posthog-js 1.449.2", "", _POSTHOG % "request_batching: false,", requests=2),
    TrackerPage("posthog", "beacon-gzip", "posthog-js 1.449.2", "", _POSTHOG_BEACON % ""),
    TrackerPage("posthog", "beacon", "posthog-js 1.449.2", "", _POSTHOG_BEACON % "disable_compression: true,"),
    TrackerPage("segment", "single", "@segment/analytics-next 1.84.3", _UMD, _SEGMENT % "", requests=5),
    TrackerPage("segment", "batch", "@segment/analytics-next 1.84.3", _UMD,
                _SEGMENT % 'deliveryStrategy: { strategy: "batching", config: { size: 5, timeout: 1000 } },'),
    TrackerPage("rudderstack", "single", "@rudderstack/analytics-js 3.34.1", _RUDDER, _RUDDERSTACK % "", requests=3),
    TrackerPage("rudderstack", "batch", "@rudderstack/analytics-js 3.34.1", _RUDDER,
                _RUDDERSTACK % "queueOptions: { batch: { enabled: true, maxItems: 3, flushInterval: 1000 } },"),
    TrackerPage("rudderstack", "beacon", "@rudderstack/analytics-js 3.34.1", _RUDDER,
                _RUDDERSTACK % "useBeacon: true, beaconQueueOptions: { maxItems: 3, flushQueueInterval: 1000 },"),
    TrackerPage("jitsu", "single", "@jitsu/js 1.11.0", "@jitsu/js/dist/web/p.js.txt", _JITSU, requests=3,
                attributes='data-host="http://shop.test" data-write-key="id:secret" data-init-only="true"'),
    TrackerPage("otlp", "traces", "@opentelemetry/exporter-trace-otlp-http 0.223.0", "", _OTLP),
)  # fmt: skip
