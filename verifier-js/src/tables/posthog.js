// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "posthog",
 "routes": [
  {
   "method": "POST", "path": "/e/", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdGF0dXMiOiJPayJ9"},
   "list_at": "batch", "many": true, "items": "object", "envelope": {},
   "members": {"api_key": "event", "token": "event", "sent_at": "event"}, "levels": [], "packed_in": null, "query": {},
   "compression": "compression", "content_type": null
  },
  {
   "method": "POST", "path": "/e/", "events": "form",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdGF0dXMiOiJPayJ9"},
   "list_at": "batch", "many": true, "items": "object", "envelope": {},
   "members": {"api_key": "event", "token": "event", "sent_at": "event"}, "levels": [], "packed_in": "data",
   "query": {}, "compression": "compression", "content_type": null
  },
  {
   "method": "POST", "path": "/i/v0/e/", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdGF0dXMiOiJPayJ9"},
   "list_at": "batch", "many": true, "items": "object", "envelope": {},
   "members": {"api_key": "event", "token": "event", "sent_at": "event"}, "levels": [], "packed_in": null, "query": {},
   "compression": "compression", "content_type": null
  },
  {
   "method": "POST", "path": "/i/v0/e/", "events": "form",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdGF0dXMiOiJPayJ9"},
   "list_at": "batch", "many": true, "items": "object", "envelope": {},
   "members": {"api_key": "event", "token": "event", "sent_at": "event"}, "levels": [], "packed_in": "data",
   "query": {}, "compression": "compression", "content_type": null
  },
  {
   "method": "POST", "path": "/batch/", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdGF0dXMiOiJPayJ9"},
   "list_at": "batch", "many": true, "items": "object", "envelope": {},
   "members": {"api_key": "event", "token": "event", "sent_at": "event"}, "levels": [], "packed_in": null, "query": {},
   "compression": "compression", "content_type": null
  },
  {
   "method": "POST", "path": "/batch/", "events": "form",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdGF0dXMiOiJPayJ9"},
   "list_at": "batch", "many": true, "items": "object", "envelope": {},
   "members": {"api_key": "event", "token": "event", "sent_at": "event"}, "levels": [], "packed_in": "data",
   "query": {}, "compression": "compression", "content_type": null
  },
  {
   "method": "POST", "path": "/capture/", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdGF0dXMiOiJPayJ9"},
   "list_at": "batch", "many": true, "items": "object", "envelope": {},
   "members": {"api_key": "event", "token": "event", "sent_at": "event"}, "levels": [], "packed_in": null, "query": {},
   "compression": "compression", "content_type": null
  },
  {
   "method": "POST", "path": "/capture/", "events": "form",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdGF0dXMiOiJPayJ9"},
   "list_at": "batch", "many": true, "items": "object", "envelope": {},
   "members": {"api_key": "event", "token": "event", "sent_at": "event"}, "levels": [], "packed_in": "data",
   "query": {}, "compression": "compression", "content_type": null
  }
 ],
 "content_type": "application/json",
 "fields": {
  "event": "event", "uuid": "event", "timestamp": "event", "sent_at": "event", "offset": "event", "type": "event",
  "api_key": "event", "token": "event", "distinct_id": "identifier", "properties.token": "event",
  "properties.$lib": "event", "properties.$lib_version": "event", "properties.$insert_id": "event",
  "properties.$time": "event", "properties.$sdk_dist_channel": "event", "properties.$config_defaults": "event",
  "properties.$is_identified": "event", "properties.$process_person_profile": "event",
  "properties.$recording_status": "event", "properties.$event_type": "event", "properties.$feature_flag": "event",
  "properties.$feature_flag_response": "event", "properties.$lib_custom_api_host": "event",
  "properties.$lib_rate_limit_remaining_tokens": "event", "properties.$cookieless_mode": "event",
  "properties.$ip": "ip", "properties.$raw_user_agent": "device", "properties.$user_agent": "device",
  "properties.$os": "device", "properties.$os_version": "device", "properties.$browser": "device",
  "properties.$browser_version": "device", "properties.$browser_type": "device", "properties.$device": "device",
  "properties.$device_type": "device", "properties.$device_manufacturer": "device",
  "properties.$device_model": "device", "properties.$browser_language": "language",
  "properties.$browser_language_prefix": "language", "properties.$screen_height": "screen",
  "properties.$screen_width": "screen", "properties.$viewport_height": "screen",
  "properties.$viewport_width": "screen", "properties.$current_url": "browsing", "properties.$host": "browsing",
  "properties.$pathname": "browsing", "properties.$title": "browsing", "properties.title": "browsing",
  "properties.$referrer": "browsing", "properties.$referring_domain": "browsing",
  "properties.$search_engine": "browsing", "properties.ph_keyword": "browsing",
  "properties.$session_entry_url": "browsing", "properties.$session_entry_host": "browsing",
  "properties.$session_entry_pathname": "browsing", "properties.$session_entry_referrer": "browsing",
  "properties.$session_entry_referring_domain": "browsing", "properties.$prev_pageview_pathname": "browsing",
  "properties.$prev_pageview_duration": "browsing", "properties.$prev_pageview_last_scroll": "browsing",
  "properties.$prev_pageview_last_scroll_percentage": "browsing", "properties.$prev_pageview_max_scroll": "browsing",
  "properties.$prev_pageview_max_scroll_percentage": "browsing", "properties.$prev_pageview_last_content": "browsing",
  "properties.$prev_pageview_last_content_percentage": "browsing", "properties.$prev_pageview_max_content": "browsing",
  "properties.$prev_pageview_max_content_percentage": "browsing", "properties.utm_source": "browsing",
  "properties.utm_medium": "browsing", "properties.utm_campaign": "browsing", "properties.utm_content": "browsing",
  "properties.utm_term": "browsing", "properties.$elements_chain": "browsing", "properties.$el_text": "browsing",
  "properties.$external_click_url": "browsing", "properties.distinct_id": "identifier",
  "properties.$device_id": "identifier", "properties.$session_id": "identifier", "properties.$window_id": "identifier",
  "properties.$pageview_id": "identifier", "properties.$prev_pageview_id": "identifier",
  "properties.$user_id": "identifier", "properties.$anon_distinct_id": "identifier", "properties.gclid": "identifier",
  "properties.fbclid": "identifier", "properties.msclkid": "identifier", "properties.dclid": "identifier",
  "properties.gbraid": "identifier", "properties.wbraid": "identifier", "properties.ttclid": "identifier",
  "properties.twclid": "identifier", "properties.li_fat_id": "identifier", "properties.igshid": "identifier",
  "properties.$timezone": "other", "properties.$timezone_offset": "other", "properties.$initialization_time": "other",
  "properties.$configured_session_timeout_ms": "other", "properties.$network_connection_type": "other",
  "properties.$web_vitals_LCP_value": "other", "properties.$web_vitals_CLS_value": "other",
  "properties.$web_vitals_FCP_value": "other", "properties.$web_vitals_INP_value": "other"
 },
 "headers": {}, "cookies": {}, "flat": false, "attributes": [], "values": [], "type_field": "event", "types": [],
 "token_fields": ["properties.consent_token", "consent_token"], "documents": {}, "schemas": {}, "token_schema": null,
 "id_fields": ["distinct_id", "properties.distinct_id", "properties.$device_id", "properties.$session_id", "properties.$user_id"],
 "time_fields": [
  {"path": "timestamp", "unit": "rfc3339", "is_age": false},
  {"path": "properties.$time", "unit": "s", "is_age": false}, {"path": "offset", "unit": "ms", "is_age": true}
 ],
 "binding_fields": ["properties.$device_id", "properties.distinct_id", "distinct_id"],
 "binding_same": ["properties.distinct_id", "distinct_id"]
});
