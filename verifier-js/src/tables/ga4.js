// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "ga4",
 "routes": [
  {
   "method": "POST", "path": "/g/collect", "events": "lines", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "GET", "path": "/g/collect", "events": "query", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  }
 ],
 "content_type": "text/plain;charset=UTF-8",
 "fields": {
  "v": "event", "tid": "event", "gtm": "event", "en": "event", "_s": "event", "_z": "event", "_ee": "event",
  "_eu": "event", "_dbg": "event", "cu": "event", "epn.value": "event", "ep.currency": "event",
  "ep.transaction_id": "event", "gcs": "event", "gcd": "event", "npa": "event", "dma": "event", "tag_exp": "event",
  "_uip": "ip", "uaa": "device", "uab": "device", "uafvl": "device", "uam": "device", "uamb": "device",
  "uap": "device", "uapv": "device", "uaw": "device", "ul": "language", "sr": "screen", "vp": "screen",
  "dl": "browsing", "dr": "browsing", "dt": "browsing", "dp": "browsing", "dh": "browsing", "_et": "browsing",
  "ep.page_location": "browsing", "ep.page_referrer": "browsing", "ep.page_title": "browsing",
  "epn.percent_scrolled": "browsing", "ep.link_url": "browsing", "ep.link_domain": "browsing",
  "ep.link_text": "browsing", "ep.link_id": "browsing", "ep.link_classes": "browsing", "ep.outbound": "browsing",
  "ep.search_term": "browsing", "ep.file_name": "browsing", "ep.file_extension": "browsing", "_p": "identifier",
  "cid": "identifier", "uid": "identifier", "sid": "identifier", "sct": "identifier", "seg": "identifier",
  "_fv": "identifier", "_nsi": "identifier", "_ss": "identifier", "ecid": "identifier", "fid": "identifier",
  "gclid": "identifier", "tz": "other", "tfd": "other", "frm": "other", "pscdl": "other", "are": "other"
 },
 "headers": {}, "cookies": {}, "flat": true, "attributes": [], "values": [], "type_field": "en", "types": [],
 "token_fields": ["ep.consent_token", "consent_token"], "documents": {}, "schemas": {}, "token_schema": null,
 "id_fields": ["cid", "uid", "sid"], "time_fields": [], "binding_fields": ["cid"], "binding_same": []
});
