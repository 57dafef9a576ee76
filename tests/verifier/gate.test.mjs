import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Gate, Verifier, answer, readRequest } from "../../verifier-js/src/index.js";
import { TwoGenerations } from "../../verifier-js/src/caching.js";
import { Issuer, NOW_MS } from "./issuing.mjs";

/** @type {Issuer} */
let issuer;
let token;

before(async () => {
  issuer = await Issuer.start();
  token = await issuer.token();
});
after(() => issuer.stop());

const gateOf = (options, verifying) =>
  new Gate(new Verifier({ jwks: issuer.jwks, audience: "demo", nowMs: () => NOW_MS, ...verifying }), {
    purpose: "analytics",
    ...options,
  });

test("an event keeps what is granted, is stamped, and is not changed itself", async () => {
  const gate = gateOf();
  const event = Object.freeze({
    consent_token: token,
    event: "page_view",
    url: `http://shop.test/?ct=${token}`,
    user_agent: "x",
    secret: 1,
  });
  const stamp = { sub: "s".repeat(22), pv: 3, ep: 1, scope: "security analytics", acquire: "browsing identifier" };
  assert.deepEqual(await gate.event(event), { event: "page_view", url: "http://shop.test/?ct=", consent: stamp });
  assert.deepEqual(JSON.parse(JSON.stringify(gate.counts)), {
    accepted: 1,
    dropped: {},
    stripped: { user_agent: 1, secret: 1 },
  });
});

test("nothing that a stranger sends is thrown", async () => {
  const gate = gateOf();
  const cycle = { consent_token: token };
  cycle.self = cycle;
  const odd = [
    null,
    undefined,
    5,
    "x",
    [],
    [1],
    () => 1,
    new Date(),
    new Map(),
    Symbol("x"),
    1n,
    NaN,
    cycle,
    Object.create(null),
  ];
  for (const item of odd) {
    await gate.event(item);
    await gate.event({ consent_token: item, event: item });
    await gate.event({ consent_token: token, event: item, url: [item] });
    assert.equal((await gate.check(item)).ok, false);
  }
  const bytes = [new Uint8Array(), new Uint8Array([0xff]), new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d])];
  assert.deepEqual(new Set(await gate.lines([...bytes, "", "{", "\ud800", "null", `["${token}"]`])), new Set([""]));
});

test("names of the language itself are only names", async () => {
  const gate = gateOf({
    fields: { ["__proto__"]: "event", "props.__proto__": "event", constructor: "event", x: "event" },
  });
  const line = `{"consent_token":"${token}","__proto__":{"a":1},"constructor":"c","toString":1,"hasOwnProperty":2,"x":{"y":1}}`;
  const [out] = await gate.lines([line]);
  assert.deepEqual(Object.keys(JSON.parse(out)).sort(), ["consent", "constructor"]);
  assert.equal({}.a, undefined);
  assert.throws(() => gateOf({ tracker: "constructor" }), /no table for the tracker/);
});

test("a gate without a purpose, or for another, lets nothing pass", async () => {
  assert.equal((await gateOf({ purpose: "" }).check(token)).reason, "purpose_missing");
  assert.equal((await gateOf({ purpose: "advertising" }).check(token)).reason, "purpose_not_granted");
  assert.equal(await gateOf({ purpose: "" }).event({ consent_token: token, event: "x" }), null);
});

test("what the gate is told is checked", () => {
  assert.throws(() => gateOf({ categories: ["everything"] }), /unknown categories: everything/);
  assert.throws(() => gateOf({ fields: { a: "everything" } }), /a: everything is not a category/);
  assert.throws(() => gateOf({ fields: { a: "event", "a.b": "event" } }), /a is mapped as a whole already/);
  assert.throws(() => gateOf({ fields: { "a..b": "event" } }), /empty name/);
  assert.throws(() => gateOf({ fields: { consent_token: "event" } }), /the gate's own field/);
  assert.throws(() => gateOf({ ipWhenRefused: "keep" }), /drop or truncate/);
  assert.throws(() => gateOf({ ip_when_refused: "truncate" }), /there is no option ip_when_refused; there are purpose/);
  assert.throws(() => new Verifier({ jwks: { keys: [] }, audience: "demo", lists: [] }), /there is no option lists/);
  assert.throws(() => gateOf({ eventTimes: "maybe" }), /checked or ignored/);
  assert.throws(() => new Verifier({ jwks: { keys: [] }, audience: "" }), /audience/);
});

test("a sensitive field passes only on prior consent to a purpose that names it", async () => {
  const event = { consent_token: token, religion: "x", event: "y" };
  const fields = { religion: "event", event: "event" };
  const refusing = gateOf({ fields });
  assert.equal((await refusing.event(event)).religion, undefined);
  assert.equal(refusing.counts.stripped.get("sensitive religion"), 1);
  assert.equal((await gateOf({ fields, priorConsent: { religion: ["analytics"] } }).event(event)).religion, "x");
  assert.equal(
    (await gateOf({ fields, priorConsent: { religion: ["advertising"] } }).event(event)).religion,
    undefined,
  );
});

test("integers past a double stay what they are, numbers past it drop the event", async () => {
  const gate = gateOf();
  const of = (number) => `{"consent_token":"${token}","amount":${number}}`;
  const out = await gate.lines(["9007199254740993", "18446744073709551615", "1e999", "0.1", "1.0"].map(of));
  assert.deepEqual(
    out.map((line) => /"amount":([^,]+)/.exec(line)?.[1]),
    ["9007199254740993", "18446744073709551615", undefined, "0.1", "1"],
  );
});

test("the names that strangers choose take bounded room", async () => {
  const gate = gateOf();
  const lines = Array.from({ length: 700 }, (_, place) =>
    JSON.stringify({ consent_token: token, [`name-${place}`]: 1 }),
  );
  await gate.lines(lines);
  assert.equal(gate.counts.stripped.size, 513);
  assert.equal(gate.counts.stripped.get("(other names)"), 188);
});

test("a bounded cache lets go of what was not used for longest, by halves", () => {
  const cache = new TwoGenerations(4);
  for (const name of ["a", "b", "c"]) cache.put(name, name);
  assert.equal(cache.get("a"), "a");
  for (const name of ["d", "e", "f"]) {
    cache.put(name, name);
    assert.ok(cache.size <= 4);
  }
  assert.equal(cache.get("b"), undefined);
});

test("good tokens are verified once, forged ones are not remembered", async () => {
  const gate = gateOf({}, { cacheSize: 10 });
  const forged = `${token.slice(0, -4)}AAAA`;
  const lines = Array.from({ length: 3000 }, (_, place) =>
    JSON.stringify({ consent_token: place % 3 ? token : forged, event: "x" }),
  );
  const out = await gate.lines(lines);
  assert.equal(out.filter(Boolean).length, 2000);
  assert.deepEqual([...gate.counts.dropped], [["signature_invalid", 1000]]);
});

test("a worker at the edge reads the request, forwards what is left, and answers what the tracker expects", async () => {
  const gate = gateOf({ tracker: "plausible" });
  const body = JSON.stringify({ n: "pageview", u: "http://shop.test/bowls", d: "shop.test", w: 1280 });
  const headers = { "user-agent": "x", cookie: `cg_token=${token}; other=1` };
  const request = await readRequest(new Request("https://shop.test/api/event", { method: "POST", body, headers }), {
    ip: "203.0.113.9",
  });
  // The gate's clock stands still; the request is of another time.
  const { accepted } = await gate.filter({ ...request, receivedAt: null });
  assert.equal(accepted.length, 1);
  assert.deepEqual(JSON.parse(accepted[0].body), { n: "pageview", u: "http://shop.test/bowls", d: "shop.test" });
  assert.deepEqual(Object.keys(accepted[0].headers), ["content-type"]);
  assert.equal(accepted[0].ip, null);
  const answered = answer(gate, request);
  assert.deepEqual([answered.status, await answered.text()], [202, "ok"]);
  assert.equal(answer(gate, { method: "GET", path: "/x" }).status, 404);
  const large = await readRequest(
    new Request("https://shop.test/api/event", { method: "POST", body: "x".repeat(2_000_000) }),
  );
  const { counts } = await gate.filter({ ...large, receivedAt: null });
  assert.deepEqual([...counts.dropped], [["body_too_large", 1]]);
});
