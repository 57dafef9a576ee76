// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export default /** @type {import("../table.js").TrackerTable} */ ({
 "name": "segment",
 "routes": [
  {
   "method": "POST", "path": "/v1/p", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/s", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/t", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/i", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/g", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/a", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/page", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/screen", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/track", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/identify", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/group", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/alias", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": null, "many": false, "items": "object", "envelope": {}, "members": {}, "levels": [], "packed_in": null,
   "query": {}, "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/b", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": "batch", "many": false, "items": "object", "envelope": {},
   "members": {"writeKey": "event", "sentAt": "event"}, "levels": [], "packed_in": null, "query": {},
   "compression": null, "content_type": null
  },
  {
   "method": "POST", "path": "/v1/batch", "events": "body",
   "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "eyJzdWNjZXNzIjp0cnVlfQ=="},
   "list_at": "batch", "many": false, "items": "object", "envelope": {},
   "members": {"writeKey": "event", "sentAt": "event"}, "levels": [], "packed_in": null, "query": {},
   "compression": null, "content_type": null
  }
 ],
 "content_type": "text/plain",
 "fields": {
  "type": "event", "event": "event", "messageId": "event", "timestamp": "event", "originalTimestamp": "event",
  "sentAt": "event", "writeKey": "event", "version": "event", "channel": "event", "name": "browsing",
  "category": "browsing", "anonymousId": "identifier", "userId": "identifier", "previousId": "identifier",
  "groupId": "identifier", "integrations.All": "event", "_metadata.bundled": "event", "_metadata.unbundled": "event",
  "_metadata.bundledIds": "event", "properties.path": "browsing", "properties.referrer": "browsing",
  "properties.search": "browsing", "properties.title": "browsing", "properties.url": "browsing",
  "properties.hash": "browsing", "properties.host": "browsing", "properties.tab_url": "browsing",
  "properties.referring_domain": "browsing", "properties.initial_referrer": "browsing",
  "properties.initial_referring_domain": "browsing", "properties.name": "browsing", "properties.category": "browsing",
  "properties.width": "screen", "properties.height": "screen", "context.ip": "ip", "context.userAgent": "device",
  "context.locale": "language", "context.sessionId": "identifier", "context.sessionStart": "identifier",
  "context.groupId": "identifier", "context.timezone": "other", "context.library.name": "event",
  "context.library.version": "event", "context.library.env": "event", "context.library.variant": "event",
  "context.app.name": "event", "context.app.version": "event", "context.app.namespace": "event",
  "context.app.build": "event", "context.app.installType": "event", "context.page.path": "browsing",
  "context.page.referrer": "browsing", "context.page.search": "browsing", "context.page.title": "browsing",
  "context.page.url": "browsing", "context.page.hash": "browsing", "context.page.host": "browsing",
  "context.page.tab_url": "browsing", "context.page.referring_domain": "browsing",
  "context.page.initial_referrer": "browsing", "context.page.initial_referring_domain": "browsing",
  "context.page.encoding": "other", "context.campaign.name": "browsing", "context.campaign.source": "browsing",
  "context.campaign.medium": "browsing", "context.campaign.term": "browsing", "context.campaign.content": "browsing",
  "context.campaign.id": "browsing", "context.referrer.type": "browsing", "context.referrer.name": "browsing",
  "context.referrer.url": "browsing", "context.referrer.link": "browsing", "context.screen.width": "screen",
  "context.screen.height": "screen", "context.screen.density": "screen", "context.screen.innerWidth": "screen",
  "context.screen.innerHeight": "screen", "context.os.name": "device", "context.os.version": "device",
  "context.device.type": "device", "context.device.manufacturer": "device", "context.device.model": "device",
  "context.device.name": "device", "context.device.id": "identifier", "context.device.advertisingId": "identifier",
  "context.device.token": "identifier", "context.network.carrier": "other", "context.network.wifi": "other",
  "context.network.cellular": "other", "context.network.bluetooth": "other", "context.userAgentData.mobile": "device",
  "context.userAgentData.platform": "device", "context.userAgentData.platformVersion": "device",
  "context.userAgentData.architecture": "device", "context.userAgentData.bitness": "device",
  "context.userAgentData.model": "device", "context.userAgentData.uaFullVersion": "device",
  "context.userAgentData.wow64": "device", "context.userAgentData.brands.brand": "device",
  "context.userAgentData.brands.version": "device", "context.userAgentData.fullVersionList.brand": "device",
  "context.userAgentData.fullVersionList.version": "device"
 },
 "headers": {"authorization": "event"}, "cookies": {}, "flat": false, "attributes": [], "values": [],
 "type_field": "type", "types": ["alias", "group", "identify", "page", "screen", "track"],
 "token_fields": ["context.consent.token", "context.consentToken", "context.consent_token", "consent_token"],
 "documents": {}, "schemas": {}, "token_schema": null,
 "id_fields": ["anonymousId", "userId", "previousId", "groupId", "context.sessionId"],
 "time_fields": [
  {"path": "originalTimestamp", "unit": "rfc3339", "is_age": false},
  {"path": "timestamp", "unit": "rfc3339", "is_age": false}
 ],
 "binding_fields": ["anonymousId"], "binding_same": []
});
