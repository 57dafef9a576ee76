/**
 * Google Consent Mode v2: denied until the visitor says otherwise, then what each purpose is worth to Google's tags; and
 * an event in `dataLayer` for a tag manager's triggers. Loads nothing.
 */

/** @import { GoogleConfig, Part } from "../types.js" */

const TYPES = [
  "ad_storage", "ad_user_data", "ad_personalization", "analytics_storage", "functionality_storage",
  "personalization_storage", "security_storage",
];

/** @param {unknown} item */
const push = (item) => void (/** @type {any} */ (window).dataLayer ??= []).push(item);

/** Google's code takes only an `arguments` object for a command. @type {(...command: unknown[]) => void} */
const gtag = function () {
  push(arguments);
};

/** @type {Part} */
const part = ({ config, allows, consent, on, page: { guarded } }) => {
  const { types, options = {}, set = {} } = /** @type {{ google: GoogleConfig }} */ (/** @type {unknown} */ (config)).google;
  const states = () =>
    Object.fromEntries(TYPES.map((type) => [type, types[type] && allows([types[type]]) ? "granted" : "denied"]));
  const byDefault = states();
  let told = JSON.stringify(byDefault);

  gtag("consent", "default", { ...byDefault, ...options });
  for (const name of Object.keys(set)) gtag("set", name, set[name]);

  const tell = guarded(() => {
    const now = states();
    const { state, purposes } = consent.snapshot();
    if (told !== (told = JSON.stringify(now))) gtag("consent", "update", now);
    push({ event: "cookiegate_change", cookiegate: { state, purposes: { ...purposes } } });
  });
  on.changed(tell);
  // What the visitor chose is read when all parts have been put together.
  void Promise.resolve().then(tell);
};

export default part;
