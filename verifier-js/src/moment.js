/** What a gate knows of tokens at one moment: asked once for all events of that moment. */
import { Denied, denied } from "./verdicts.js";

/** @import { Allowance } from "./allowance.js" */
/** @import { Claims } from "./claims.js" */
/** @import { OpenEvent } from "./events.js" */
/** @import { Gate } from "./gate.js" */
/** @import { Reason } from "./verdicts.js" */
/** @typedef {{ claims: Claims, allowance: Allowance }} Decision */
/** @typedef {{ claims: Claims, allowance: Allowance | null, reason: Reason }} Known */

export class Moment {
  #gate;
  #stands;
  /** Null for a token that has to be waited for. @type {Map<unknown, Known | Denied | null>} */
  #known = new Map();
  /** Events whose client's id may have to be hashed. @type {{ token: unknown, opened: OpenEvent }[]} */
  #waiting = [];

  /** @param {Gate} gate whose verifier is fresh */
  constructor(gate) {
    this.#gate = gate;
    this.#stands = gate.verifier.standing({ expires: !gate.takesLateEvents });
    this.nowMs = gate.verifier.nowMs();
  }

  /**
   * Says that an event will be judged by a token.
   *
   * @param {unknown} token
   * @param {OpenEvent} opened
   * @returns {Known | Denied | null} what to decide by; null where the moment has to be settled first
   */
  want(token, opened) {
    if (this.#gate.refusal) return this.#gate.refusal;
    let known = this.#known.get(token);
    if (known === undefined) this.#known.set(token, (known = this.#recall(token)));
    if (known !== null && (known instanceof Denied || this.#toLearn(known, opened) === null)) return known;
    this.#waiting.push({ token, opened });
    return null;
  }

  /** What to decide by, once the moment is settled. @param {unknown} token @returns {Known | Denied} */
  known(token) {
    return this.#gate.refusal ?? this.#known.get(token) ?? denied("token_malformed");
  }

  /** @param {unknown} token */
  #recall(token) {
    const { verifier } = this.#gate;
    const found = verifier.recall(token);
    if (found === undefined || found instanceof Denied) return found ?? null;
    return verifier.canFollow(found.status.uri) ? null : this.#judged(found);
  }

  /** @param {Claims} claims @returns {Known} */
  #judged(claims) {
    return { claims, allowance: this.#gate.allowances.of(claims), reason: this.#stands(claims) };
  }

  /** @param {Known} known @param {OpenEvent} opened */
  #toLearn({ claims }, opened) {
    return claims.bindings.size ? this.#gate.rules.binding.toLearn(claims, opened.fields) : null;
  }

  /** Finds out what is waited for. */
  async settle() {
    if (!this.#waiting.length) return;
    const pending = [...this.#known].filter(([, known]) => known === null).map(([token]) => this.#open(token));
    await Promise.all(pending);
    /** @type {Set<string>} */
    const texts = new Set();
    for (const { token, opened } of this.#waiting) {
      const known = this.#known.get(token);
      const text = known && !(known instanceof Denied) ? this.#toLearn(known, opened) : null;
      if (text !== null) texts.add(text);
    }
    await Promise.all([...texts].map((text) => this.#gate.rules.binding.learn(text)));
  }

  /** @param {unknown} token */
  async #open(token) {
    const { verifier } = this.#gate;
    const found = await verifier.open(token);
    if (!(found instanceof Denied)) await verifier.follow(found.status.uri);
    this.#known.set(token, found instanceof Denied ? found : this.#judged(found));
  }

  /**
   * The claims of the token that an event goes by, and what they allow of the event.
   *
   * @param {Known | Denied} known
   * @param {OpenEvent} opened
   * @param {number} receivedMs
   * @returns {Decision}
   * @throws {Denied}
   */
  decide(known, opened, receivedMs) {
    if (known instanceof Denied) throw known;
    const { claims, allowance, reason } = known;
    if (reason !== "ok") throw denied(reason);
    const { rules, verifier, checksTimes } = this.#gate;
    const timely = checksTimes ? rules.times.judge(claims, opened.fields, receivedMs, verifier.leewayS) : "ok";
    if (timely !== "ok") throw denied(timely);
    if (!allowance) throw denied("purpose_not_granted");
    if (!rules.binding.matches(claims, opened.fields)) throw denied("binding_mismatch");
    return { claims, allowance };
  }
}
