/** Texts and bytes, as strictly as the gate in Python reads them. */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The text of UTF-8 bytes; a mark at the beginning stays, so that no reader of JSON takes it.
 *
 * @param {Uint8Array} data
 * @throws {TypeError} for anything but UTF-8
 */
export const decodeText = (data) => decoder.decode(data);

/** @param {string} text */
export const encodeText = (text) => encoder.encode(text);

/** White space as Python counts it; a byte order mark is none. */
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/**
 * A text without certain letters at its ends. No regular expression: one that looks for a run at the end begins anew at
 * each letter of every other run.
 *
 * @param {string} text
 * @param {(letter: string) => boolean} goes
 */
function stripLetters(text, goes) {
  let start = 0;
  let end = text.length;
  while (start < end && goes(text.charAt(start))) start++;
  while (end > start && goes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

/** A text without the white space around it, as Python counts it. @param {string} text */
export const strip = (text) => stripLetters(text, (letter) => SPACE.test(letter));

/** A text without the quotes around it, however many. @param {string} text */
export const unquoted = (text) => stripLetters(text, (letter) => letter === '"');

/** A text without the padding at its end. @param {string} text */
export function unpadded(text) {
  let end = text.length;
  while (text[end - 1] === "=") end--;
  return text.slice(0, end);
}

/** Whether a text can be written as UTF-8. @type {(text: string) => boolean} */
export const isWellFormed =
  "isWellFormed" in String.prototype ? (text) => text.isWellFormed() : (text) => !LONE_SURROGATE.test(text);

/**
 * Whether a text is longer than so many characters: a pair of surrogates is one.
 *
 * @param {string} text
 * @param {number} limit
 */
export function isLonger(text, limit) {
  if (text.length <= limit) return false;
  return text.length > 2 * limit || [...text].length > limit;
}

/** @type {Int8Array} */
const VALUES = new Int8Array(128).fill(-1);
for (let place = 0; place < 64; place++) VALUES[ALPHABET.charCodeAt(place)] = place;

/**
 * The bytes behind unpadded base64url, one text for one value (RFC 4648 sections 3.2, 3.3 and 3.5).
 *
 * @param {string} text
 * @returns {Uint8Array | null} null for padding, a foreign character, or stray bits after the last byte
 */
export function readBase64url(text) {
  const rest = text.length % 4;
  if (rest === 1) return null;
  const data = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let place = 0; place < text.length; place++) {
    const value = VALUES[text.charCodeAt(place)] ?? -1;
    if (value < 0) return null;
    held = ((held & 0xff) << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      data[at++] = (held >> bits) & 0xff;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? data : null;
}

/** @param {Uint8Array} data */
export function writeBase64url(data) {
  let text = "";
  for (let place = 0; place < data.length; place += 3) {
    const [first = 0, second = 0, third = 0] = data.subarray(place, place + 3);
    const held = (first << 16) | (second << 8) | third;
    for (let shift = 18; shift >= 0; shift -= 6) text += ALPHABET[(held >> shift) & 63];
  }
  return text.slice(0, Math.ceil((data.length * 4) / 3));
}

/**
 * The bytes behind standard, padded base64.
 *
 * @param {string} text
 * @returns {Uint8Array | null} null for anything else
 */
export function readBase64(text) {
  if (text.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
