/** What one grant allows at one gate: computed once per grant, asked for every field. */

/** @import { Claims } from "./claims.js" */

/** The category of what is part of the event itself: allowed with the purpose. */
export const EVENT = "event";
export const IP = "ip";
const GRANTS_LIMIT = 4096;

/**
 * The allowed categories, `event` among them, and whether a refused address may stay in part.
 *
 * @typedef {{ categories: ReadonlySet<string>, truncateIp: boolean }} Allowance
 */

/**
 * A sensitive field that passes where its category and one of the purposes are granted.
 *
 * @typedef {{ rule: string, category: string, purposes: ReadonlySet<string> }} PriorConsent
 */

export class Allowances {
  /** @type {Map<string, Allowance | null>} */
  #known = new Map();
  #purpose;
  #narrowed;
  #truncate;
  #prior;

  /**
   * @param {string} purpose
   * @param {readonly string[] | undefined} categories what the policy lets this purpose use
   * @param {"drop" | "truncate"} ipWhenRefused
   * @param {readonly PriorConsent[]} prior
   */
  constructor(purpose, categories, ipWhenRefused, prior) {
    this.#purpose = purpose;
    this.#narrowed = categories && new Set(categories);
    this.#truncate = ipWhenRefused === "truncate";
    this.#prior = prior;
  }

  /** What the claims allow here; null if the declared purpose is not granted. @param {Claims} claims */
  of(claims) {
    let found = this.#known.get(claims.grant);
    if (found === undefined) {
      // Grants are signed, so their number is the policy's; the bound is for a policy that keeps changing.
      if (this.#known.size >= GRANTS_LIMIT) this.#known.clear();
      this.#known.set(claims.grant, (found = this.#learn(claims)));
    }
    return found;
  }

  /** @param {Claims} claims @returns {Allowance | null} */
  #learn(claims) {
    if (!claims.purposes.has(this.#purpose)) return null;
    const granted = new Set([...claims.categories].filter((item) => this.#narrowed?.has(item) ?? true)).add(EVENT);
    const rules = this.#prior.filter(
      ({ category, purposes }) => granted.has(category) && [...purposes].some((item) => claims.purposes.has(item)),
    );
    return { categories: new Set([...granted, ...rules.map(({ rule }) => rule)]), truncateIp: this.#truncate };
  }
}
