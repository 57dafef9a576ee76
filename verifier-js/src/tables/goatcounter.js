// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "goatcounter",
 "routes": [
  {
   "method": "GET", "path": "/count", "events": "query",
   "answer": {
    "status": 200, "headers": {"content-type": "image/gif"},
    "body": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
   },
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/count", "events": "query",
   "answer": {
    "status": 200, "headers": {"content-type": "image/gif"},
    "body": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
   },
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  }
 ],
 "content_type": "text/plain",
 "fields": {
  "e": "event", "rnd": "event", "b": "device", "s": "screen", "p": "browsing", "r": "browsing", "t": "browsing",
  "q": "browsing"
 },
 "headers": {}, "cookies": {}, "flat": false, "attributes": [], "values": [], "type_field": null, "types": [],
 "token_fields": ["consent_token"], "documents": {}, "schemas": {}, "token_schema": null, "id_fields": [],
 "time_fields": [], "binding_fields": [], "binding_same": []
});
