/**
 * JSON from strangers. `JSON.parse` takes what it can read without loss; the rest goes through a reader of our own that
 * keeps large integers whole, counts depth, and can refuse a name that is given twice.
 */
import { decodeText, isWellFormed } from "./text.js";
import { denied } from "./verdicts.js";

/** @typedef {Record<string, unknown>} JsonObject */

/** Deeper than this is nobody's event; the gate in Python stops at its interpreter's limit, a little further. */
const DEPTH_LIMIT = 900;
/** Python reads no longer integer. */
const DIGITS_LIMIT = 4300;
/** From so many digits on, an integer may be past what a double tells exactly. */
const LONG_DIGITS = 16;
/** A number that may be past a double. */
const HUGE = /[eE]\+?[0-9]{3}/;
/** Half a pair of surrogates. */
const SURROGATE = /\\u[dD][89a-fA-F]/;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const WORDS = /** @type {const} */ ([
  ["true", true],
  ["false", false],
  ["null", null],
]);

class Faulty extends Error {}

/** @param {unknown} value @returns {value is JsonObject} */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {string} text @param {string} letter */
function count(text, letter) {
  let found = 0;
  for (let at = text.indexOf(letter); at >= 0; at = text.indexOf(letter, at + 1)) found++;
  return found;
}

/** @param {string} text @param {number} at */
function isDigit(text, at) {
  const code = text.charCodeAt(at);
  return code > 47 && code < 58;
}

/** Whether so many digits follow one another: a look at every so-manieth character finds them. @param {string} text */
function hasLongDigits(text) {
  for (let at = LONG_DIGITS - 1; at < text.length; at += LONG_DIGITS) {
    if (!isDigit(text, at)) continue;
    let size = 1;
    for (let before = at - 1; isDigit(text, before); before--) size++;
    for (let after = at + 1; isDigit(text, after); after++) size++;
    if (size >= LONG_DIGITS) return true;
  }
  return false;
}

/** Whether `JSON.parse` could lose or take something that it must not. @param {string} text */
const isDelicate = (text) =>
  hasLongDigits(text) || HUGE.test(text) || (text.includes("\\u") && SURROGATE.test(text)) || mayBeDeep(text);

/** @param {string} text */
const mayBeDeep = (text) => text.length > 2 * DEPTH_LIMIT && count(text, "[") + count(text, "{") > DEPTH_LIMIT;

/** Sets a member, whatever its name. @param {JsonObject} object @param {string} name @param {unknown} value */
export function setMember(object, name, value) {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  } else object[name] = value;
}

class Reader {
  /**
   * @param {string} text
   * @param {{ unique: boolean, number(text: string, isInteger: boolean): unknown, text(text: string): string }} rules
   */
  constructor(text, rules) {
    this.text = text;
    this.rules = rules;
    this.at = 0;
    this.depth = 0;
  }

  /** @returns {unknown} */
  read() {
    const value = this.value();
    this.skip();
    if (this.at < this.text.length) throw new Faulty();
    return value;
  }

  skip() {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at++;
    }
  }

  /** @param {string} letter @returns {boolean} whether it was there, and is passed */
  take(letter) {
    this.skip();
    if (this.text[this.at] !== letter) return false;
    this.at++;
    return true;
  }

  /** @returns {unknown} */
  value() {
    this.skip();
    const letter = this.text[this.at];
    if (letter === '"') return this.string();
    if (letter === "{") return this.inside(() => this.object());
    if (letter === "[") return this.inside(() => this.list());
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  /** @template T @param {() => T} read */
  inside(read) {
    if (++this.depth > DEPTH_LIMIT) throw new Faulty();
    this.at++;
    const value = read();
    this.depth--;
    return value;
  }

  object() {
    /** @type {JsonObject} */
    const found = {};
    if (this.take("}")) return found;
    do {
      this.skip();
      const name = this.string();
      if (!this.take(":")) throw new Faulty();
      if (this.rules.unique && Object.hasOwn(found, name)) throw new Faulty();
      setMember(found, name, this.value());
    } while (this.take(","));
    if (!this.take("}")) throw new Faulty();
    return found;
  }

  list() {
    /** @type {unknown[]} */
    const found = [];
    if (this.take("]")) return found;
    do found.push(this.value());
    while (this.take(","));
    if (!this.take("]")) throw new Faulty();
    return found;
  }

  string() {
    const start = this.at;
    if (this.text[start] !== '"') throw new Faulty();
    let at = start + 1;
    let isEscaped = false;
    for (; ; at++) {
      const code = this.text.charCodeAt(at);
      if (code === 34) break;
      if (code === 92) {
        isEscaped = true;
        at++;
      } else if (!(code >= 32)) throw new Faulty();
    }
    this.at = at + 1;
    const text = isEscaped ? JSON.parse(this.text.slice(start, at + 1)) : this.text.slice(start + 1, at);
    return this.rules.text(text);
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (!found) throw new Faulty();
    this.at = NUMBER.lastIndex;
    return this.rules.number(found[0], found[1] === undefined && found[2] === undefined);
  }
}

/** @param {string} text */
function readInteger(text) {
  if (text.length < 16) return Number(text) + 0;
  if (text.length - (text[0] === "-" ? 1 : 0) > DIGITS_LIMIT) throw new Faulty();
  const exact = BigInt(text);
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}

const OF_EVENTS = {
  unique: false,
  /** @param {string} text @param {boolean} isInteger */
  number(text, isInteger) {
    const value = isInteger ? readInteger(text) : Number(text);
    if (typeof value === "number" && !Number.isFinite(value)) throw new Faulty();
    return value;
  },
  /** @param {string} text */
  text(text) {
    if (!isWellFormed(text)) throw new Faulty();
    return text;
  },
};

const OF_TOKENS = {
  unique: true,
  /**
   * A number that is no integer becomes NaN: no claim of ours may be one.
   *
   * @param {string} text
   * @param {boolean} isInteger
   */
  number: (text, isInteger) => (isInteger ? readInteger(text) : NaN),
  /** @param {string} text */
  text: (text) => text,
};

/**
 * The value in a text. Integers past 2^53 become bigints; of a name given twice, the last stays.
 *
 * @param {string} text well-formed
 * @returns {unknown}
 * @throws {import("./verdicts.js").Denied} event_malformed
 */
export function readJson(text) {
  try {
    return isDelicate(text) ? new Reader(text, OF_EVENTS).read() : JSON.parse(text);
  } catch {
    throw denied("event_malformed");
  }
}

/**
 * The same for the bytes or the text of somebody else.
 *
 * @param {Uint8Array | string} data
 * @returns {unknown}
 * @throws {import("./verdicts.js").Denied} event_malformed
 */
export function readForeignJson(data) {
  return readJson(readForeignText(data));
}

/**
 * @param {Uint8Array | string} data
 * @throws {import("./verdicts.js").Denied} event_malformed for what is not UTF-8
 */
export function readForeignText(data) {
  if (typeof data === "string") {
    if (!isWellFormed(data)) throw denied("event_malformed");
    return data;
  }
  try {
    return decodeText(data);
  } catch {
    throw denied("event_malformed");
  }
}

/**
 * One JSON object of a token: no name twice, integers exact, everything else that is a number NaN.
 *
 * Source: RFC 7515 section 4 and RFC 7519 section 4.
 *
 * @param {Uint8Array} data
 * @returns {JsonObject | null} null for anything else
 */
export function readTokenObject(data) {
  try {
    const value = new Reader(decodeText(data), OF_TOKENS).read();
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * The JSON text of a value that may hold bigints.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function writeJson(value) {
  try {
    return JSON.stringify(value);
  } catch {
    return writeExactly(value);
  }
}

/** @param {unknown} value @returns {string} */
function writeExactly(value) {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(writeExactly).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, item]) => `${JSON.stringify(name)}:${writeExactly(item)}`)
    .join()}}`;
}
