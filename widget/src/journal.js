/**
 * The decision that the service has not acknowledged, kept across pages: a queue of length one, since the latest
 * decision replaces an older one. It identifies nobody: the key is random and used once.
 */

/** @import { Decision, Pending } from "./types.js" */

/** 128 random bits. `crypto.randomUUID` is missing on plain http. */
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join("");

/** @param {string} site */
export function createJournal(site) {
  const name = `cg_pending.${site}`;
  /** What holds where storage is refused or full: undefined as long as storage works. @type {Pending | null | undefined} */
  let kept;

  /** @param {Pending | null} entry */
  function write(entry) {
    kept = undefined;
    try {
      if (entry) localStorage.setItem(name, JSON.stringify(entry));
      else localStorage.removeItem(name);
    } catch {
      kept = entry;
    }
  }

  return {
    name,
    write,

    /** @param {Decision} body */
    add: (body) => write({ key: newKey(), body, sent: false }),

    /** @returns {Pending | null} null also for what a page or another version may have left there */
    read() {
      if (kept !== undefined) return kept;
      try {
        const entry = JSON.parse(localStorage.getItem(name) || "");
        return /^\w{16,128}$/.test(entry.key) && entry.body.notice && entry.body.action ? entry : null;
      } catch {
        return null;
      }
    },
  };
}

/** @typedef {ReturnType<typeof createJournal>} Journal */
