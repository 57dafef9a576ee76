// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "umami",
 "routes": [
  {
   "method": "POST", "path": "/api/send", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "e30="}, "list_at": null,
   "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null, "query": {},
   "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/api/batch", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "e30="}, "list_at": null,
   "many": true, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null, "query": {},
   "compression": null, "content_type": null
  }
 ],
 "content_type": "application/json",
 "fields": {
  "type": "event", "payload.website": "event", "payload.name": "event", "payload.tag": "event",
  "payload.timestamp": "event", "payload.data.commerce.currency": "event",
  "payload.data.commerce.items.price": "event", "payload.data.commerce.items.quantity": "event", "payload.ip": "ip",
  "payload.userAgent": "device", "payload.browser": "device", "payload.os": "device", "payload.device": "device",
  "payload.language": "language", "payload.screen": "screen", "payload.url": "browsing",
  "payload.referrer": "browsing", "payload.title": "browsing", "payload.hostname": "browsing",
  "payload.id": "identifier", "payload.data.commerce.cartId": "identifier",
  "payload.data.commerce.checkoutId": "identifier", "payload.data.commerce.orderId": "identifier",
  "payload.lcp": "other", "payload.inp": "other", "payload.cls": "other", "payload.fcp": "other",
  "payload.ttfb": "other", "payload.duration": "other"
 },
 "headers": {"x-umami-cache": "identifier", "x-umami-website-id": "event", "x-umami-hostname": "browsing"},
 "cookies": {}, "flat": false, "attributes": [], "values": [], "type_field": "type",
 "types": ["event", "identify", "performance"],
 "token_fields": ["payload.consent_token", "payload.data.consent_token", "consent_token"], "documents": {},
 "schemas": {}, "token_schema": null, "id_fields": ["payload.id"],
 "time_fields": [{"path": "payload.timestamp", "unit": "s", "is_age": false}], "binding_fields": ["payload.id"],
 "binding_same": []
});
