// Reads a consent token and a status list with libraries that are none of ours; prints what they found as JSON.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

let text = "";
for await (const part of process.stdin) text += part;
const { npm, jwks, token, list, nowMs, idx } = JSON.parse(text);

const require = createRequire(pathToFileURL(`${npm}/package.json`));
const { createLocalJWKSet, jwtVerify } = await import(pathToFileURL(require.resolve("jose")));
const { getListFromStatusListJWT } = require("@sd-jwt/jwt-status-list");

const keys = createLocalJWKSet(jwks);
const common = { algorithms: ["ES256"], currentDate: new Date(nowMs) };
const verify = async (jwt, options) => {
  try {
    return (await jwtVerify(jwt, keys, { ...common, ...options })).payload;
  } catch (error) {
    return { error: error.code };
  }
};

const consent = await verify(token, { typ: "consent+jwt", audience: "demo", maxTokenAge: "15 minutes" });
const listed = await verify(list, { typ: "statuslist+jwt" });
const statuses = listed.error ? [] : idx.map((place) => getListFromStatusListJWT(list).getStatus(place));
console.log(JSON.stringify({ consent, list: listed, statuses }));
