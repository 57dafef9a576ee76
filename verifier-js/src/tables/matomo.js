// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "matomo",
 "routes": [
  {
   "method": "POST", "path": "/matomo.php", "events": "query", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/matomo.php", "events": "form", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": "application/x-www-form-urlencoded; charset=UTF-8"
  },
  {
   "method": "POST", "path": "/matomo.php", "events": "body",
   "answer": {
    "status": 200, "headers": {"content-type": "application/json"},
    "body": "eyJzdGF0dXMiOiJzdWNjZXNzIiwidHJhY2tlZCI6MSwiaW52YWxpZCI6MH0="
   },
   "list_at": "requests", "many": false, "items": "query", "envelope": {},
   "members": {"token_auth": "event", "send_image": "event"}, "levels": [], "packed_in": null, "query": {},
   "compression": null, "content_type": null
  },
  {
   "method": "GET", "path": "/matomo.php", "events": "query",
   "answer": {
    "status": 200, "headers": {"content-type": "image/gif"},
    "body": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
   },
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/piwik.php", "events": "query", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/piwik.php", "events": "form", "answer": {"status": 204, "headers": {}, "body": ""},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": "application/x-www-form-urlencoded; charset=UTF-8"
  },
  {
   "method": "POST", "path": "/piwik.php", "events": "body",
   "answer": {
    "status": 200, "headers": {"content-type": "application/json"},
    "body": "eyJzdGF0dXMiOiJzdWNjZXNzIiwidHJhY2tlZCI6MSwiaW52YWxpZCI6MH0="
   },
   "list_at": "requests", "many": false, "items": "query", "envelope": {},
   "members": {"token_auth": "event", "send_image": "event"}, "levels": [], "packed_in": null, "query": {},
   "compression": null, "content_type": null
  },
  {
   "method": "GET", "path": "/piwik.php", "events": "query",
   "answer": {
    "status": 200, "headers": {"content-type": "image/gif"},
    "body": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
   },
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  }
 ],
 "content_type": "application/json",
 "fields": {
  "idsite": "event", "rec": "event", "apiv": "event", "rand": "event", "r": "event", "send_image": "event",
  "queuedtracking": "event", "ping": "event", "ca": "event", "token_auth": "event", "bots": "event",
  "new_visit": "event", "e_c": "event", "e_a": "event", "e_n": "event", "e_v": "event", "idgoal": "event",
  "revenue": "event", "ec_id": "event", "ec_items": "event", "ec_st": "event", "ec_tx": "event", "ec_sh": "event",
  "ec_dt": "event", "_pks": "event", "_pkn": "event", "_pkc": "event", "_pkp": "event", "pk_s": "event",
  "ma_id": "event", "ma_mt": "event", "ma_le": "event", "cdt": "event", "cdo": "event", "cip": "ip", "ua": "device",
  "uadata": "device", "pdf": "device", "qt": "device", "realp": "device", "wma": "device", "fla": "device",
  "java": "device", "dir": "device", "gears": "device", "ag": "device", "cookie": "device", "lang": "language",
  "res": "screen", "ma_w": "screen", "ma_h": "screen", "ma_fs": "screen", "url": "browsing", "urlref": "browsing",
  "action_name": "browsing", "link": "browsing", "download": "browsing", "search": "browsing",
  "search_cat": "browsing", "search_count": "browsing", "c_n": "browsing", "c_p": "browsing", "c_t": "browsing",
  "c_i": "browsing", "_rcn": "browsing", "_rck": "browsing", "_ref": "browsing", "_refts": "browsing",
  "ma_ti": "browsing", "ma_re": "browsing", "ma_pn": "browsing", "ma_st": "browsing", "ma_ttp": "browsing",
  "ma_ps": "browsing", "ma_se": "browsing", "_id": "identifier", "_idn": "identifier", "_idts": "identifier",
  "_idvc": "identifier", "_viewts": "identifier", "uid": "identifier", "cid": "identifier", "pv_id": "identifier",
  "h": "other", "m": "other", "s": "other", "cs": "other", "pf_net": "other", "pf_srv": "other", "pf_tfr": "other",
  "pf_dm1": "other", "pf_dm2": "other", "pf_onl": "other", "gt_ms": "other"
 },
 "headers": {}, "cookies": {}, "flat": false, "attributes": [], "values": [], "type_field": null, "types": [],
 "token_fields": ["consent_token", "ct"], "documents": {}, "schemas": {}, "token_schema": null,
 "id_fields": ["_id", "uid", "cid", "pv_id"],
 "time_fields": [
  {"path": "cdt", "unit": "s_text", "is_age": false}, {"path": "cdt", "unit": "rfc3339", "is_age": false},
  {"path": "cdo", "unit": "s_text", "is_age": true}
 ],
 "binding_fields": ["_id", "cid"], "binding_same": ["_id", "cid"]
});
