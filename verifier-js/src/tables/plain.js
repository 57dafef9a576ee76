// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "plain",
 "routes": [
  {
   "method": "POST", "path": "/events", "events": "body", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": true, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/event", "events": "body", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": true, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/", "events": "body", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": true, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "", "events": "body", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": true, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  }
 ],
 "content_type": "application/json",
 "fields": {
  "event": "event", "name": "event", "type": "event", "action": "event", "label": "event", "tags": "event",
  "event_id": "event", "time": "event", "timestamp": "event", "value": "event", "amount": "event", "price": "event",
  "currency": "event", "quantity": "event", "order_id": "event", "sku": "event", "version": "event", "site": "event",
  "app": "event", "environment": "event", "ip": "ip", "ip_address": "ip", "client_ip": "ip", "remote_addr": "ip",
  "user_agent": "device", "os": "device", "os_version": "device", "browser": "device", "browser_version": "device",
  "device": "device", "device_type": "device", "device_model": "device", "platform": "device", "engine": "device",
  "cookies_enabled": "device", "language": "language", "languages": "language", "locale": "language",
  "accept_language": "language", "screen": "screen", "screen_width": "screen", "screen_height": "screen",
  "viewport": "screen", "viewport_width": "screen", "viewport_height": "screen", "color_depth": "screen",
  "pixel_ratio": "screen", "url": "browsing", "page": "browsing", "page_url": "browsing", "page_title": "browsing",
  "path": "browsing", "query": "browsing", "hash": "browsing", "host": "browsing", "hostname": "browsing",
  "referrer": "browsing", "referer": "browsing", "title": "browsing", "search": "browsing", "utm_source": "browsing",
  "utm_medium": "browsing", "utm_campaign": "browsing", "utm_term": "browsing", "utm_content": "browsing",
  "scroll_depth": "browsing", "engagement_time": "browsing", "client_id": "identifier", "user_id": "identifier",
  "session_id": "identifier", "visitor_id": "identifier", "anonymous_id": "identifier", "device_id": "identifier",
  "cookie_id": "identifier", "page_view_id": "identifier", "timezone": "other", "timezone_offset": "other",
  "protocol": "other", "connection": "other", "javascript": "other"
 },
 "headers": {}, "cookies": {}, "flat": false, "attributes": [], "values": [], "type_field": null, "types": [],
 "token_fields": ["consent_token"], "documents": {}, "schemas": {}, "token_schema": null,
 "id_fields": ["client_id", "session_id", "user_id"],
 "time_fields": [
  {"path": "time", "unit": "rfc3339", "is_age": false}, {"path": "timestamp", "unit": "rfc3339", "is_age": false},
  {"path": "time", "unit": "ms", "is_age": false}, {"path": "timestamp", "unit": "ms", "is_age": false}
 ],
 "binding_fields": ["client_id", "device_id", "anonymous_id", "visitor_id"], "binding_same": []
});
