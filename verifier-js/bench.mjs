// Events a second through the gate with every token known, beside the same loop that only parses and serialises.
//
//     node bench.mjs [events] [rounds]
import { generateKeyPair, exportJWK, SignJWT } from "jose";
import { Gate, Verifier } from "./src/index.js";

const EVENTS = Number(process.argv[2] ?? 50_000);
const ROUNDS = Number(process.argv[3] ?? 7);
const TOKENS = 1000;
const BATCH = 1000;

const nowS = Math.floor(Date.now() / 1000);
const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "bench", use: "sig", alg: "ES256" }] };

/** @param {number} number */
const token = (number) =>
  new SignJWT({
    iss: "https://consent.example.jp",
    aud: "demo",
    sub: `subject-${number}`,
    iat: nowS,
    exp: nowS + 900,
    pv: 3,
    ep: 1,
    scope: "security analytics",
    acquire: "language screen browsing",
    status: { status_list: { idx: number, uri: "https://consent.example.jp/status/1" } },
  })
    .setProtectedHeader({ alg: "ES256", kid: "bench", typ: "consent+jwt" })
    .sign(privateKey);

const tokens = await Promise.all(Array.from({ length: TOKENS }, (_, number) => token(number)));
const lines = Array.from({ length: EVENTS }, (_, number) =>
  JSON.stringify({
    event: "page_view",
    time: Date.now() - (number % 500),
    consent_token: tokens[number % TOKENS],
    url: `https://shop.example.jp/bowls/${number}`,
    referrer: "https://search.example/",
    title: "Bowls",
    user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    language: "ja-JP",
    screen: "1280x720",
    client_id: `client-${number % 5000}`,
    session_id: `session-${number % 9000}`,
  }),
);

const gate = new Gate(new Verifier({ jwks, audience: "demo" }), { purpose: "analytics" });
const throughGate = async () => {
  for (let start = 0; start < lines.length; start += BATCH) await gate.lines(lines.slice(start, start + BATCH));
};
const parseOnly = () => {
  let size = 0;
  for (const line of lines) size += JSON.stringify(JSON.parse(line)).length;
  return size;
};

/** Seconds of this process's own time. @param {() => unknown} work */
async function seconds(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const cold = await seconds(throughGate);
parseOnly();
/** @type {[number, number][]} */
const rounds = [];
for (let round = 0; round < ROUNDS; round++) rounds.push([await seconds(throughGate), await seconds(parseOnly)]);
/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const perSecond = (/** @type {number} */ spent) => Math.round(EVENTS / spent).toLocaleString("en");
const [gated, parsed] = [median(rounds.map(([spent]) => spent)), median(rounds.map(([, spent]) => spent))];
console.log(
  `${EVENTS.toLocaleString("en")} events of ${lines[0]?.length} bytes, ${TOKENS} tokens, ${ROUNDS} rounds, CPU time`,
);
console.log(`gate, warm          ${perSecond(gated)} events/s`);
console.log(`parse and serialise ${perSecond(parsed)} events/s`);
console.log(`ratio               ${median(rounds.map(([one, other]) => other / one)).toFixed(2)}`);
console.log(`first round         ${perSecond(cold)} events/s, ${TOKENS} verifications among them`);
if (gate.counts.accepted !== EVENTS * (ROUNDS + 1)) throw new Error(JSON.stringify(gate.counts));
