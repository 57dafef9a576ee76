"""PostHog's capture API, as ``posthog-js`` 1.449.2 speaks it.

Feature flags (``/flags/``) and session recordings (``/s/``) are no events and are not known here.
Properties are what a site makes of them: only those that the tracker itself fills in are known, and others pass once
the policy's ``collectors.posthog.fields`` maps them (``properties.plan: event``).
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.gate.trackers.table import Answer, Route, TimeField, TrackerTable

_ANSWER = Answer(200, {"content-type": "application/json"}, b'{"status":"Ok"}')
#: In ``properties``.
_BY_CATEGORY: Mapping[str, str] = {
    "event": (
        "token $lib $lib_version $insert_id $time $sdk_dist_channel $config_defaults $is_identified"
        " $process_person_profile $recording_status $event_type $feature_flag $feature_flag_response"
        " $lib_custom_api_host $lib_rate_limit_remaining_tokens $cookieless_mode"
    ),
    "ip": "$ip",
    "device": (
        "$raw_user_agent $user_agent $os $os_version $browser $browser_version $browser_type $device $device_type"
        " $device_manufacturer $device_model"
    ),
    "language": "$browser_language $browser_language_prefix",
    "screen": "$screen_height $screen_width $viewport_height $viewport_width",
    "browsing": (
        "$current_url $host $pathname $title title $referrer $referring_domain $search_engine ph_keyword"
        " $session_entry_url $session_entry_host $session_entry_pathname $session_entry_referrer"
        " $session_entry_referring_domain"
        " $prev_pageview_pathname $prev_pageview_duration $prev_pageview_last_scroll"
        " $prev_pageview_last_scroll_percentage $prev_pageview_max_scroll $prev_pageview_max_scroll_percentage"
        " $prev_pageview_last_content $prev_pageview_last_content_percentage $prev_pageview_max_content"
        " $prev_pageview_max_content_percentage"
        " utm_source utm_medium utm_campaign utm_content utm_term $elements_chain $el_text $external_click_url"
    ),
    "identifier": (
        "distinct_id $device_id $session_id $window_id $pageview_id $prev_pageview_id $user_id $anon_distinct_id"
        " gclid fbclid msclkid dclid gbraid wbraid ttclid twclid li_fat_id igshid"
    ),
    "other": (
        "$timezone $timezone_offset $initialization_time $configured_session_timeout_ms $network_connection_type"
        " $web_vitals_LCP_value $web_vitals_CLS_value $web_vitals_FCP_value $web_vitals_INP_value"
    ),
}
_OWN = {
    "event": "event",
    "uuid": "event",
    "timestamp": "event",
    "sent_at": "event",
    "offset": "event",
    "type": "event",
    "api_key": "event",
    "token": "event",
    "distinct_id": "identifier",
}


def _routes(path: str) -> tuple[Route, ...]:
    around = {"api_key": "event", "token": "event", "sent_at": "event"}
    return (
        Route("POST", path, "body", _ANSWER, list_at="batch", many=True, members=around, compression="compression"),
        # What a beacon of a page without compression holds.
        Route(
            "POST",
            path,
            "form",
            _ANSWER,
            list_at="batch",
            many=True,
            members=around,
            packed_in="data",
            compression="compression",
        ),
    )


TABLE = TrackerTable(
    name="posthog",
    routes=tuple(route for path in ("/e/", "/i/v0/e/", "/batch/", "/capture/") for route in _routes(path)),
    content_type="application/json",
    fields=_OWN
    | {f"properties.{name}": category for category, names in _BY_CATEGORY.items() for name in names.split()},
    type_field="event",
    token_fields=("properties.consent_token", "consent_token"),
    id_fields=(
        "distinct_id",
        "properties.distinct_id",
        "properties.$device_id",
        "properties.$session_id",
        "properties.$user_id",
    ),
    time_fields=(
        TimeField("timestamp", "rfc3339"),
        TimeField("properties.$time", "s"),
        TimeField("offset", "ms", is_age=True),
    ),
    # Beside a device's id, the distinct one is a login's.
    binding_fields=("properties.$device_id", "properties.distinct_id", "distinct_id"),
    binding_same=("properties.distinct_id", "distinct_id"),
)
