// Unpacks what comes on stdin: a list of [base64, form, limit]; answers with base64 or the fault.
import { inflate } from "../../verifier-js/src/inflate.js";

let text = "";
for await (const part of process.stdin) text += part;
const found = JSON.parse(text).map(([data, form, limit]) => {
  const out = inflate(new Uint8Array(Buffer.from(data, "base64")), form, limit);
  return typeof out === "string" ? out : Buffer.from(out).toString("base64");
});
process.stdout.write(JSON.stringify(found));
