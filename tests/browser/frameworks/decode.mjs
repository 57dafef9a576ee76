/** Reads TC and GPP strings with IAB Tech Lab's packages: [[kind, string], …] on stdin, what they say on stdout. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const { TCString } = require("@iabtechlabtcf/core");
const { GppModel } = require("@iabgpp/cmpapi");

const yes = (vector) => [...vector].filter(([, holds]) => holds).map(([id]) => id);

function tcf(text) {
  const model = TCString.decode(text);
  return {
    cmp: [model.cmpId, model.cmpVersion], list: model.vendorListVersion, policy: model.policyVersion,
    language: model.consentLanguage, country: model.publisherCountryCode, own: model.isServiceSpecific,
    day: model.created.toISOString().slice(0, 10), updated: model.lastUpdated.toISOString().slice(0, 10),
    texts: model.useNonStandardTexts, purposes: yes(model.purposeConsents), vendors: yes(model.vendorConsents),
    features: yes(model.specialFeatureOptins), disclosed: yes(model.vendorsDisclosed),
    interests: [...yes(model.purposeLegitimateInterests), ...yes(model.vendorLegitimateInterests)],
    publisher: yes(model.publisherConsents),
  };
}

const gpp = (text) => new GppModel(text).toObject();

const questions = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(questions.map(([kind, text]) => (kind === "tcf" ? tcf(text) : gpp(text)))));
