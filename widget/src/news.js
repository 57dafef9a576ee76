/** Something that happens, and who wants to know of it. */
import { guarded } from "./page.js";

/** @template Value */
export function createNews() {
  /** @type {Set<(value: Value) => void>} */
  const listeners = new Set();
  return {
    /** @param {Value} value */
    tell(value) {
      for (const listener of [...listeners]) guarded(listener)(value);
    },

    /** @param {(value: Value) => void} listener @returns {() => void} ends that */
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
