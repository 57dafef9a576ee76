/** What the adapters of trackers share: whether theirs may collect, the token, and being told when that changes. */

/** @import { Core } from "./types.js" */

/**
 * @typedef {object} Hold
 * @property {() => boolean} granted whether the tracker's purpose is in effect now
 * @property {() => string | null} token the token while it is; null also while a new one is under way
 * @property {(start: () => void, stop: () => void) => void} follow starts or stops the tracker now, and with each change
 */

/**
 * Gives the page `cookiegate.attach[member]`.
 *
 * @param {Core} core
 * @param {string} tracker as the policy names it; the part is `attach-<tracker>`, its config the tracker's purpose
 * @param {string} member
 * @param {(hold: Hold) => (...given: any[]) => unknown} adapt
 */
export function offer(core, tracker, member, adapt) {
  const purpose = /** @type {any} */ (core.config)[`attach-${tracker}`];
  const granted = () => core.allows([purpose]);

  /** @type {Hold["follow"]} */
  const follow = (start, stop) => {
    let runs = granted();
    if (runs) start();
    // A yes that only waits to be confirmed again is not taken back: what the tracker keeps may stay.
    else if (!core.consent.valid().purposes.has(purpose)) stop();
    core.on.refused((purposes) => {
      if (!purposes.includes(purpose)) return;
      runs = false;
      stop();
    });
    core.on.changed(() => {
      if (runs || !granted()) return;
      runs = true;
      start();
    });
  };

  const attach = adapt({ granted, token: () => (granted() ? core.tokens.alive() : null), follow });
  (core.api.attach ??= {})[member] = (/** @type {any[]} */ ...given) => {
    (core.stops ??= new Set()).add(purpose);
    return attach(...given);
  };
}
