/**
 * `cookiegate.attach.posthog(posthog)`, right after `posthog.init(…)`.
 *
 * The token is the property `consent_token` of each event. Opting out leaves PostHog's queue as it is, and would keep
 * its ids: both go.
 */
import { offer } from "../attaching.js";

/** @import { Part } from "../types.js" */

/** @type {Part} */
const part = (core) =>
  offer(core, "posthog", "posthog", ({ granted, token, follow }) => (posthog) => {
    const own = posthog.config?.before_send ?? [];
    const limiter = posthog.rateLimiter;
    const limits = limiter?.isServerRateLimited;
    /** @param {any} event */
    const addToken = (event) => {
      if (!event || !granted()) return null;
      const value = token();
      if (value) event.properties.consent_token = value;
      return event;
    };
    posthog.set_config({ before_send: [].concat(own, /** @type {any} */ (addToken)) });
    // Whatever leaves the queue asks this first, and is dropped without a trace where the answer is yes.
    if (limits) limiter.isServerRateLimited = (/** @type {string} */ key) => !granted() || limits.call(limiter, key);
    follow(
      () => posthog.has_opted_out_capturing() && posthog.opt_in_capturing({ captureEventName: null }),
      () => {
        posthog.reset(true);
        posthog.set_config({ opt_out_persistence_by_default: true });
        posthog.opt_out_capturing();
      },
    );
  });

export default part;
