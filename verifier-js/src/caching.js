/**
 * A bounded memory whose hit is one look-up: when the young half is full, the old half is let go. What is used stays.
 *
 * @template Value
 */
export class TwoGenerations {
  /** @type {Map<string, Value>} */
  #young = new Map();
  /** @type {Map<string, Value>} */
  #old = new Map();
  #half;

  /** @param {number} size the most entries that are held */
  constructor(size) {
    this.#half = Math.max(1, Math.floor(size / 2));
  }

  get size() {
    return this.#young.size + this.#old.size;
  }

  /** @param {string} key @returns {Value | undefined} */
  get(key) {
    let value = this.#young.get(key);
    if (value === undefined) {
      value = this.#old.get(key);
      if (value !== undefined) this.put(key, value);
    }
    return value;
  }

  /** @param {string} key @param {Value} value */
  put(key, value) {
    if (this.#young.size >= this.#half) [this.#old, this.#young] = [this.#young, new Map()];
    this.#young.set(key, value);
  }

  clear() {
    this.#young.clear();
    this.#old.clear();
  }
}
