/**
 * Keys and status lists, given or read from addresses, and kept fresh while tokens are asked about: no timer runs, for
 * edge runtimes have none between requests. What is due is read again in the background; what has not been confirmed
 * for twice that long is waited for; a list past its longest staleness tells nothing, so that its tokens are refused.
 */
import { SourceError } from "./errors.js";
import { Address } from "./fetching.js";
import { PublicKeys } from "./jws.js";
import { readTokenObject } from "./json.js";
import { SIGNED_LIMIT_BYTES, openStatusList } from "./statuslist.js";
import { encodeText } from "./text.js";

/** @import { StatusList } from "./statuslist.js" */
/** The text of a signed document, or its http(s) address. @typedef {string | URL} Source */
/** @typedef {{ list: StatusList, address: Address | null, confirmedMs: number }} Held */

const JWKS_LIMIT_BYTES = 1_048_576;
const RETRY_S = 10;
const REFRESH_S = 60;
const MAX_STALE_S = 300;
const isAddress = (/** @type {string} */ text) => /^https?:\/\//i.test(text);

export class Sources {
  #nowMs;
  #leewayS;
  #refreshMs;
  #maxStaleMs;
  #options;
  /** @type {Address | null} */
  #jwks = null;
  /** @type {Address[]} */
  #addresses = [];
  /** @type {string[]} */
  #texts = [];
  /** @type {Map<string, Held>} */
  #held = new Map();
  /** Folder of a list's name → folder of its address. @type {Map<string, string>} */
  #beside = new Map();
  /** @type {Map<string, number>} */
  #triedMs = new Map();
  /** @type {Map<string, Promise<void>>} */
  #following = new Map();
  /** @type {Set<string>} */
  #failing = new Set();
  /** @type {Promise<void> | null} */
  #round = null;
  #isLoaded = false;
  #confirmedMs = -Infinity;
  #nextMs = -Infinity;
  /** @type {string | null} */
  #jwksText = null;

  /** @param {import("./verifier.js").VerifierOptions} options @param {() => number} nowMs @param {number} leewayS */
  constructor(options, nowMs, leewayS) {
    this.#options = options;
    this.#nowMs = nowMs;
    this.#leewayS = leewayS;
    this.#refreshMs = 1000 * (options.refreshS ?? REFRESH_S);
    this.#maxStaleMs = 1000 * (options.maxStaleS ?? MAX_STALE_S);
    /** The keys that are trusted now; another object whenever they changed. */
    this.keys = new PublicKeys();
    const { jwks, status } = options;
    this.hasLists = status !== undefined;
    if (typeof jwks === "string" || jwks instanceof URL) this.#jwks = this.#address(String(jwks), JWKS_LIMIT_BYTES);
    for (const source of status === undefined ? [] : Array.isArray(status) ? status : [status]) {
      if (isAddress(String(source))) this.#addresses.push(this.#address(String(source), SIGNED_LIMIT_BYTES));
      else this.#texts.push(String(source));
    }
  }

  /** @param {string} href @param {number} limitBytes */
  #address(href, limitBytes) {
    if (!isAddress(href)) throw new TypeError(`${href} is no http(s) address`);
    return new Address(href, limitBytes, this.#options.fetch ?? ((...request) => globalThis.fetch(...request)));
  }

  /** Reads everything for the first time; the same promise for all who ask. */
  load() {
    if (this.#isLoaded) return Promise.resolve();
    this.#round ??= this.#run(() => this.#loadAll());
    return this.#round;
  }

  async #loadAll() {
    const beganMs = this.#nowMs();
    this.#nextMs = beganMs + 1000 * RETRY_S;
    if (this.#jwks) await this.#readKeys(this.#jwks);
    else this.keys = await usable(this.#options.jwks, "the key set");
    for (const text of this.#texts) this.#hold(await openStatusList(text, this.keys), null, beganMs);
    for (const address of this.#addresses) await this.#readList(address);
    this.#isLoaded = true;
    this.#confirmedMs = beganMs;
    this.#nextMs = beganMs + this.#refreshMs;
  }

  /** @param {() => Promise<void>} work */
  #run(work) {
    const round = work().finally(() => {
      this.#round = null;
    });
    round.catch(() => undefined);
    return round;
  }

  /** What to wait for before tokens are judged, if anything. Never rejects. @returns {Promise<void> | undefined} */
  freshen() {
    const nowMs = this.#nowMs();
    if (!this.#isLoaded) {
      if (!this.#round && nowMs < this.#nextMs) return undefined;
      return this.load().catch((error) => this.#complain("load", error));
    }
    if (!this.#jwks && !this.#addresses.length) return undefined;
    if (nowMs >= this.#nextMs && !this.#round) {
      this.#round = this.#run(() => this.#refresh());
      this.#options.waitUntil?.(this.#round);
    }
    return this.#round && nowMs >= this.#confirmedMs + 2 * this.#refreshMs ? this.#round : undefined;
  }

  /** One round: keys first, for a new list may be signed by a new key. A failure leaves what was read before. */
  async #refresh() {
    const beganMs = this.#nowMs();
    this.#nextMs = beganMs + 1000 * RETRY_S;
    let isWhole = true;
    /** @param {Address} address @param {() => Promise<void>} read */
    const attempt = async (address, read) => {
      try {
        await read();
        this.#failing.delete(address.href);
      } catch (error) {
        isWhole = false;
        this.#complain(address.href, error);
      }
    };
    const jwks = this.#jwks;
    if (jwks) await attempt(jwks, () => this.#readKeys(jwks));
    for (const address of [...this.#addresses]) await attempt(address, () => this.#readList(address));
    if (!isWhole) return;
    this.#confirmedMs = beganMs;
    this.#nextMs = beganMs + this.#refreshMs;
  }

  /** Says the first of each row of failures. @param {string} place @param {unknown} error */
  #complain(place, error) {
    if (this.#failing.has(place)) return;
    this.#failing.add(place);
    const problem = error instanceof Error ? error : new SourceError(String(error));
    if (this.#options.onProblem) this.#options.onProblem(problem);
    else globalThis.console?.warn(`cookiegate: ${problem.message}`);
  }

  /** @param {Address} address */
  async #readKeys(address) {
    const found = await address.read();
    if (!found) return;
    if (found.text !== this.#jwksText) {
      this.keys = await usable(readTokenObject(encodeText(found.text)), address.href);
      this.#jwksText = found.text;
      // The keys are others now: every list is read whole again.
      for (const list of this.#addresses) list.forget();
    }
    found.keep();
  }

  /** @param {Address} address */
  async #readList(address) {
    const beganMs = this.#nowMs();
    const found = await address.read();
    if (found) {
      const list = await openStatusList(found.text, this.keys);
      this.#hold(list, address, beganMs);
      this.#beside.set(folder(list.uri), folder(address.href));
      found.keep();
    } else {
      for (const held of this.#held.values()) if (held.address === address) held.confirmedMs = beganMs;
    }
  }

  /** @param {StatusList} list @param {Address | null} address @param {number} confirmedMs */
  #hold(list, address, confirmedMs) {
    if (!this.#isInForce(list)) throw new SourceError(`the status list ${list.uri} has expired or is not valid yet`);
    const held = this.#held.get(list.uri);
    // An older copy could hide a withdrawal that is already known.
    if (!held || held.list.issuedAtS <= list.issuedAtS) this.#held.set(list.uri, { list, address, confirmedMs });
  }

  /** @param {StatusList} list */
  #isInForce(list) {
    const nowS = Math.floor(this.#nowMs() / 1000);
    return list.issuedAtS - this.#leewayS <= nowS && nowS < list.expiresAtS + this.#leewayS;
  }

  /**
   * The status at a place of a list; null if it cannot be told now, and the token must be refused.
   *
   * @param {string} uri
   * @param {number} idx
   */
  status(uri, idx) {
    const held = this.#held.get(uri);
    if (!held || !this.#isInForce(held.list)) return null;
    if (held.address && this.#nowMs() - held.confirmedMs > this.#maxStaleMs) return null;
    return held.list.find(idx);
  }

  /**
   * Where a list that a signed token names and nobody gave may be read: beside the lists that were given by address,
   * and nowhere else, for a service opens a new list when the last one is full.
   *
   * @param {string} uri
   */
  #place(uri) {
    if (!this.hasLists || this.#held.has(uri)) return null;
    const name = uri.slice(folder(uri).length + 1);
    const home = this.#beside.get(folder(uri));
    const isTried = this.#nowMs() - (this.#triedMs.get(uri) ?? -Infinity) < 1000 * RETRY_S;
    return home === undefined || isTried || !/^[A-Za-z0-9]+$/.test(name) ? null : `${home}/${name}`;
  }

  /** Whether there is something to wait for before tokens of this list are judged. @param {string} uri */
  canFollow(uri) {
    return this.#following.has(uri) || this.#place(uri) !== null;
  }

  /** Reads such a list; whoever asks meanwhile waits for the same reading. @param {string} uri */
  async follow(uri) {
    const href = this.#place(uri);
    if (href !== null) {
      const address = this.#address(href, SIGNED_LIMIT_BYTES);
      const reading = this.#readList(address).then(
        () => void this.#addresses.push(address),
        (error) => this.#complain(href, error),
      );
      this.#triedMs.set(uri, this.#nowMs());
      this.#following.set(
        uri,
        reading.finally(() => this.#following.delete(uri)),
      );
    }
    await this.#following.get(uri);
  }
}

/** @param {string} address */
const folder = (address) => address.slice(0, Math.max(0, address.lastIndexOf("/")));

/** @param {unknown} jwks @param {string} name */
async function usable(jwks, name) {
  let keys;
  try {
    keys = await PublicKeys.read(jwks);
  } catch (error) {
    throw new SourceError(`${name} is no JWK set: ${error instanceof Error ? error.message : error}`);
  }
  if (!keys.size) throw new SourceError(`${name} holds no ES256 signing key with a kid`);
  return keys;
}
