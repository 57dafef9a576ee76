/** What holds in this page now, and who wants to know when it changes. */
import { format, reasonToAsk, undecided } from "./choice.js";
import { createNews } from "./news.js";
import { documents } from "./page.js";

/** @import { Choice, Config, Consent } from "./types.js" */

/**
 * @template {{ key: string }} Item
 * @param {Item[]} items
 * @param {(item: Item) => boolean} holds
 * @returns {Readonly<Record<string, boolean>>} without a prototype: a page may have written to Object.prototype
 */
const mapOf = (items, holds) => {
  const map = Object.create(null);
  for (const item of items) map[item.key] = holds(item);
  return Object.freeze(map);
};

/**
 * @param {Config} config its notice may be replaced by a newer one
 * @param {() => boolean} isPending
 */
export function createConsent(config, isPending) {
  let choice = undecided();
  /** Set by the first token: until the service has confirmed a grant, nothing of it is in effect. */
  let confirmed = false;
  /** @type {ReturnType<typeof createNews<Consent>>} */
  const changed = createNews();
  /** @type {ReturnType<typeof createNews<string[]>>} */
  const refused = createNews();
  /** What the page knows. */
  let told = "";
  /** Optional purposes that were in effect here. */
  let used = new Set();

  const reason = () => reasonToAsk(choice, config);
  /** Why the visitor is asked. */
  const asks = () => (config.answered ? null : reason());
  /** The choice, where it still counts. */
  const valid = () => (reason() ? undecided() : choice);

  /** @param {string} purpose */
  const purposeHolds = (purpose) =>
    config.notice.purposes.some(
      ({ key, always_on }) => key === purpose && (always_on || (confirmed && valid().purposes.has(key))),
    );

  /** @returns {Consent} */
  const snapshot = () => {
    const { state, version, epoch, acquire } = valid();
    const { notice } = config;
    return Object.freeze({
      state,
      ask: asks() !== null,
      ask_reason: asks(),
      purposes: mapOf(notice.purposes, ({ key }) => purposeHolds(key)),
      acquire: mapOf(notice.acquire, ({ key, optional }) => !optional || (confirmed && acquire.has(key))),
      policy_version: version,
      epoch,
      pending: isPending() || (state === "granted" && !confirmed),
      gpc: navigator.globalPrivacyControl === true,
    });
  };

  return {
    snapshot,
    choice: () => choice,
    valid,
    reason: asks,
    purposeHolds,
    isConfirmed: () => confirmed,

    /**
     * @param {Choice} next
     * @param {boolean} isConfirmed
     */
    set(next, isConfirmed) {
      choice = next;
      confirmed = isConfirmed;
    },

    /** Tells the page, if anything has changed since it was last told. */
    tell() {
      const before = told;
      told = [asks(), isPending(), confirmed, format(valid())].join();
      if (before && told !== before) {
        const now = snapshot();
        changed.tell(now);
        documents.dispatchEvent.call(document, new CustomEvent("cookiegate:change", { detail: now }));
      }
      // A grant that waits to be confirmed again has not been taken back.
      const { purposes } = valid();
      const gone = [...used].filter((key) => !purposes.has(key));
      used = new Set(purposes);
      if (gone.length) refused.tell(gone);
    },

    changed,
    /** Tells which purposes were in effect and are no more, when the page knows that. */
    refused,
  };
}

/** @typedef {ReturnType<typeof createConsent>} ConsentState */
