"""OpenTelemetry over HTTP in JSON, as ``@opentelemetry/exporter-trace-otlp-http`` 0.223.0 speaks it.

Each span, log record and metric is an event, with its resource and scope. Attributes are what a site makes of them: the
semantic conventions' are known, and others pass once the policy's ``collectors.otlp.fields`` maps them
(``attributes.app.plan: event``, ``resource.attributes.deployment.environment.name: event``, ``body: event``).

Source: OTLP 1.x; OpenTelemetry semantic conventions 1.3x.
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.gate.trackers.table import Answer, Level, Route, TimeField, TrackerTable

_ANSWER = Answer(200, {"content-type": "application/json"}, b'{"partialSuccess":{}}')
#: In the attributes of resources, scopes, spans, events, links, log records and data points.
_ATTRIBUTES: Mapping[str, str] = {
    "event": (
        "service.name service.version service.namespace telemetry.sdk.name telemetry.sdk.language"
        " telemetry.sdk.version deployment.environment.name event.name event.domain error.type exception.type"
        " http.request.method http.response.status_code http.method http.status_code"
        " http.response_content_length http.response.body.size"
    ),
    "ip": "client.address source.address network.peer.address net.peer.ip net.sock.peer.addr http.client_ip",
    "device": (
        "user_agent.original user_agent.name user_agent.version user_agent.os.name user_agent.os.version"
        " http.user_agent browser.brands browser.platform browser.mobile device.manufacturer device.model.name"
        " device.model.identifier os.type os.name os.version os.description"
    ),
    "language": "browser.language",
    "screen": "screen.width screen.height browser.screen.width browser.screen.height viewport.width viewport.height",
    "browsing": (
        "url.full url.path url.query url.fragment url.domain url.scheme http.url http.target http.host http.route"
        " server.address page.url page.title document.title browser.document.url.full"
    ),
    "identifier": (
        "session.id session.previous_id user.id user.name user.email user.full_name user.hash enduser.id"
        " device.id app.installation.id client.id service.instance.id"
    ),
    "other": "network.protocol.name network.protocol.version network.connection.type server.port",
}
_OWN: Mapping[str, str] = {
    "event": (
        "traceId spanId parentSpanId traceState name kind startTimeUnixNano endTimeUnixNano flags"
        " droppedAttributesCount droppedEventsCount droppedLinksCount status.code"
        " events.name events.timeUnixNano events.droppedAttributesCount"
        " links.traceId links.spanId links.traceState links.flags links.droppedAttributesCount"
        " timeUnixNano observedTimeUnixNano severityNumber severityText eventName"
        " unit description sum.aggregationTemporality sum.isMonotonic histogram.aggregationTemporality"
        " resourceSchemaUrl scopeSchemaUrl scope.name scope.version scope.droppedAttributesCount"
        " resource.droppedAttributesCount"
    ),
}
_POINTS = ("gauge.dataPoints", "sum.dataPoints", "histogram.dataPoints")
_POINT = "startTimeUnixNano timeUnixNano asInt asDouble count sum min max bucketCounts explicitBounds flags"
_ATTRIBUTE_PATHS = (
    "attributes",
    "events.attributes",
    "links.attributes",
    "resource.attributes",
    "scope.attributes",
    *(f"{points}.attributes" for points in _POINTS),
)


def _levels(kind: str, items: str) -> tuple[Level, ...]:
    return (
        Level(f"resource{kind}"),
        Level(f"scope{kind}", {"resource": "resource", "schemaUrl": "resourceSchemaUrl"}),
        Level(items, {"scope": "scope", "schemaUrl": "scopeSchemaUrl"}),
    )


TABLE = TrackerTable(
    name="otlp",
    routes=(
        Route("POST", "/v1/traces", "body", _ANSWER, levels=_levels("Spans", "spans")),
        Route("POST", "/v1/logs", "body", _ANSWER, levels=_levels("Logs", "logRecords")),
        Route("POST", "/v1/metrics", "body", _ANSWER, levels=_levels("Metrics", "metrics")),
    ),
    content_type="application/json",
    fields={
        **{name: category for category, names in _OWN.items() for name in names.split()},
        **{f"{points}.{name}": "event" for points in _POINTS for name in _POINT.split()},
        **{
            f"{path}.{name}": category
            for path in _ATTRIBUTE_PATHS
            for category, names in _ATTRIBUTES.items()
            for name in names.split()
        },
    },
    attributes=_ATTRIBUTE_PATHS,
    values=("body",),
    token_fields=("attributes.consent_token", "resource.attributes.consent_token"),
    id_fields=("attributes.session.id", "resource.attributes.session.id"),
    time_fields=(TimeField("startTimeUnixNano", "ns_text"), TimeField("timeUnixNano", "ns_text")),
)
