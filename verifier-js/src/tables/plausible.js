// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "plausible",
 "routes": [
  {
   "method": "POST", "path": "/api/event", "events": "body",
   "answer": {"status": 202, "headers": {"content-type": "text/plain; charset=utf-8"}, "body": "b2s="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  }
 ],
 "content_type": "text/plain",
 "fields": {
  "n": "event", "name": "event", "v": "event", "d": "event", "domain": "event", "i": "event", "interactive": "event",
  "h": "event", "hash": "event", "$.currency": "event", "$.amount": "event", "revenue.currency": "event",
  "revenue.amount": "event", "u": "browsing", "url": "browsing", "r": "browsing", "referrer": "browsing",
  "e": "browsing", "sd": "browsing", "p.url": "browsing", "p.path": "browsing", "props.url": "browsing",
  "props.path": "browsing", "w": "screen", "screen_width": "screen"
 },
 "headers": {}, "cookies": {}, "flat": false, "attributes": [], "values": [], "type_field": "n", "types": [],
 "token_fields": ["consent_token", "p.consent_token", "props.consent_token"], "documents": {}, "schemas": {},
 "token_schema": null, "id_fields": [], "time_fields": [], "binding_fields": [], "binding_same": []
});
