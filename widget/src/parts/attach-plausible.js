/**
 * `init(cookiegate.attach.plausible({ domain, endpoint }))`
 *
 * The token rides in the address, as `ct`: the tracker's last word about a page passes by its other hooks. An address
 * that is refused is no address, so nothing is sent.
 */
import { offer } from "../attaching.js";

/** @import { Part } from "../types.js" */

/** Where the tracker sends by itself. */
const ENDPOINT = "https://plausible.io/api/event";

/** @type {Part} */
const part = (core) =>
  offer(core, "plausible", "plausible", ({ granted, token }) => (options) => ({
    ...options,
    endpoint: {
      toString() {
        if (!granted()) throw TypeError("not granted");
        const address = new URL(options.endpoint || ENDPOINT, core.page.read("baseURI"));
        const value = token();
        if (value) address.searchParams.set("ct", value);
        return address.href;
      },
    },
    transformRequest: (/** @type {unknown} */ payload) =>
      granted() ? (options.transformRequest ? options.transformRequest(payload) : payload) : null,
  }));

export default part;
