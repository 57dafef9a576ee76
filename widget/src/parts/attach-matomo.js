/**
 * `cookiegate.attach.matomo()`, before or after matomo.js is there.
 *
 * The token is the parameter `ct` of each request. While refused, a request is made empty, so that the queue in which
 * Matomo keeps what it may not send yet holds nothing that a later yes would send.
 */
import { offer } from "../attaching.js";

/** @import { Part } from "../types.js" */

/** @type {Part} */
const part = (core) =>
  offer(core, "matomo", "matomo", ({ granted, token, follow }) => () => {
    /** matomo.js puts another object in the place of the list. @param {...unknown} command */
    const tell = (...command) => void (/** @type {any} */ (window)._paq ??= []).push(command);
    let stopped = false;
    tell("setCustomRequestProcessing", (/** @type {string} */ request) => {
      const value = token();
      if (!granted() || !request) return "";
      return value ? `${request}&ct=${value}` : request;
    });
    follow(
      // An opt-out on an earlier page is forgotten; cookies that the site itself switched off stay off.
      () => tell(stopped ? "setConsentGiven" : "forgetUserOptOut"),
      () => {
        stopped = true;
        tell("optUserOut");
      },
    );
  });

export default part;
