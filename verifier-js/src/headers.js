/** What a grant leaves of a request's headers and address. */
import { IP } from "./allowance.js";
import { TOKEN_COOKIE, TOKEN_HEADER, cookies } from "./carriers.js";
import * as ip from "./ip.js";
import { COMMON_HEADERS } from "./tables/index.js";

/** @import { Allowance } from "./allowance.js" */
/** @import { Scrubber } from "./carriers.js" */
/** @import { TrackerTable } from "./table.js" */

/** They belong to the connection that ended here: gone without being counted. */
const FRAMING = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const RECEIVED_AT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?$/;

/** A tracker's headers and cookies as allow-lists. */
export class HeaderRules {
  #headers;
  #cookies;

  /** @param {TrackerTable} table */
  constructor(table) {
    this.#headers = new Map([...Object.entries(COMMON_HEADERS), ...Object.entries(table.headers)]);
    this.#cookies = new Map(Object.entries(table.cookies));
  }

  /**
   * The granted headers, without any token.
   *
   * @param {ReadonlyMap<string, string>} headers by lower-case name
   * @param {Allowance} allowance
   * @param {Scrubber} scrubber
   * @param {string[]} stripped receives `header name` for every header that is left out or cut
   * @param {string | null} contentType of the body that the gate writes, whatever was claimed; null if it writes none
   * @returns {Map<string, string>}
   */
  strip(headers, allowance, scrubber, stripped, contentType) {
    /** @type {Map<string, string>} */
    const kept = new Map();
    for (const [name, value] of headers) {
      const left = name === "content-type" ? contentType : this.#value(name, value, allowance);
      if (left !== null) kept.set(name, scrubber.text(left));
      if (left === value || FRAMING.has(name) || name === TOKEN_HEADER || name === "content-type") continue;
      if (name !== "cookie") stripped.push(`header ${name}`);
      else for (const lost of this.#lostCookies(value, allowance)) stripped.push(`cookie ${lost}`);
    }
    return kept;
  }

  /** @param {string} name @param {string} value @param {Allowance} allowance */
  #value(name, value, allowance) {
    if (name === "cookie") {
      const granted = [...cookies(value)].filter(([key]) => this.#grants(key, allowance));
      return granted.map(([key, item]) => `${key}=${item}`).join("; ") || null;
    }
    const category = this.#headers.get(name);
    if (category === IP) return addressHeader(name, value, allowance);
    return category !== undefined && allowance.categories.has(category) ? value : null;
  }

  /** @param {string} cookie @param {Allowance} allowance */
  #grants(cookie, allowance) {
    const category = this.#cookies.get(cookie);
    return category !== undefined && allowance.categories.has(category);
  }

  /** @param {string} header @param {Allowance} allowance */
  #lostCookies(header, allowance) {
    return [...cookies(header).keys()].filter((name) => name !== TOKEN_COOKIE && !this.#grants(name, allowance));
  }
}

/** @param {string} name @param {string} value @param {Allowance} allowance */
function addressHeader(name, value, allowance) {
  const read =
    name === "x-forwarded-for" ? ip.filterList : name === "forwarded" ? ip.filterForwarded : ip.filterAddress;
  return read(value, ipRule(allowance));
}

/** @param {Allowance} allowance */
export const ipRule = (allowance) => ({ granted: allowance.categories.has(IP), truncating: allowance.truncateIp });

/**
 * The time of receipt if it is one, RFC 3339 or close to it; null otherwise.
 *
 * @param {string | null | undefined} text
 */
export const receivedAt = (text) => (text != null && RECEIVED_AT.test(text) ? text : null);
