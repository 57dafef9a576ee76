/** What holds in this page now, and who wants to know when it changes. */
import { guarded } from "./page.js";
import { reasonToAsk, undecided } from "./choice.js";

/** @import { Choice, Config, Consent } from "./types.js" */

/**
 * @param {{ key: string }[]} items
 * @param {(key: string) => boolean} holds
 * @returns {Readonly<Record<string, boolean>>} without a prototype: a page may have written to Object.prototype
 */
const mapOf = (items, holds) => {
  const map = Object.create(null);
  for (const { key } of items) map[key] = holds(key);
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
  /** @type {Set<(consent: Consent) => void>} */
  const listeners = new Set();
  /** What the page knows. */
  let told = "";

  const reason = () => reasonToAsk(choice, config);
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
    const fixed = notice.acquire.filter((item) => !item.optional).map((item) => item.key);
    return Object.freeze({
      state,
      ask: reason() !== null,
      ask_reason: reason(),
      purposes: mapOf(notice.purposes, purposeHolds),
      acquire: mapOf(notice.acquire, (key) => fixed.includes(key) || (confirmed && acquire.has(key))),
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
    reason,
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
      const now = snapshot();
      const before = told;
      told = JSON.stringify(now);
      if (!before || told === before) return;
      for (const listener of [...listeners]) guarded(listener)(now);
      EventTarget.prototype.dispatchEvent.call(document, new CustomEvent("cookiegate:change", { detail: now }));
    },

    /** @param {(consent: Consent) => void} listener */
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** @typedef {ReturnType<typeof createConsent>} ConsentState */
