/**
 * When an event happened, and whether its token covers that moment: its grant held from `iat` to `exp`. An event of
 * that time may come later, from a tracker's queue or a log; its consent is looked up when it comes, its time is asked
 * here.
 */
import { valueAt } from "./paths.js";

/** @import { Claims } from "./claims.js" */
/** @import { Reason } from "./verdicts.js" */
/** @typedef {(value: unknown) => number | null} TimeReader */

/** Tolerated difference between the clocks of the issuer, the receiver and the client, before `iat`. */
const SKEW_S = 60;
/** Numbers below are no times of the web: 2001-09-09, when milliseconds got their thirteenth digit. */
const EARLIEST_MS = 1_000_000_000_000;
const LATEST_MS = 253_402_300_800_000;
const NUMBER = /^[0-9]{1,20}(\.[0-9]{1,9})?$/;
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?$/;

/** @param {number} perMs @returns {TimeReader} */
const numberReader = (perMs) => (value) => {
  const found = typeof value === "bigint" || (typeof value === "string" && NUMBER.test(value)) ? Number(value) : value;
  return typeof found === "number" && found >= 0 && found < 1e20 ? Math.trunc(found * perMs) : null;
};

/** @param {unknown} value @param {boolean} [isZoneNeeded] */
function readRfc3339(value, isZoneNeeded = true) {
  const found = typeof value === "string" ? RFC3339.exec(value) : null;
  if (!found || (isZoneNeeded && !found[8])) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map(Number);
  const [, zoneHour = 0, zoneMinute = 0] = /^[+-](\d\d):(\d\d)$/.exec(found[8] ?? "")?.map(Number) ?? [];
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  if (year < 1 || at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) return null;
  if (hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return null;
  const offsetS = (zoneHour * 60 + zoneMinute) * (found[8]?.startsWith("-") ? -60 : 60);
  const seconds = at.getTime() / 1000 + hour * 3600 + minute * 60 + second - offsetS;
  const micros = Number((found[7] ?? "").padEnd(6, "0").slice(0, 6));
  // By way of seconds, as Python counts them: the last millisecond must not depend on the language.
  return Math.trunc(((seconds * 1e6 + micros) / 1e6) * 1000);
}

/** @type {ReadonlyMap<string, TimeReader>} */
const READERS = new Map([
  ["ms", numberReader(1)],
  ["ms_text", numberReader(1)],
  ["s", numberReader(1000)],
  ["s_text", numberReader(1000)],
  ["ns_text", numberReader(1e-6)],
  ["rfc3339", (value) => readRfc3339(value)],
]);

/** Finds an event's time and holds it against a token. */
export class EventTimes {
  #fields;

  /**
   * @param {readonly import("./table.js").TimeField[]} fields the first that can be read counts
   * @param {(path: string) => readonly string[]} split
   */
  constructor(fields, split) {
    this.#fields = fields.map(({ path, unit, is_age: isAge }) => {
      const read = READERS.get(unit);
      if (!read) throw new TypeError(`${path}: no such unit of time: ${unit}`);
      return { path: split(path), read, isAge };
    });
  }

  /**
   * The time that the client gives; null if it gives none that can be read.
   *
   * @param {unknown} event
   * @param {number} receivedMs
   */
  #clientMs(event, receivedMs) {
    for (const { path, read, isAge } of this.#fields) {
      const found = read(valueAt(event, path));
      if (found !== null && isAge) return receivedMs - found;
      if (found !== null && found >= EARLIEST_MS && found < LATEST_MS) return found;
    }
    return null;
  }

  /**
   * Whether the token covers the event's time, which is never later than its receipt.
   *
   * @param {Claims} claims
   * @param {unknown} event
   * @param {number} receivedMs
   * @param {number} leewayS the verifier's, for an event that tells no time
   * @returns {Reason}
   */
  judge(claims, event, receivedMs, leewayS) {
    const toldMs = this.#clientMs(event, receivedMs);
    const atMs = toldMs === null ? receivedMs : Math.min(toldMs, receivedMs);
    if (atMs < (claims.iat - SKEW_S) * 1000) return "event_too_early";
    if (toldMs === null) return Math.floor(atMs / 1000) >= claims.exp + leewayS ? "token_expired" : "ok";
    return atMs > claims.exp * 1000 ? "event_too_late" : "ok";
  }
}

/**
 * When a request was received: what it says, but never later than now.
 *
 * @param {string | null | undefined} receivedAt
 * @param {number} nowMs
 */
export function receiptMs(receivedAt, nowMs) {
  const told = readRfc3339(receivedAt, false);
  return told === null ? nowMs : Math.min(told, nowMs);
}
