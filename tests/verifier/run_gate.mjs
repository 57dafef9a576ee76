// Runs what a test asks for through the gate in JavaScript; what it is asked comes on stdin, what it found goes to stdout.
import { Gate, Verifier } from "../../verifier-js/src/index.js";

let text = "";
for await (const part of process.stdin) text += part;
const { jwks, status, audience, issuer, nowMs, tokens = [], runs = [] } = JSON.parse(text);

const verifier = new Verifier({ jwks, status, audience, issuer, nowMs: () => nowMs });
await verifier.ready();

const verdicts = [];
for (const token of tokens) verdicts.push((await verifier.verify(token)).reason);

const found = [];
for (const { options, lines } of runs) {
  const gate = new Gate(verifier, options);
  const bytes = lines.map((line) => new Uint8Array(Buffer.from(line, "base64")));
  found.push({ out: await gate.lines(bytes), counts: gate.counts });
}
process.stdout.write(JSON.stringify({ verdicts, runs: found }));
