/** Where a request may carry its token, and how a token's text is kept out of everything else. */
import { isObject, setMember } from "./json.js";
import { isLonger, strip, unquoted } from "./text.js";

export const TOKEN_HEADER = "x-consent-token";
export const TOKEN_PARAMETER = "ct";
export const TOKEN_COOKIE = "cg_token";
const CHOICE_COOKIE = "cg_choice";
/** Shorter text is no token of ours; taking it out of an event could take out anything. */
const SHORTEST = 64;
/** So many tokens are looked for one by one; of more, the parts between their dots are looked up. */
const FEW = 4;
/** A text that holds more tokens than this is left empty. */
const MOST = 16;

/**
 * Every token of a request, the deciding one first: header, query, cookie. An empty carrier carries nothing.
 *
 * @param {ReadonlyMap<string, string>} headers by lower-case name
 * @param {ReadonlyMap<string, string>} query
 * @returns {string[]}
 */
export function requestTokens(headers, query) {
  const cookie = cookies(headers.get("cookie") ?? "").get(TOKEN_COOKIE);
  const found = [strip(headers.get(TOKEN_HEADER) ?? ""), query.get(TOKEN_PARAMETER), cookie];
  return /** @type {string[]} */ (found.filter(Boolean));
}

/**
 * Whether the visitor's own browser says that they refused: the page writes it at once, even while it cannot reach the
 * service to end the token. This can only make a gate stricter.
 *
 * @param {string} header the `Cookie` header
 */
export const saysRefused = (header) => (cookies(header).get(CHOICE_COOKIE) ?? "").startsWith("refused");

/**
 * Names and raw values; of two with one name the first, as browsers put it (RFC 6265 sections 4.2 and 5.4).
 *
 * @param {string} header
 */
export function cookies(header) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const pair of header.split(";")) {
    const text = strip(pair);
    const at = text.indexOf("=");
    const name = text.slice(0, at);
    if (at >= 0 && !found.has(name)) found.set(name, unquoted(text.slice(at + 1)));
  }
  return found;
}

/**
 * Takes the tokens of one request out of texts that a grant keeps, such as a page address with `?ct=`. However many
 * tokens there are, the work grows with the texts alone.
 */
export class Scrubber {
  /** For many: the part between a token's two dots → the numbers of those that have it. @type {Map<string, number[]>} */
  #byMiddle = new Map();
  /** The numbers of those that have no such part; a request's own, so there are few. @type {number[]} */
  #others = [];

  /** @param {Iterable<unknown>} tokens whatever came in a token's place */
  constructor(tokens) {
    /** @type {Set<string>} */
    const found = new Set();
    for (const token of tokens) {
      if (typeof token === "string" && isLonger(token, SHORTEST - 1)) found.add(token);
    }
    this.tokens = [...found];
    if (this.tokens.length > FEW) this.#sort();
  }

  #sort() {
    for (const [number, token] of this.tokens.entries()) {
      const [, middle = "", ...rest] = token.split(".");
      if (rest.length !== 1) this.#others.push(number);
      else this.#byMiddle.set(middle, [...(this.#byMiddle.get(middle) ?? []), number]);
    }
  }

  /** @param {string} value */
  text(value) {
    if (value.length < SHORTEST) return value;
    const found = this.#in(value);
    if (!found.length) return value;
    if (found.length > MOST) return "";
    let left = value;
    for (const token of found) left = left.replaceAll(token, "");
    // A text made so that taking a token out puts one together is not worth keeping.
    return this.#in(left).length ? "" : left;
  }

  /** The tokens in a text, in their order; more than `MOST` that may be in it are not looked for. @param {string} value */
  #in(value) {
    if (this.tokens.length <= FEW) return this.tokens.filter((token) => value.includes(token));
    const numbers = new Set(this.#others);
    for (const part of value.split(".").slice(1, -1)) {
      for (const number of this.#byMiddle.get(part) ?? []) numbers.add(number);
    }
    const found = [...numbers].sort((one, other) => one - other).map((number) => this.tokens[number] ?? "");
    return found.length > MOST ? found : found.filter((token) => value.includes(token));
  }

  /** A JSON value without any of the tokens in its texts; objects are changed. @param {unknown} value @returns {unknown} */
  scrub(value) {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.scrub(item));
    if (!isObject(value)) return value;
    for (const name of Object.keys(value)) {
      const item = value[name];
      const mayHold = typeof item === "string" ? item.length >= SHORTEST : typeof item === "object";
      if (mayHold) setMember(value, name, this.scrub(item));
    }
    return value;
  }
}
