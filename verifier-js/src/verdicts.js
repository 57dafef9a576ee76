/** A denial on its way up from a strict reader to the verdict; it never leaves the verifier or the gate. */
import { REASONS } from "./tables/index.js";

/** @typedef {(typeof REASONS)[number]} Reason the one word for a verdict; the reference of the gate explains each */

export class Denied {
  /** @param {Reason} reason */
  constructor(reason) {
    this.reason = reason;
  }
}

/** One object per reason: throwing costs no stack trace. */
const DENIED = new Map(REASONS.map((reason) => [reason, Object.freeze(new Denied(reason))]));

/**
 * @param {Reason} reason
 * @returns {Denied} the denial to throw, or to keep
 */
export const denied = (reason) => /** @type {Denied} */ (DENIED.get(reason));
