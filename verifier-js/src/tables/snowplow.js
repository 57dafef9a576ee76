// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "snowplow",
 "routes": [
  {
   "method": "POST", "path": "/com.snowplowanalytics.snowplow/tp2", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "text/plain; charset=utf-8"}, "body": "b2s="},
   "list_at": "data", "many": false, "items": "object",
   "envelope": {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"}, "members": {},
   "levels": [], "packed_in": null, "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "GET", "path": "/i", "events": "query",
   "answer": {
    "status": 200, "headers": {"content-type": "image/gif"},
    "body": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
   },
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  }
 ],
 "content_type": "application/json; charset=UTF-8",
 "fields": {
  "e": "event", "eid": "event", "aid": "event", "tna": "event", "p": "event", "tv": "event", "dtm": "event",
  "stm": "event", "ttm": "event", "se_ca": "event", "se_ac": "event", "se_la": "event", "se_pr": "event",
  "se_va": "event", "tr_id": "event", "tr_af": "event", "tr_tt": "event", "tr_tx": "event", "tr_sh": "event",
  "tr_ci": "event", "tr_st": "event", "tr_co": "event", "tr_cu": "event", "ti_id": "event", "ti_sk": "event",
  "ti_nm": "event", "ti_ca": "event", "ti_pr": "event", "ti_qu": "event", "ti_cu": "event", "tid": "event", "ip": "ip",
  "ua": "device", "cookie": "device", "f_pdf": "device", "f_qt": "device", "f_realp": "device", "f_wma": "device",
  "f_dir": "device", "f_fla": "device", "f_java": "device", "f_gears": "device", "f_ag": "device", "lang": "language",
  "res": "screen", "vp": "screen", "ds": "screen", "cd": "screen", "url": "browsing", "refr": "browsing",
  "page": "browsing", "pp_mix": "browsing", "pp_max": "browsing", "pp_miy": "browsing", "pp_may": "browsing",
  "duid": "identifier", "nuid": "identifier", "tnuid": "identifier", "uid": "identifier", "sid": "identifier",
  "vid": "identifier", "fp": "identifier", "mac": "identifier", "tz": "other", "cs": "other"
 },
 "headers": {"sp-anonymous": "event"}, "cookies": {"sp": "identifier"}, "flat": false, "attributes": [], "values": [],
 "type_field": "e", "types": ["pp", "pv", "se", "ti", "tr", "ue"], "token_fields": ["consent_token"],
 "documents": {
  "co": {
   "kind": "contexts", "base64": false, "wrapper": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0",
   "of_type": null
  },
  "cx": {
   "kind": "contexts", "base64": true, "wrapper": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0",
   "of_type": null
  },
  "ue_pr": {
   "kind": "event", "base64": false, "wrapper": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
   "of_type": "ue"
  },
  "ue_px": {
   "kind": "event", "base64": true, "wrapper": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
   "of_type": "ue"
  }
 },
 "schemas": {
  "com.snowplowanalytics.snowplow/web_page/jsonschema/1": {"id": "identifier"},
  "com.snowplowanalytics.snowplow/application/jsonschema/1": {"version": "event"},
  "com.snowplowanalytics.snowplow/activity_metrics/jsonschema/1": {
   "mouseDistance": "browsing", "scrollDistance": "browsing", "keyPresses": "browsing", "clicks": "browsing",
   "touches": "browsing"
  },
  "com.snowplowanalytics.snowplow/browser_context/jsonschema/2": {
   "viewport": "screen", "documentSize": "screen", "resolution": "screen", "colorDepth": "screen",
   "devicePixelRatio": "screen", "cookiesEnabled": "device", "webdriver": "device", "deviceMemory": "device",
   "hardwareConcurrency": "device", "browserLanguage": "language", "documentLanguage": "browsing", "online": "other",
   "tabId": "identifier"
  },
  "com.snowplowanalytics.snowplow/client_session/jsonschema/1": {
   "userId": "identifier", "sessionId": "identifier", "eventIndex": "identifier", "sessionIndex": "identifier",
   "previousSessionId": "identifier", "firstEventId": "identifier", "firstEventTimestamp": "identifier",
   "storageMechanism": "other"
  },
  "com.snowplowanalytics.snowplow/link_click/jsonschema/1": {
   "targetUrl": "browsing", "elementId": "browsing", "elementClasses": "browsing", "elementTarget": "browsing",
   "elementContent": "browsing"
  },
  "com.snowplowanalytics.snowplow/button_click/jsonschema/1": {"label": "browsing", "id": "browsing", "classes": "browsing", "name": "browsing"},
  "com.snowplowanalytics.snowplow/screen_view/jsonschema/1": {"name": "browsing", "id": "identifier"},
  "com.snowplowanalytics.snowplow/site_search/jsonschema/1": {"terms": "browsing", "totalResults": "browsing", "pageResults": "browsing"},
  "com.snowplowanalytics.snowplow/social_interaction/jsonschema/1": {"action": "event", "network": "event", "target": "browsing"},
  "com.snowplowanalytics.snowplow/focus_form/jsonschema/1": {
   "formId": "browsing", "elementId": "browsing", "nodeName": "browsing", "elementClasses": "browsing",
   "elementType": "browsing"
  },
  "com.snowplowanalytics.snowplow/change_form/jsonschema/1": {
   "formId": "browsing", "elementId": "browsing", "nodeName": "browsing", "elementClasses": "browsing",
   "type": "browsing"
  },
  "com.snowplowanalytics.snowplow/submit_form/jsonschema/1": {"formId": "browsing", "formClasses": "browsing"},
  "com.snowplowanalytics.snowplow/add_to_cart/jsonschema/1": {
   "sku": "event", "quantity": "event", "name": "event", "category": "event", "unitPrice": "event",
   "currency": "event"
  },
  "com.snowplowanalytics.snowplow/remove_from_cart/jsonschema/1": {
   "sku": "event", "quantity": "event", "name": "event", "category": "event", "unitPrice": "event",
   "currency": "event"
  },
  "com.snowplowanalytics.snowplow/ad_impression/jsonschema/1": {
   "impressionId": "event", "costModel": "event", "cost": "event", "bannerId": "event", "zoneId": "event",
   "advertiserId": "event", "campaignId": "event", "targetUrl": "browsing"
  },
  "com.snowplowanalytics.snowplow/ad_click/jsonschema/1": {
   "clickId": "event", "costModel": "event", "cost": "event", "bannerId": "event", "zoneId": "event",
   "impressionId": "event", "advertiserId": "event", "campaignId": "event", "targetUrl": "browsing"
  },
  "com.snowplowanalytics.snowplow/ad_conversion/jsonschema/1": {
   "conversionId": "event", "costModel": "event", "cost": "event", "category": "event", "action": "event",
   "property": "event", "initialValue": "event", "advertiserId": "event", "campaignId": "event"
  },
  "com.snowplowanalytics.snowplow/consent_granted/jsonschema/1": {"expiry": "event"},
  "com.snowplowanalytics.snowplow/consent_withdrawn/jsonschema/1": {"all": "event"},
  "com.snowplowanalytics.snowplow/consent_document/jsonschema/1": {"id": "event", "version": "event", "name": "event", "description": "event"}
 },
 "token_schema": "iglu:jp.cookiegate/consent/jsonschema/1-0-0", "id_fields": ["duid", "nuid", "uid", "sid"],
 "time_fields": [{"path": "ttm", "unit": "ms_text", "is_age": false}, {"path": "dtm", "unit": "ms_text", "is_age": false}],
 "binding_fields": ["duid"], "binding_same": []
});
