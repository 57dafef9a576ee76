// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
export const REASONS = /** @type {const} */ ([
 "ok", "token_missing", "token_oversized", "token_malformed", "algorithm_denied", "type_denied", "key_unknown",
 "signature_invalid", "claims_invalid", "issuer_mismatch", "audience_mismatch", "token_expired", "token_not_yet_valid",
 "lifetime_too_long", "status_unavailable", "withdrawn", "epoch_stale", "policy_outdated", "purpose_missing",
 "purpose_unknown", "purpose_not_granted", "recipient_not_covered", "tracker_mismatch", "event_malformed",
 "event_unknown", "body_too_large", "encoding_unknown", "event_too_early", "event_too_late", "binding_mismatch"
]);

export const CATEGORIES = /** @type {const} */ (["ip", "device", "language", "screen", "browsing", "identifier", "other"]);

export const COMMON_HEADERS = /** @type {Readonly<Record<string, string>>} */ ({
 "accept-language": "language", "cf-connecting-ip": "ip", "content-type": "event", "fastly-client-ip": "ip",
 "fly-client-ip": "ip", "forwarded": "ip", "origin": "browsing", "referer": "browsing", "sec-ch-ua": "device",
 "sec-ch-ua-arch": "device", "sec-ch-ua-bitness": "device", "sec-ch-ua-full-version-list": "device",
 "sec-ch-ua-mobile": "device", "sec-ch-ua-model": "device", "sec-ch-ua-platform": "device",
 "sec-ch-ua-platform-version": "device", "true-client-ip": "ip", "user-agent": "device", "x-client-ip": "ip",
 "x-cluster-client-ip": "ip", "x-forwarded-for": "ip", "x-real-ip": "ip"
});

export const SENSITIVE = {
 "terms": [
  "race", "racial", "ethnic", "ethnicity", "ancestry", "skin-color", "skin-colour", "national-origin", "jinshu",
  "creed", "religion", "religious", "religiosity", "faith", "belief", "political", "politics", "political-party",
  "ideology", "worldview", "party-affiliation", "shinjo", "shinjou", "shukyo", "shuukyou", "social-status",
  "social-origin", "social-class", "caste", "family-origin", "shakaiteki-mibun", "medical", "medical-history",
  "health", "illness", "disease", "diagnosis", "diagnoses", "diagnostic-code", "symptom", "medication", "prescription",
  "patient", "pregnant", "pregnancy", "disability", "handicap", "hiv", "genetic", "genome", "genotype", "dna",
  "biometric", "blood-type", "blood-pressure", "allergy", "therapy", "surgery", "hospitalization", "vaccination",
  "psychiatric", "icd10", "byoreki", "byoureki", "shougai", "kenkou-shindan", "criminal", "criminal-record", "crime",
  "convict", "convicted", "conviction", "felony", "offence-record", "offense-record", "sentence-served",
  "imprisonment", "prison", "zenka", "hanzai", "victim", "crime-victim", "victimized", "victimised", "higaisha",
  "arrest", "arrested", "prosecution", "prosecuted", "indictment", "indicted", "criminal-procedure", "criminal-charge",
  "juvenile-case", "taiho", "kiso", "sex-life", "sexual", "sexuality", "homosexual", "heterosexual", "bisexual",
  "lgbt", "lgbtq", "gay", "lesbian", "transgender", "seiteki", "union-member", "union-membership", "trade-union",
  "labor-union", "labour-union", "unionized", "unionised", "rodo-kumiai"
 ],
 "japanese": [
  "人種", "民族", "信条", "宗教", "信仰", "思想", "社会的身分", "病歴", "病名", "傷病", "障害", "健康診断", "診療", "調剤", "妊娠", "遺伝", "犯罪", "前科",
  "逮捕", "起訴", "刑事", "被害", "少年事件", "性生活", "性的", "労働組合"
 ]
};
