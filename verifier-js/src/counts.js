/** What a gate has done: events accepted, fields stripped, events dropped, in bounded memory. */

import { label } from "./sensitive.js";

/** @import { Reason } from "./verdicts.js" */

/** A stranger chooses the names of unknown fields; past this many, they are counted together. */
const NAMES_LIMIT = 512;
const NAME_LIMIT_CHARS = 64;
const OTHER_NAMES = "(other names)";
const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}\p{Zs}]*$/u;
const CONTROLS = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\\", "\\\\"],
]);

export class Counts {
  accepted = 0;
  /** Events by reason. @type {Map<Reason, number>} */
  dropped = new Map();
  /** Removed fields by name, headers as `header <name>`. @type {Map<string, number>} */
  stripped = new Map();

  /** @param {Reason} reason @param {number} [times] */
  drop(reason, times = 1) {
    if (times) this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + times);
  }

  /** @param {Iterable<string>} names @param {number} [times] */
  strip(names, times = 1) {
    for (const name of names) {
      const known = this.stripped.get(name);
      if (known !== undefined) this.stripped.set(name, known + times);
      else this.#meet(name, times);
    }
  }

  /** @param {string} name @param {number} times */
  #meet(name, times) {
    const safe = printable(label(name));
    const shown = this.stripped.has(safe) || this.stripped.size < NAMES_LIMIT ? safe : OTHER_NAMES;
    this.stripped.set(shown, (this.stripped.get(shown) ?? 0) + times);
  }

  /** @param {Counts} other */
  add(other) {
    this.accepted += other.accepted;
    for (const [reason, times] of other.dropped) this.drop(reason, times);
    for (const [name, times] of other.stripped) this.strip([name], times);
  }

  toJSON() {
    return {
      accepted: this.accepted,
      dropped: Object.fromEntries(this.dropped),
      stripped: Object.fromEntries(this.stripped),
    };
  }
}

/** Names go to terminals and logs: no control characters, no novels. @param {string} name */
function printable(name) {
  const letters = name.length > 2 * NAME_LIMIT_CHARS ? name.slice(0, 2 * NAME_LIMIT_CHARS) : name;
  const short = [...letters].slice(0, NAME_LIMIT_CHARS);
  const isQuoted = short.includes("'") && short.includes('"');
  if (PRINTABLE.test(name.replaceAll(" ", ""))) return short.join("");
  return short
    .map((letter) => (isQuoted && letter === "'" ? "\\'" : escaped(letter)))
    .join("")
    .slice(0, NAME_LIMIT_CHARS);
}

/** As Python writes it in ASCII. @param {string} letter */
function escaped(letter) {
  const code = /** @type {number} */ (letter.codePointAt(0));
  if (CONTROLS.has(letter)) return CONTROLS.get(letter);
  if (code >= 32 && code < 127) return letter;
  if (code < 256) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 65536 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}
