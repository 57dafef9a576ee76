/** What a consent token says, and the stamp that it leaves on an event. */
import { isObject, readTokenObject, writeJson } from "./json.js";
import { isLonger } from "./text.js";

export const TOKEN_TYPE = "consent+jwt";
export const TOKEN_LIMIT_CHARS = 4096;

const COUNT_LIMIT = 2 ** 53;
/** RFC 6749 section 3.3 scope-tokens with single spaces between them. */
const SCOPE = /^[!#-[\]-~]+( [!#-[\]-~]+)*$/;
const ACQUIRE = /^([a-z]+( [a-z]+)*)?$/;
const TRACKER = /^[a-z0-9_-]{1,32}$/;
/** Base64url of sixteen bytes; the last character carries two bits. */
const BINDING = /^[A-Za-z0-9_-]{21}[AQgw]$/;
const BINDINGS_LIMIT = 8;
/** @type {ReadonlyMap<string, string>} */
const UNBOUND = new Map();

/**
 * The claims of a consent token; any other claim is ignored. Times are seconds since 1970. `purposes` and `categories`
 * are the words of `scope` and `acquire`, `stamp` is the `consent` member of an accepted event and `stampText` its
 * JSON.
 *
 * @typedef {object} Claims
 * @property {string} iss
 * @property {string} aud
 * @property {string} sub
 * @property {number} iat
 * @property {number} exp
 * @property {number} pv
 * @property {number} ep
 * @property {string} scope
 * @property {string} acquire
 * @property {{ idx: number, uri: string }} status its place in a status list
 * @property {ReadonlyMap<string, string>} bindings tracker → hash of the client's id that the token is bound to
 * @property {string} grant `scope` and `acquire` in one text: tokens of one grant have the same
 * @property {ReadonlySet<string>} purposes
 * @property {ReadonlySet<string>} categories
 * @property {Stamp} stamp
 * @property {string} stampText
 */

/** @typedef {{ sub: string, pv: number, ep: number, scope: string, acquire: string }} Stamp */

/** @param {unknown} value @param {number} limit @param {number} [least] @returns {value is string} */
const isText = (value, limit, least = 1) =>
  typeof value === "string" && value.length >= least && !isLonger(value, limit);

/** @param {unknown} value @param {number} [least] @returns {value is number} */
const isCount = (value, least = 0) =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= COUNT_LIMIT;

/** The reader keeps integers past what is safe as bigints, of which the first still counts. @param {unknown} value */
const whole = (value) => (value === BigInt(COUNT_LIMIT) ? COUNT_LIMIT : value);

/** @type {Map<string, ReadonlySet<string>>} */
const known = new Map();

/** The words of a space-delimited claim; grants share their sets. @param {string} text */
function words(text) {
  let found = known.get(text);
  if (!found) {
    if (known.size >= 4096) known.clear();
    known.set(text, (found = new Set(text.split(" ").filter(Boolean))));
  }
  return found;
}

/** @param {import("./json.js").JsonObject} found @returns {ReadonlyMap<string, string> | null} */
function readBindings(found) {
  if (!Object.hasOwn(found, "bnd")) return UNBOUND;
  if (!isObject(found["bnd"])) return null;
  const listed = Object.entries(found["bnd"]);
  if (listed.length < 1 || listed.length > BINDINGS_LIMIT) return null;
  const isGood = listed.every(([name, hash]) => TRACKER.test(name) && typeof hash === "string" && BINDING.test(hash));
  return isGood ? new Map(/** @type {[string, string][]} */ (listed)) : null;
}

/**
 * Whether an `nbf`, which no token of ours has, is no later than `iat`.
 *
 * @param {import("./json.js").JsonObject} found
 * @param {number} iat
 */
function isPast(found, iat) {
  if (!Object.hasOwn(found, "nbf")) return true;
  const nbf = whole(found["nbf"]);
  return isCount(nbf) && nbf <= iat;
}

/**
 * Reads the claims of a payload whose signature has been checked.
 *
 * Source: RFC 7519 section 4, RFC 8725 section 3.
 *
 * @param {Uint8Array} payload
 * @returns {Claims | null} null for anything but one JSON object with every claim in its type
 */
export function readClaims(payload) {
  const found = readTokenObject(payload);
  const place = isObject(found?.["status"]) ? found["status"]["status_list"] : null;
  if (!found || !isObject(place)) return null;
  const { iss, aud, sub, scope, acquire } = found;
  const [iat, exp, pv, ep] = [found["iat"], found["exp"], found["pv"], found["ep"]].map(whole);
  const [idx, uri] = [whole(place["idx"]), place["uri"]];
  if (!isText(iss, 512) || !isText(aud, 512) || !isText(sub, 512) || !isText(uri, 512) || !isCount(idx)) return null;
  if (!isCount(iat) || !isCount(exp) || !isCount(pv, 1) || !isCount(ep) || exp <= iat) return null;
  if (!isPast(found, iat)) return null;
  if (!isText(scope, 2048) || !SCOPE.test(scope) || !isText(acquire, 512, 0) || !ACQUIRE.test(acquire)) return null;
  const bindings = readBindings(found);
  if (!bindings) return null;
  const stamp = { sub, pv, ep, scope, acquire };
  return {
    iss,
    aud,
    sub,
    iat,
    exp,
    pv,
    ep,
    scope,
    acquire,
    bindings,
    stamp,
    status: { idx, uri },
    purposes: words(scope),
    categories: words(acquire),
    stampText: writeJson(stamp),
    grant: `${scope}\n${acquire}`,
  };
}
