/** Opens signed compact tokens strictly. The only algorithm is ES256, the only key is the one that `kid` names. */
import { compactVerify, importJWK } from "jose";
import { isObject, readTokenObject } from "./json.js";
import { isLonger, readBase64url } from "./text.js";
import { denied } from "./verdicts.js";

/** @typedef {{ keys: readonly unknown[] } | { readonly [name: string]: unknown }} KeySet a JWK set (RFC 7517) */

const ALGORITHM = "ES256";
const HEADER_LIMIT_CHARS = 1024;
const KNOWN_HEADS = 64;

/** The ES256 keys of a JWK set, by `kid`. */
export class PublicKeys {
  /** @type {Map<string, CryptoKey>} */
  #byKid = new Map();
  /** @type {Map<string, CryptoKey>} */
  #byHead = new Map();

  /**
   * @param {unknown} jwks keys that are not EC P-256, have no `kid` or are not for signing are left out
   * @returns {Promise<PublicKeys>}
   * @throws {TypeError} if it is no JWK set, or one `kid` names two keys
   */
  static async read(jwks) {
    const listed = isObject(jwks) ? jwks["keys"] : null;
    if (!Array.isArray(listed)) throw new TypeError("a JWK set is an object with a list named keys");
    const keys = new PublicKeys();
    for (const item of listed) await keys.#add(item);
    return keys;
  }

  get size() {
    return this.#byKid.size;
  }

  /** @param {unknown} item */
  async #add(item) {
    if (!isObject(item) || item["kty"] !== "EC" || item["crv"] !== "P-256") return;
    const { kid, use = "sig", alg = ALGORITHM, x, y } = item;
    if (typeof kid !== "string" || use !== "sig" || alg !== ALGORITHM) return;
    if (this.#byKid.has(kid)) throw new TypeError("two keys have the same kid");
    try {
      const jwk = { kty: "EC", crv: "P-256", x: /** @type {string} */ (x), y: /** @type {string} */ (y) };
      this.#byKid.set(kid, /** @type {CryptoKey} */ (await importJWK(jwk, ALGORITHM)));
    } catch {
      throw new TypeError(`the key ${kid} cannot be read`);
    }
  }

  /**
   * The key that a token's first segment names, after every rule about headers. `jwk`, `jku` and `x5u` are never looked
   * at: a token does not choose its own key.
   *
   * Source: RFC 8725 sections 3.1, 3.10 and 3.11; RFC 7515 section 4.1.11.
   *
   * @param {string} head
   * @param {string} typ
   * @throws {import("./verdicts.js").Denied}
   */
  keyFor(head, typ) {
    const place = `${typ} ${head}`;
    const known = this.#byHead.get(place);
    if (known) return known;
    const header = readHeader(head);
    if (header["alg"] !== ALGORITHM) throw denied("algorithm_denied");
    if (header["typ"] !== typ) throw denied("type_denied");
    const key = typeof header["kid"] === "string" ? this.#byKid.get(header["kid"]) : undefined;
    if (!key) throw denied("key_unknown");
    // One issuer writes one spelling per key; the bound stops a stranger's spellings from piling up.
    if (this.#byHead.size < KNOWN_HEADS) this.#byHead.set(place, key);
    return key;
  }
}

/** @param {string} head */
function readHeader(head) {
  const data = isLonger(head, HEADER_LIMIT_CHARS) ? null : readBase64url(head);
  const header = data && readTokenObject(data);
  // Extensions that change what is signed, or that demand understanding which we do not have.
  if (!header || Object.hasOwn(header, "crit") || Object.hasOwn(header, "b64")) throw denied("token_malformed");
  return header;
}

/**
 * The signed payload of a compact JWS, not yet parsed.
 *
 * Source: RFC 7515 section 5.2, RFC 8725 section 3.
 *
 * @param {string} text already capped in size
 * @param {string} typ the one accepted `typ`, so that one kind of token cannot stand in for another
 * @param {PublicKeys} keys
 * @returns {Promise<Uint8Array>}
 * @throws {import("./verdicts.js").Denied}
 */
export async function openJws(text, typ, keys) {
  const parts = text.split(".");
  const [head = "", body = "", tail = ""] = parts;
  if (parts.length !== 3) throw denied("token_malformed");
  const key = keys.keyFor(head, typ);
  const payload = readBase64url(body);
  const signature = readBase64url(tail);
  if (!payload || !signature) throw denied("token_malformed");
  if (signature.length !== 64) throw denied("signature_invalid");
  try {
    await compactVerify(text, key, { algorithms: [ALGORITHM] });
  } catch {
    throw denied("signature_invalid");
  }
  return payload;
}
