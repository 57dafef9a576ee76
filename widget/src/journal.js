/**
 * The decision that the service has not acknowledged, kept across pages: a queue of length one, since the latest
 * decision replaces an older one. It identifies nobody: the key is random and used once.
 *
 * A cookie says which: the last digits of its key. So most pages never open the storage, which would take as long as all
 * of our start. What waits on another host of the same domain is void once something newer does; and the preferences
 * page, which has a newer word, writes 0 there.
 */
import { cookie, keepCookie } from "./choice.js";

/** @import { Config, Decision, Pending } from "./types.js" */

const DAYS = 365;

/** 124 random bits, 40 digits. `crypto.randomUUID` is missing on plain http. */
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).map((part) => part | 2 ** 31).join("");

/** @param {Config} config */
export function createJournal({ site, share }) {
  const name = `cg_pending.${site}`;
  /** What waits where storage is refused or full. @type {Pending | null} */
  let kept = null;

  /** @param {Pending | null} entry */
  function write(entry) {
    kept = null;
    keepCookie(name, entry ? entry.key.slice(-6) : "", DAYS, share);
    try {
      // An older one that stays where the newer does not fit is not what the cookie says. One event for the other tabs.
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
      const mark = cookie(name);
      if (mark === "0") write(null);
      try {
        const entry = mark && (kept || JSON.parse(/** @type {any} */ (localStorage.getItem(name))));
        return entry.key?.endsWith(mark) && entry.body.notice && entry.body.action ? entry : null;
      } catch {
        return null;
      }
    },
  };
}

/** @typedef {ReturnType<typeof createJournal>} Journal */
