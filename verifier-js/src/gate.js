/** The gate: nothing passes without a token that grants the declared purpose, and of that only what it grants. */
import { Allowances } from "./allowance.js";
import { BODY_LIMIT_BYTES } from "./bodies.js";
import { Scrubber } from "./carriers.js";
import { Counts } from "./counts.js";
import { refuseUnknown } from "./errors.js";
import { EventRules, STAMP_FIELD } from "./events.js";
import { Filtering } from "./filtering.js";
import { HeaderRules } from "./headers.js";
import { readForeignJson, writeJson } from "./json.js";
import { Moment } from "./moment.js";
import { readLine } from "./request.js";
import { ruleOf } from "./sensitive.js";
import { CATEGORIES, TABLES } from "./tables/index.js";
import { Denied, denied } from "./verdicts.js";

/** @import { JsonObject } from "./json.js" */
/** @import { OpenEvent } from "./events.js" */
/** @import { Known } from "./moment.js" */
/** @import { Filtered, TrackerRequest } from "./request.js" */
/** @import { Route } from "./table.js" */
/** @import { Verdict, Verifier } from "./verifier.js" */

/** So many lines are judged by one look at the clock and the status lists. */
const MOMENT_LINES = 1024;
const OPTIONS = [
  "purpose", "tracker", "categories", "fields", "ipWhenRefused", "bodyLimitBytes", "mounts", "eventTimes", "priorConsent",
];

/**
 * @typedef {object} GateOptions
 * @property {string} purpose the purpose that the data is collected for; empty means that nobody declared one, and
 *   nothing passes
 * @property {string} [tracker] name of the wire format; `plain` when left out
 * @property {readonly string[]} [categories] what the policy lets this purpose collect; what the token grants, when
 *   left out
 * @property {Readonly<Record<string, string>>} [fields] field → category: instead of the table's for `plain`, beside it
 *   for other trackers
 * @property {"drop" | "truncate"} [ipWhenRefused] what becomes of an address that is not granted
 * @property {number} [bodyLimitBytes] largest body, before and after inflating
 * @property {readonly string[]} [mounts] path prefixes, besides none and `/collect/<tracker>`, under which the
 *   tracker's paths are known
 * @property {"checked" | "ignored"} [eventTimes] whether an event must have happened while its token held
 * @property {Readonly<Record<string, readonly string[]>>} [priorConsent] sensitive field → the purposes of which one
 *   must be granted for it to pass
 */

export class Gate {
  /** @type {Map<string, [Route, ...Route[]]>} */
  #routes = new Map();

  /**
   * @param {Verifier} verifier
   * @param {GateOptions} options
   * @throws {TypeError} for an unknown option, tracker, category or rule
   */
  constructor(verifier, options) {
    refuseUnknown(options, OPTIONS);
    const { purpose, tracker = "plain", categories, fields, ipWhenRefused = "drop", eventTimes = "checked" } = options;
    const table = Object.hasOwn(TABLES, tracker) ? TABLES[tracker] : undefined;
    if (!table) throw new TypeError(`no table for the tracker ${tracker}; there are ${Object.keys(TABLES).join(", ")}`);
    const unknown = categories?.filter((item) => !CATEGORIES.some((known) => known === item)) ?? [];
    if (unknown.length) throw new TypeError(`unknown categories: ${unknown.join(", ")}`);
    if (!["drop", "truncate"].includes(ipWhenRefused))
      throw new TypeError(`ipWhenRefused is drop or truncate, not ${ipWhenRefused}`);
    if (!["checked", "ignored"].includes(eventTimes))
      throw new TypeError(`eventTimes is checked or ignored, not ${eventTimes}`);
    this.verifier = verifier;
    this.table = table;
    this.counts = new Counts();
    /** What every event is refused by, whatever its token. */
    this.refusal = purpose ? null : denied("purpose_missing");
    this.bodyLimitBytes = options.bodyLimitBytes ?? BODY_LIMIT_BYTES;
    this.rules = new EventRules(table, fields);
    this.headerRules = new HeaderRules(table);
    this.checksTimes = eventTimes === "checked";
    const prior = Object.entries(options.priorConsent ?? {}).map(([name, purposes]) => ({
      rule: ruleOf(name, ""),
      category: this.rules.categories.get(name) ?? "",
      purposes: new Set(purposes),
    }));
    this.allowances = new Allowances(purpose, categories, ipWhenRefused, prior);
    for (const prefix of [
      "",
      `/collect/${tracker}`,
      ...(options.mounts ?? []).map((mount) => mount.replace(/\/+$/, "")),
    ]) {
      for (const route of table.routes) {
        const address = `${route.method} ${prefix}${route.path}`;
        this.#routes.set(address, [...(this.#routes.get(address) ?? []), route]);
      }
    }
  }

  /** Whether an event may come when its token is over: only where somebody tells what became of the consent. */
  get takesLateEvents() {
    return this.checksTimes && this.verifier.knowsWithdrawals;
  }

  /**
   * Decides about a token and the declared purpose. Never rejects for what a stranger sent.
   *
   * @param {unknown} token
   * @returns {Promise<Verdict>}
   */
  async check(token) {
    if (this.refusal) return { ok: false, reason: this.refusal.reason, claims: null };
    const verdict = await this.verifier.verify(token);
    if (verdict.ok && !this.allowances.of(verdict.claims))
      return { ok: false, reason: "purpose_not_granted", claims: null };
    return verdict;
  }

  /**
   * Filters one event that carries its own token.
   *
   * @param {unknown} event as its tracker makes it; it is not changed
   * @param {{ receivedMs?: number }} [how] when it was received, milliseconds since 1970; now when left out
   * @returns {Promise<JsonObject | null>} a new event with only what is granted, stamped with `consent`; null if it
   *   must not pass. Either is counted in `counts`
   */
  async event(event, { receivedMs } = {}) {
    const moment = await this.#moment();
    const opened = this.#open(event);
    if (!(opened instanceof Denied)) moment.want(opened.token, opened);
    await moment.settle();
    const known = opened instanceof Denied ? opened : moment.known(opened.token);
    const found = this.#finish(opened, known, moment, receivedMs ?? moment.nowMs);
    return found && { ...found.kept, [STAMP_FIELD]: found.claims.stamp };
  }

  async #moment() {
    await this.verifier.freshen();
    return new Moment(this);
  }

  /** @param {unknown} event @returns {OpenEvent | Denied} */
  #open(event) {
    try {
      return this.rules.open(event);
    } catch (error) {
      return asDenied(error);
    }
  }

  /** @param {OpenEvent | Denied} opened @param {Known | Denied} known @param {Moment} moment @param {number} receivedMs */
  #finish(opened, known, moment, receivedMs) {
    try {
      if (opened instanceof Denied) throw opened;
      const { claims, allowance } = moment.decide(known, opened, receivedMs);
      /** @type {string[]} */
      const stripped = [];
      const kept = this.rules.strip(opened, allowance, new Scrubber([opened.token]), stripped);
      this.counts.accepted += 1;
      this.counts.strip(stripped);
      return { kept, claims };
    } catch (error) {
      this.counts.drop(asDenied(error).reason);
      return null;
    }
  }

  /**
   * Filters JSON lines: for `plain` an event each, for other trackers a request
   * (`received_at`, `ip`, `method`, `path`, `headers`, `body` or `body_base64`).
   *
   * @param {Iterable<string | Uint8Array>} lines what there is now, with or without newlines
   * @returns {Promise<string[]>} for each line, in order, what to write: lines that end in a newline, or nothing.
   *   Either is counted in `counts`. Never rejects for what a stranger sent
   */
  async lines(lines) {
    const all = [...lines];
    /** @type {string[]} */
    const found = [];
    for (let start = 0; start < all.length; start += MOMENT_LINES) {
      const moment = await this.#moment();
      const part = all.slice(start, start + MOMENT_LINES);
      if (this.table.name === "plain") await this.#plainLines(part, moment, found);
      else await this.#requestLines(part, moment, found);
    }
    return found;
  }

  /** @param {readonly (string | Uint8Array)[]} lines @param {Moment} moment @param {string[]} found */
  async #plainLines(lines, moment, found) {
    /** @type {{ place: number, opened: OpenEvent }[]} */
    const waiting = [];
    for (const line of lines) {
      const opened = this.#openLine(line);
      const known = opened instanceof Denied ? opened : moment.want(opened.token, opened);
      // What can be judged at once is not kept until the others can.
      if (known) found.push(this.#finishLine(opened, known, moment));
      else if (!(opened instanceof Denied)) waiting.push({ place: found.push("") - 1, opened });
    }
    await moment.settle();
    for (const { place, opened } of waiting)
      found[place] = this.#finishLine(opened, moment.known(opened.token), moment);
  }

  /** @param {string | Uint8Array} line @returns {OpenEvent | Denied} */
  #openLine(line) {
    try {
      return this.rules.open(readForeignJson(line));
    } catch (error) {
      return asDenied(error);
    }
  }

  /** @param {OpenEvent | Denied} opened @param {Known | Denied} known @param {Moment} moment */
  #finishLine(opened, known, moment) {
    const done = this.#finish(opened, known, moment, moment.nowMs);
    return done ? stamped(done.kept, done.claims.stampText) : "";
  }

  /** @param {readonly (string | Uint8Array)[]} lines @param {Moment} moment @param {string[]} found */
  async #requestLines(lines, moment, found) {
    /** @type {{ place: number, filtering: Filtering }[]} */
    const waiting = [];
    for (const line of lines) {
      const filtering = this.#openRequest(line);
      if (filtering === null) found.push("");
      else if (filtering.open(moment)) found.push(this.#finishRequest(filtering, moment));
      else waiting.push({ place: found.push("") - 1, filtering });
    }
    await moment.settle();
    for (const { place, filtering } of waiting) found[place] = this.#finishRequest(filtering, moment);
  }

  /** @param {string | Uint8Array} line @returns {Filtering | null} null for what is no request, which is counted */
  #openRequest(line) {
    try {
      return new Filtering(this, readLine(line));
    } catch (error) {
      this.counts.drop(asDenied(error).reason);
      return null;
    }
  }

  /** @param {Filtering} filtering @param {Moment} moment */
  #finishRequest(filtering, moment) {
    const { accepted, counts } = filtering.finish(moment);
    this.counts.add(counts);
    return accepted.map((request) => request.toLine()).join("");
  }

  /**
   * Filters one request of the tracker, event by event.
   *
   * @param {TrackerRequest} request
   * @returns {Promise<Filtered>} what goes on: one entry per grant in the request, for a batch may hold events of
   *   several visitors. Never rejects for what a stranger sent; the gate's own `counts` stay as they are
   */
  async filter(request) {
    const moment = await this.#moment();
    const filtering = new Filtering(this, request);
    filtering.open(moment);
    await moment.settle();
    return filtering.finish(moment);
  }

  /**
   * The tracker's routes at a method and a path without query; null if the tracker does not send there.
   *
   * @param {string} method
   * @param {string} path
   */
  routes(method, path) {
    return this.#routes.get(`${method.toUpperCase()} ${path}`) ?? null;
  }
}

/** What was thrown, if it is a denial. @param {unknown} error @returns {Denied} @throws {unknown} if it is none */
function asDenied(error) {
  if (error instanceof Denied) return error;
  throw error;
}

/** An accepted event as a line. @param {JsonObject} kept @param {string} stampText */
function stamped(kept, stampText) {
  const text = writeJson(kept);
  return `${text.slice(0, -1)}${text.length > 2 ? "," : ""}"${STAMP_FIELD}":${stampText}}\n`;
}
