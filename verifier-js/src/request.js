/** A tracker's request on its way in, and what may go on of it. */
import { STAMP_FIELD } from "./events.js";
import { isObject, readForeignJson, writeJson } from "./json.js";
import { denied } from "./verdicts.js";

/** @import { Claims } from "./claims.js" */
/** @import { Counts } from "./counts.js" */
/** @import { JsonObject } from "./json.js" */

/**
 * One request of a tracker, as a proxy logged it or a server got it.
 *
 * @typedef {object} TrackerRequest
 * @property {string} method
 * @property {string} path path with its query
 * @property {Iterable<readonly [string, string]> | Readonly<Record<string, string>>} [headers] names in any case
 * @property {string | Uint8Array | null} [body]
 * @property {string | null} [bodyBase64] the body where `body` is null
 * @property {string | null} [receivedAt] RFC 3339
 * @property {string | null} [ip] the client's address, as the receiver believes it
 */

/** @typedef {{ accepted: AcceptedRequest[], counts: Counts }} Filtered one entry per grant in the request */

/**
 * The request in one JSON line.
 *
 * @param {string | Uint8Array} line
 * @returns {TrackerRequest}
 * @throws {import("./verdicts.js").Denied} event_malformed
 */
export function readLine(line) {
  const read = readForeignJson(line);
  if (!isObject(read)) throw denied("event_malformed");
  const method = text(read, "method");
  const path = text(read, "path");
  if (method === null || path === null) throw denied("event_malformed");
  return {
    method,
    path,
    headers: headersOf(read),
    body: text(read, "body"),
    bodyBase64: text(read, "body_base64"),
    receivedAt: text(read, "received_at"),
    ip: text(read, "ip"),
  };
}

/** @param {JsonObject} read @param {string} name */
function text(read, name) {
  const value = Object.hasOwn(read, name) ? read[name] : null;
  if (value !== null && typeof value !== "string") throw denied("event_malformed");
  return value;
}

/** @param {JsonObject} read @returns {Map<string, string>} */
function headersOf(read) {
  /** @type {Map<string, string>} */
  const found = new Map();
  if (!Object.hasOwn(read, "headers")) return found;
  if (!isObject(read["headers"])) throw denied("event_malformed");
  for (const [name, value] of Object.entries(read["headers"])) {
    const values = Array.isArray(value) ? value : [value];
    if (!values.every((item) => typeof item === "string")) throw denied("event_malformed");
    found.set(name, values.join(", "));
  }
  return found;
}

/** What may go on of a request: the events of one grant. Everything in it is granted, and no token is. */
export class AcceptedRequest {
  /**
   * @param {object} parts
   * @param {string} parts.tracker
   * @param {Claims} parts.claims the grant
   * @param {string} parts.method
   * @param {string} parts.path with a query if the tracker sends its event in it
   * @param {Readonly<Record<string, string>>} parts.headers granted ones by lower-case name
   * @param {JsonObject[]} parts.events stripped
   * @param {string | null} parts.body stripped, to forward; null for a request without one
   * @param {string | null} parts.receivedAt as it came
   * @param {string | null} parts.ip as the grant allows it
   */
  constructor({ tracker, claims, method, path, headers, events, body, receivedAt, ip }) {
    this.tracker = tracker;
    this.claims = claims;
    this.method = method;
    this.path = path;
    this.headers = headers;
    this.events = events;
    this.body = body;
    this.receivedAt = receivedAt;
    this.ip = ip;
  }

  /** The JSON lines to log, each ended by a newline: for `plain` a line per event, else one for the request. */
  toLine() {
    if (this.tracker === "plain") return this.events.map((event) => `${writeJson(event)}\n`).join("");
    const line = {
      ...(this.receivedAt === null ? {} : { received_at: this.receivedAt }),
      ...(this.ip === null ? {} : { ip: this.ip }),
      method: this.method,
      path: this.path,
      headers: this.headers,
      body: this.body,
      [STAMP_FIELD]: this.claims.stamp,
    };
    return `${writeJson(line)}\n`;
  }
}
