/**
 * Browser signals, such as Global Privacy Control: what one affects stays off unless the visitor allowed it by name
 * while it was there. Runs before the page learns of any consent.
 */

/** @import { Core } from "../types.js" */

/** @param {Core} core */
export default ({ config, consent, journal, notes, page, say }) => {
  const { affects = [], dnt } = config.signal || {};
  const seen = navigator.globalPrivacyControl === true ? "gpc" : dnt && navigator.doNotTrack === "1" && "dnt";
  if (!seen) return;

  /** Whether something affected was allowed; by name, in spite of this signal or a stronger one, or else without. */
  const isAllowed = (/** @type {boolean} */ byName, { purposes, despite } = consent.valid()) =>
    affects.some((key) => purposes.has(key)) && (despite === seen || despite === "gpc") === byName;

  notes.push(() => [isAllowed(true) ? "signal_overridden" : "signal_honoured"]);

  const { add } = journal;
  journal.add = (body) => add({ signal: seen, ...body });

  const choice = consent.choice();
  if (isAllowed(false, choice) && !journal.read()) {
    /** @param {Set<string>} keys */
    const rest = (keys) =>
      Object.fromEntries([...keys].filter((key) => !affects.includes(key)).map((key) => [key, true]));
    const { purposes, acquire } = choice;
    journal.add({ notice: config.notice.notice, action: "signal", purposes: rest(purposes), acquire: rest(acquire) });
  }

  if (!config.notice.purposes.every(({ key, always_on }) => always_on || affects.includes(key))) return;
  // The signal is the answer to everything: nobody is asked, and who comes from elsewhere is told.
  config.answered = true;
  if (!page.read("referrer").startsWith(`${location.origin}/`)) void page.parsed.then(() => say("signal_honoured"));
};
