-- Visitors who decided before, number FIRST to LAST, in the shape of one whom the peer itself wrote.
INSERT INTO subject (id, "identityProvider")
SELECT 'sub_' || md5('subject' || n), 'anonymous' FROM generate_series(FIRST, LAST) n;
INSERT INTO consent
SELECT 'cns_' || md5('consent' || n), 'sub_' || md5('subject' || n), "domainId", "policyId", "purposeIds", metadata,
  "ipAddress", "userAgent", "givenAt" - n * interval '1 second', "validUntil", jurisdiction, "jurisdictionModel",
  "tcString", "uiSource", "consentAction", "runtimePolicyDecisionId", "runtimePolicySource", "tenantId"
FROM (SELECT * FROM consent LIMIT 1) one, generate_series(FIRST, LAST) n;
ANALYZE;
