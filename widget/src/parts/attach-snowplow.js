/**
 * `newTracker("shop", COLLECTOR, cookiegate.attach.snowplow({ appId: "shop" }))`
 *
 * The token is a context of each event. While refused, events are filtered out before they are queued, and what is
 * queued is taken for delivered (204), which empties the queue in memory and in storage.
 */
import { offer } from "../attaching.js";

/** @import { Part } from "../types.js" */

const SCHEMA = "iglu:jp.cookiegate/consent/jsonschema/1-0-0";

/** @type {Part} */
const part = (core) =>
  offer(core, "snowplow", "snowplow", ({ granted, token, follow }) => (configuration = {}) => {
    const send = configuration.customFetch || ((/** @type {Request} */ request) => fetch(request));
    /** @param {any} tracker */
    const activateBrowserPlugin = (tracker) =>
      follow(
        () => tracker.setOptOutCookie(""),
        () => {
          // Any cookie that is there opts out. Without this, the tracker writes its cookies even for filtered events.
          tracker.setOptOutCookie("cg_choice");
          tracker.clearUserData();
          tracker.flushBuffer();
        },
      );
    const contexts = () => {
      const value = token();
      return value ? [{ schema: SCHEMA, data: { token: value } }] : [];
    };
    return {
      ...configuration,
      customFetch: (/** @type {Request} */ request) =>
        granted() ? send(request) : Promise.resolve(new Response(null, { status: 204 })),
      plugins: [...(configuration.plugins || []), { activateBrowserPlugin, contexts, filter: granted }],
    };
  });

export default part;
