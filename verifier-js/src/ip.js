/**
 * Addresses of visitors: kept whole, cut to a network, or removed. IPv4 keeps 24 bits and IPv6 48; a mapped IPv4
 * address counts as IPv4, and a port is no part of an address.
 */
import { isLonger, strip, unquoted } from "./text.js";

/** @typedef {number[]} Address its parts: four bytes, or eight words */
/** @typedef {{ granted: boolean, truncating: boolean }} IpRule */

const LONGEST = 64;
const FORWARDED_FOR = /(?:^|[;,])\s*for=("[^"]*"|[^;,\s]*)/gi;

/**
 * The address in a text: bare, with a port, in brackets, with a zone; null if there is none.
 *
 * @param {unknown} text
 * @returns {Address | null}
 */
function parse(text) {
  if (typeof text !== "string" || isLonger(text, LONGEST)) return null;
  let bare = strip(text);
  if (bare.startsWith("[")) bare = before(bare.slice(1), "]");
  else if (bare.indexOf(":") >= 0 && bare.indexOf(":") === bare.lastIndexOf(":")) bare = before(bare, ":");
  bare = before(bare, "%");
  const words = bare.includes(":") ? parseIpv6(bare) : null;
  if (!words) return parseIpv4(bare);
  const isMapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  const [, , , , , , high = 0, low = 0] = words;
  return isMapped ? [high >> 8, high & 255, low >> 8, low & 255] : words;
}

/** @param {string} text @param {string} mark */
function before(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? text : text.slice(0, at);
}

/** @param {string} text @returns {Address | null} */
function parseIpv4(text) {
  const parts = text.split(".");
  const isAddress =
    parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256);
  return isAddress ? parts.map(Number) : null;
}

/** @param {string} text @returns {Address | null} */
function parseIpv6(text) {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head = "", tail] = halves;
  const front = readWords(head, tail === undefined);
  const back = tail === undefined ? [] : readWords(tail, true);
  if (!front || !back) return null;
  const missing = 8 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  return [...front, ...new Array(missing).fill(0), ...back];
}

/** @param {string} text @param {boolean} mayEndInIpv4 @returns {number[] | null} */
function readWords(text, mayEndInIpv4) {
  if (text === "") return [];
  /** @type {number[]} */
  const words = [];
  const parts = text.split(":");
  for (const [place, part] of parts.entries()) {
    const ipv4 = mayEndInIpv4 && place === parts.length - 1 && part.includes(".") ? parseIpv4(part) : null;
    if (ipv4) {
      const [first = 0, second = 0, third = 0, fourth = 0] = ipv4;
      words.push(first * 256 + second, third * 256 + fourth);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) words.push(parseInt(part, 16));
    else return null;
  }
  return words;
}

/** RFC 5952: lower case, the longest run of two or more zeros left out. @param {Address} address */
function write(address) {
  if (address.length === 4) return address.join(".");
  let [start, size] = [-1, 1];
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (address[end] === 0) end++;
    if (end - at > size) [start, size] = [at, end - at];
  }
  const words = address.map((word) => word.toString(16));
  return start < 0 ? words.join(":") : `${words.slice(0, start).join(":")}::${words.slice(start + size).join(":")}`;
}

/**
 * The network's first address, such as `203.0.113.0` or `2001:db8:1::`; null if the text is no address.
 *
 * @param {unknown} text
 */
export function truncate(text) {
  const address = parse(text);
  return address && write(address.map((part, place) => (place < 3 ? part : 0)));
}

/**
 * One address as the grant allows it; null where it must go. What is no address always goes.
 *
 * @param {unknown} text
 * @param {IpRule} rule
 */
export function filterAddress(text, { granted, truncating }) {
  if (!granted) return truncating ? truncate(text) : null;
  const address = parse(text);
  return address && write(address);
}

/** A header with more addresses than proxies put there goes as a whole, as in Python. */
const MOST = 64;

/** An `X-Forwarded-For` value; null if nothing is left, or it holds too many. @param {string} value @param {IpRule} rule */
export function filterList(value, rule) {
  const parts = value.split(",");
  if (parts.length > MOST) return null;
  const kept = parts.map((part) => filterAddress(part, rule)).filter((part) => part !== null);
  return kept.join(", ") || null;
}

/**
 * A `Forwarded` value, its `for` members only (RFC 7239); null as above.
 *
 * @param {string} value
 * @param {IpRule} rule
 */
export function filterForwarded(value, rule) {
  const members = [...value.matchAll(FORWARDED_FOR)];
  const kept = [];
  for (const [, member = ""] of members.length > MOST ? [] : members) {
    const address = filterAddress(unquoted(member), rule);
    if (address !== null) kept.push(address.includes(":") ? `for="[${address}]"` : `for=${address}`);
  }
  return kept.join(", ") || null;
}
