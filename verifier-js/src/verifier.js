/** Decides about consent tokens. Nothing that a stranger sends can raise out of here. */
import { TOKEN_LIMIT_CHARS, TOKEN_TYPE, readClaims } from "./claims.js";
import { TwoGenerations } from "./caching.js";
import { refuseUnknown } from "./errors.js";
import { openJws } from "./jws.js";
import { Sources } from "./sources.js";
import { isLonger } from "./text.js";
import { Denied, denied } from "./verdicts.js";

/** @import { Claims } from "./claims.js" */
/** @import { PublicKeys } from "./jws.js" */
/** @import { Reason } from "./verdicts.js" */

/** The issuer allows 900 s; another that rounds its times apart may be off by a little. */
const LIFETIME_LIMIT_S = 905;

/**
 * What was decided about a token, and why.
 *
 * @typedef {{ ok: true, reason: "ok", claims: Claims } | { ok: false, reason: Reason, claims: null }} Verdict
 */

const OPTIONS = [
  "jwks", "audience", "issuer", "status", "leewayS", "refreshS", "maxStaleS", "minPolicyVersion", "cacheSize", "nowMs", "fetch",
  "waitUntil", "onProblem",
];

/**
 * @typedef {object} VerifierOptions
 * @property {import("./sources.js").Source | import("./jws.js").KeySet} jwks a JWK set, or its address
 * @property {string} audience the site's id; every other `aud` is refused
 * @property {string} [issuer] the one accepted `iss`; any when left out
 * @property {import("./sources.js").Source | readonly import("./sources.js").Source[]} [status] signed status lists, or
 *   their addresses; when left out, a withdrawal takes up to a token's life to be felt
 * @property {number} [leewayS] tolerated clock difference, seconds
 * @property {number} [refreshS] how often addresses are read again, seconds
 * @property {number} [maxStaleS] a list that could not be confirmed for so long denies, seconds
 * @property {number | (() => number)} [minPolicyVersion] the oldest policy version whose consents still hold
 * @property {number} [cacheSize] tokens that are remembered as verified
 * @property {() => number} [nowMs] the time, milliseconds since 1970
 * @property {typeof globalThis.fetch} [fetch]
 * @property {(refreshing: Promise<void>) => void} [waitUntil] is given what goes on in the background, for runtimes
 *   that stop with the answer
 * @property {(problem: Error) => void} [onProblem] is told when an address cannot be read; the console by default
 */

export class Verifier {
  #options;
  #sources;
  #nowMs;
  /** @type {TwoGenerations<Claims>} */
  #cache;
  /** @type {PublicKeys | null} */
  #cachedFor = null;

  /** @param {VerifierOptions} options */
  constructor(options) {
    refuseUnknown(options, OPTIONS);
    if (typeof options.audience !== "string" || !options.audience) throw new TypeError("audience is the site's id");
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.leewayS = options.leewayS ?? 60;
    this.#sources = new Sources(options, this.#nowMs, this.leewayS);
    this.#cache = new TwoGenerations(options.cacheSize ?? 50_000);
  }

  get audience() {
    return this.#options.audience;
  }

  /** Whether a token is looked up that has expired: else nobody could tell what became of its consent. */
  get knowsWithdrawals() {
    return this.#sources.hasLists;
  }

  nowMs() {
    return this.#nowMs();
  }

  /**
   * Reads keys and lists, for those who want to know at the start whether they can be had. Until they could, every
   * token is refused.
   *
   * @throws {import("./errors.js").SourceError} naming what cannot be read or trusted
   */
  ready() {
    return this.#sources.load();
  }

  /**
   * Decides about a token, now. Signature and claims are checked once per text; time, status and policy version every
   * time.
   *
   * @param {unknown} text the compact token; anything that is no token is refused, never raised
   * @returns {Promise<Verdict>}
   */
  async verify(text) {
    await this.freshen();
    const opened = this.recall(text) ?? (await this.open(text));
    if (opened instanceof Denied) return { ok: false, reason: opened.reason, claims: null };
    await this.follow(opened.status.uri);
    const reason = this.standing()(opened);
    return reason === "ok" ? { ok: true, reason, claims: opened } : { ok: false, reason, claims: null };
  }

  /** What to wait for before tokens are judged, if anything. */
  freshen() {
    return this.#sources.freshen();
  }

  /** Whether a list that nobody gave may be read now. @param {string} uri */
  canFollow(uri) {
    return this.#sources.canFollow(uri);
  }

  /** What to wait for before tokens of this list are judged, if anything. @param {string} uri */
  follow(uri) {
    return this.#sources.follow(uri);
  }

  /**
   * What is known of a token without verifying; undefined if nothing is.
   *
   * @param {unknown} text
   * @returns {Claims | Denied | undefined}
   */
  recall(text) {
    if (text === null || text === undefined || text === "") return denied("token_missing");
    if (typeof text !== "string") return denied("token_malformed");
    return this.#trusted().cache.get(text);
  }

  #trusted() {
    const { keys } = this.#sources;
    if (keys !== this.#cachedFor) {
      // The cache goes with its keys: a verification under way puts its result into the cache it started with.
      if (this.#cachedFor) this.#cache = new TwoGenerations(this.#options.cacheSize ?? 50_000);
      this.#cachedFor = keys;
    }
    return { keys, cache: this.#cache };
  }

  /** Everything that is decided once per text. @param {unknown} text @returns {Promise<Claims | Denied>} */
  async open(text) {
    const known = this.recall(text);
    if (known) return known;
    const token = /** @type {string} */ (text);
    const { keys, cache } = this.#trusted();
    try {
      const claims = await this.#read(token, keys);
      // A copy: the text may be a piece of a whole request, which would be kept with it.
      cache.put(JSON.parse(JSON.stringify(token)), claims);
      return claims;
    } catch (error) {
      // What nobody foresaw is a denial, too.
      return error instanceof Denied ? error : denied("token_malformed");
    }
  }

  /** @param {string} text @param {PublicKeys} keys */
  async #read(text, keys) {
    if (isLonger(text, TOKEN_LIMIT_CHARS)) throw denied("token_oversized");
    const claims = readClaims(await openJws(text, TOKEN_TYPE, keys));
    const { issuer, audience } = this.#options;
    if (!claims) throw denied("claims_invalid");
    if (issuer !== undefined && claims.iss !== issuer) throw denied("issuer_mismatch");
    if (claims.aud !== audience) throw denied("audience_mismatch");
    if (claims.exp - claims.iat > LIFETIME_LIMIT_S) throw denied("lifetime_too_long");
    return claims;
  }

  /**
   * A function that tells whether verified claims stand at this moment, for one event or a batch.
   *
   * @param {{ expires?: boolean }} [how] `expires: false` for events that may have happened before, whose own time is
   *   then held against `exp`
   * @returns {(claims: Claims) => Reason}
   */
  standing({ expires = true } = {}) {
    const nowS = Math.floor(this.#nowMs() / 1000);
    const { minPolicyVersion = 0 } = this.#options;
    const oldest = typeof minPolicyVersion === "function" ? minPolicyVersion() : minPolicyVersion;
    const sources = this.#sources;
    return (claims) => {
      if (expires && claims.exp <= nowS - this.leewayS) return "token_expired";
      if (claims.iat > nowS + this.leewayS) return "token_not_yet_valid";
      if (claims.pv < oldest) return "policy_outdated";
      if (!sources.hasLists) return "ok";
      const status = sources.status(claims.status.uri, claims.status.idx);
      return status === 0 ? "ok" : status === null ? "status_unavailable" : "withdrawn";
    };
  }
}
