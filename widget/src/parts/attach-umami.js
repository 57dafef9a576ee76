/**
 * `window.beforeSend = cookiegate.attach.umami()`, with `data-before-send="beforeSend"` on Umami's script tag.
 *
 * The token is `consent_token` of the payload.
 */
import { offer } from "../attaching.js";

/** @import { Part } from "../types.js" */

/** @type {Part} */
const part = (core) =>
  offer(
    core, "umami", "umami",
    ({ granted, token }) => (/** @type {any} */ own = (/** @type {string} */ _type, /** @type {any} */ payload) => payload) =>
      async (/** @type {string} */ type, /** @type {any} */ payload) => {
        const kept = granted() && (await own(type, payload));
        // It may have been taken back meanwhile.
        return kept && granted() ? { ...kept, consent_token: token() ?? undefined } : null;
      },
  );

export default part;
