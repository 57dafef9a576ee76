/**
 * `cookiegate.attach.ga4("G-XXXXXXXX")`, before `gtag("config", …)`.
 *
 * The token is the parameter `consent_token` of each event. While refused, Google's own switch for the property is off.
 * What Google's consent mode is told is the part `google`.
 */
import { offer } from "../attaching.js";

/** @import { Part } from "../types.js" */

/** @type {Part} */
const part = (core) =>
  offer(core, "ga4", "ga4", ({ token, follow }) => (/** @type {string[]} */ ...ids) => {
    /** gtag.js takes only an `arguments` object for a command. @type {(...command: unknown[]) => void} */
    const gtag = function () {
      (/** @type {any} */ (window).dataLayer ??= []).push(arguments);
    };
    /** @param {boolean} isOff */
    const turn = (isOff) => {
      for (const id of ids) /** @type {any} */ (window)[`ga-disable-${id}`] = isOff;
    };
    let given = "";
    const give = () => {
      const value = token();
      if (value && value !== given) gtag("set", { consent_token: (given = value) });
    };
    const { service } = core;
    const fetchToken = service.token;
    service.token = async () => {
      const answer = await fetchToken();
      setTimeout(give); // once it has been taken
      return answer;
    };
    follow(
      () => {
        turn(false);
        give();
      },
      () => {
        turn(true);
        gtag("set", { consent_token: null });
        given = "";
      },
    );
  });

export default part;
