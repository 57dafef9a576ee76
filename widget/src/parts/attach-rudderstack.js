/**
 * `cookiegate.attach.rudder(rudderanalytics)`, once the SDK is there.
 *
 * The token is `context.consentToken` of each event. The SDK has no opt-out and asks nobody before it sends, so its
 * five calls are wrapped: while refused they do nothing.
 */
import { offer } from "../attaching.js";

/** @import { Part } from "../types.js" */

const CALLS = ["page", "track", "identify", "group", "alias"];
/** Where the SDK keeps what it has not delivered. */
const QUEUES = /^rudder_.*\.(queue|batchQueue|inProgress|ack|reclaim\w*)$/;

/** @type {Part} */
const part = (core) =>
  offer(core, "rudderstack", "rudder", ({ granted, token, follow }) => (rudder) => {
    for (const name of CALLS) {
      const call = rudder[name];
      rudder[name] = (/** @type {unknown[]} */ ...given) => {
        if (!granted()) return;
        const value = token();
        if (value) rudder.setCustomContext?.({ consentToken: value });
        call.apply(rudder, given);
      };
    }
    follow(
      () => {},
      () => {
        rudder.reset(true);
        for (const key of Object.keys(localStorage)) if (QUEUES.test(key)) localStorage.removeItem(key);
      },
    );
  });

export default part;
