// What npm jose says of each of many tokens: null, or the code of its refusal. Asked and answered in JSON.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

let text = "";
for await (const part of process.stdin) text += part;
const { npm, jwks, tokens, audience, issuer, nowMs } = JSON.parse(text);

const require = createRequire(pathToFileURL(`${npm}/package.json`));
const { createLocalJWKSet, jwtVerify } = await import(pathToFileURL(require.resolve("jose")));

const keys = createLocalJWKSet(jwks);
const options = {
  algorithms: ["ES256"],
  audience,
  issuer,
  typ: "consent+jwt",
  currentDate: new Date(nowMs),
  clockTolerance: 0,
  requiredClaims: ["iat", "exp", "sub"],
};
const verdicts = [];
for (const token of tokens) {
  try {
    await jwtVerify(token, keys, options);
    verdicts.push(null);
  } catch (error) {
    verdicts.push(error.code ?? error.name);
  }
}
console.log(JSON.stringify(verdicts));
