/** Queries and forms, read and written as the gate in Python does. */
import { decodeText, encodeText, strip } from "./text.js";
import { denied } from "./verdicts.js";

const FIELDS_LIMIT = 512;
const ASCII_RUN = /[\x00-\x7f]+/g;
/** What each byte becomes in a query. */
const QUOTED = Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte);
  if (/[A-Za-z0-9_.~-]/.test(letter)) return letter;
  return letter === " " ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
});

/**
 * Names and values; of two with one name the first.
 *
 * @param {string} text
 * @returns {Map<string, string>}
 * @throws {import("./verdicts.js").Denied} event_malformed for too many, or what is not UTF-8
 */
export function readQuery(text) {
  /** @type {Map<string, string>} */
  const found = new Map();
  if (!text) return found;
  const pairs = text.split("&");
  if (pairs.length > FIELDS_LIMIT) throw denied("event_malformed");
  for (const pair of pairs) {
    if (!pair) continue;
    const at = pair.indexOf("=");
    const name = unquote(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? "" : unquote(pair.slice(at + 1));
    if (!found.has(name)) found.set(name, value);
  }
  return found;
}

/** @param {string} text */
export const isBlank = (text) => strip(text) === "";

/** @param {string} text */
function unquote(text) {
  const spaced = text.replaceAll("+", " ");
  if (!spaced.includes("%")) return spaced;
  try {
    return spaced.replace(ASCII_RUN, unquoteRun);
  } catch {
    throw denied("event_malformed");
  }
}

/** @param {string} run */
function unquoteRun(run) {
  const data = new Uint8Array(run.length);
  let size = 0;
  for (let at = 0; at < run.length; at++) {
    const hex = run[at] === "%" ? run.slice(at + 1, at + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      data[size++] = parseInt(hex, 16);
      at += 2;
    } else data[size++] = run.charCodeAt(at);
  }
  return decodeText(data.subarray(0, size));
}

/** @param {Iterable<readonly [string, unknown]>} pairs */
export function writeQuery(pairs) {
  const found = [];
  for (const [name, value] of pairs) found.push(`${quote(name)}=${quote(String(value))}`);
  return found.join("&");
}

/** @param {string} text */
function quote(text) {
  let found = "";
  for (const byte of encodeText(text)) found += QUOTED[byte];
  return found;
}
