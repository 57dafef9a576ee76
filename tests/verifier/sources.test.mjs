import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { SourceError, Verifier } from "../../verifier-js/src/index.js";
import { Issuer, NOW_MS } from "./issuing.mjs";

/** @type {Issuer} */
let issuer;
let clock;
let problems;
const background = [];

before(async () => (issuer = await Issuer.start()));
after(() => issuer.stop());
beforeEach(async () => {
  clock = NOW_MS;
  problems = [];
  issuer.pages.clear();
  await issuer.rotate("first");
  issuer.publishKeys();
  await issuer.publishList(1);
  issuer.asked.length = 0;
});

const verifierOf = (options) =>
  new Verifier({
    jwks: `${issuer.url}/jwks`,
    status: `${issuer.url}/status/1`,
    audience: "demo",
    nowMs: () => clock,
    onProblem: (problem) => problems.push(problem.message),
    waitUntil: (work) => background.push(work),
    ...options,
  });
const reasonOf = async (verifier, token) => (await verifier.verify(token)).reason;
const settled = () => Promise.allSettled(background.splice(0));

/** Asks at a later time, and again once what that started is done. */
async function later(verifier, seconds, token) {
  clock += seconds * 1000;
  await verifier.verify(token);
  await settled();
  return reasonOf(verifier, token);
}

test("keys and lists are read when they are first needed, once", async () => {
  const verifier = verifierOf();
  const token = await issuer.token();
  assert.deepEqual(await Promise.all([1, 2, 3].map(() => reasonOf(verifier, token))), ["ok", "ok", "ok"]);
  assert.deepEqual(
    issuer.asked.map(({ path }) => path),
    ["/jwks", "/status/1"],
  );
});

test("ready says what cannot be had, by its address", async () => {
  issuer.pages.delete("/status/1");
  await assert.rejects(
    verifierOf().ready(),
    (error) => error instanceof SourceError && error.message.includes("/status/1"),
  );
  issuer.pages.set("/status/1", await issuer.list(1, { atMs: NOW_MS - 7_200_000 }));
  await assert.rejects(verifierOf().ready(), /expired/);
  issuer.pages.set("/jwks", '{"keys":[]}');
  await assert.rejects(verifierOf().ready(), /no ES256 signing key/);
  await assert.rejects(verifierOf({ jwks: { keys: [] } }).ready(), /no ES256 signing key/);
  assert.throws(() => verifierOf({ jwks: "keys.json" }), /no http\(s\) address/);
});

test("until keys and lists could be had, every token is refused", async () => {
  const token = await issuer.token();
  issuer.pages.delete("/jwks");
  const verifier = verifierOf();
  assert.equal(await reasonOf(verifier, token), "key_unknown");
  issuer.publishKeys();
  assert.equal(await reasonOf(verifier, token), "key_unknown", "not asked again at once");
  clock += 11_000;
  assert.equal(await reasonOf(verifier, token), "ok");
  assert.equal(problems.length, 1);
});

test("addresses are asked again after a minute, with the condition that something changed", async () => {
  const verifier = verifierOf();
  const token = await issuer.token();
  await reasonOf(verifier, token);
  assert.equal(await later(verifier, 59, token), "ok");
  assert.equal(issuer.asked.length, 2);
  assert.equal(await later(verifier, 2, token), "ok");
  assert.deepEqual(
    issuer.asked.slice(2).map(({ path, tag }) => [path, Boolean(tag)]),
    [
      ["/jwks", true],
      ["/status/1", true],
    ],
  );
});

test("a withdrawal is known with the list that tells of it, also for a token that was verified", async () => {
  const verifier = verifierOf();
  const token = await issuer.token();
  assert.equal(await reasonOf(verifier, token), "ok");
  await issuer.publishList(1, { revoked: [7], atMs: NOW_MS + 1000 });
  assert.equal(await later(verifier, 61, token), "withdrawn");
  await issuer.publishList(1, { atMs: NOW_MS });
  assert.equal(await later(verifier, 61, token), "withdrawn", "an older copy hides nothing");
});

test("after a long silence nobody is judged by the old list: the new one is waited for", async () => {
  const verifier = verifierOf();
  const token = await issuer.token();
  assert.equal(await reasonOf(verifier, token), "ok");
  await issuer.publishList(1, { revoked: [7], atMs: NOW_MS + 1000 });
  clock += 130_000;
  assert.equal(await reasonOf(verifier, token), "withdrawn");
});

test("when a list cannot be had, it serves until it is too stale, and then its tokens are refused; keys stay", async () => {
  const verifier = verifierOf();
  const token = await issuer.token();
  assert.equal(await reasonOf(verifier, token), "ok");
  issuer.pages.clear();
  assert.equal(await later(verifier, 299, token), "ok");
  assert.equal(await later(verifier, 2, token), "status_unavailable");
  assert.deepEqual(
    new Set(problems.map((text) => text.split("/").pop())),
    new Set(["jwks: it answered 503", "1: it answered 503"]),
  );
  assert.equal(problems.length, 2, "each row of failures is said once");
  issuer.publishKeys();
  await issuer.publishList(1);
  assert.equal(await later(verifier, 11, token), "ok");
});

test("a list that was given as text serves until it expires", async () => {
  const verifier = verifierOf({ jwks: issuer.jwks, status: [await issuer.list(1, { revoked: [9] })] });
  const withdrawn = await issuer.token({ status: { status_list: { idx: 9, uri: "https://consent.test/status/1" } } });
  assert.equal(await reasonOf(verifier, withdrawn), "withdrawn");
  const outside = await issuer.token({ status: { status_list: { idx: 5000, uri: "https://consent.test/status/1" } } });
  assert.equal(await reasonOf(verifier, outside), "status_unavailable");
  clock += 3_700_000;
  const token = await issuer.token({ iat: clock / 1000, exp: clock / 1000 + 900 });
  assert.equal(await reasonOf(verifier, token), "status_unavailable");
});

test("a new list is read from beside the one that was given, and from nowhere else", async () => {
  const verifier = verifierOf();
  await issuer.publishList(2, { revoked: [5] });
  const on = (idx, uri) => issuer.token({ status: { status_list: { idx, uri } } });
  assert.equal(await reasonOf(verifier, await on(4, "https://consent.test/status/2")), "ok");
  assert.equal(await reasonOf(verifier, await on(5, "https://consent.test/status/2")), "withdrawn");
  for (const uri of ["https://consent.test/other/3", `${issuer.url}/status/1`, "https://consent.test/status/../jwks"]) {
    assert.equal(await reasonOf(verifier, await on(1, uri)), "status_unavailable");
  }
  await Promise.all([1, 2, 3].map(async () => reasonOf(verifier, await on(1, "https://consent.test/status/9"))));
  assert.deepEqual(
    issuer.asked.map(({ path }) => path),
    ["/jwks", "/status/1", "/status/2", "/status/9"],
  );
});

test("a token does not outlive its key", async () => {
  const verifier = verifierOf();
  const token = await issuer.token();
  assert.equal(await reasonOf(verifier, token), "ok");
  await issuer.rotate("second");
  issuer.publishKeys();
  await issuer.publishList(1);
  assert.equal(await later(verifier, 61, token), "key_unknown");
  assert.equal(await reasonOf(verifier, await issuer.token()), "ok");
});

test("an answer that is too large or no text is no answer", async () => {
  issuer.pages.set("/jwks", " ".repeat(1_100_000));
  await assert.rejects(verifierOf().ready(), /larger than 1048576 bytes/);
  issuer.pages.set("/jwks", Buffer.from([0xff, 0xfe]));
  await assert.rejects(verifierOf().ready(), SourceError);
});

test("time, policy version and issuer are asked every time", async () => {
  let oldest = 3;
  const verifier = verifierOf({ minPolicyVersion: () => oldest, issuer: "https://consent.test" });
  const token = await issuer.token();
  assert.equal(await reasonOf(verifier, token), "ok");
  oldest = 4;
  assert.equal(await reasonOf(verifier, token), "policy_outdated");
  clock += 961_000;
  assert.equal(await reasonOf(verifier, token), "token_expired");
  assert.equal(await reasonOf(verifierOf({ issuer: "https://other.test" }), token), "issuer_mismatch");
});
