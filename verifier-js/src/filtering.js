/** One request of a tracker on its way through a gate: read, decided event by event, stripped, put together again. */
import { readBytes } from "./bodies.js";
import { Scrubber, TOKEN_PARAMETER, requestTokens, saysRefused } from "./carriers.js";
import { Counts } from "./counts.js";
import { STAMP_FIELD } from "./events.js";
import { receiptMs } from "./eventtimes.js";
import { isEmpty } from "./fields.js";
import { ipRule, receivedAt } from "./headers.js";
import { filterAddress } from "./ip.js";
import { readQuery, writeQuery } from "./query.js";
import { AcceptedRequest } from "./request.js";
import { readShape, writeShape, writeShapeQuery } from "./shapes.js";
import { Denied, denied } from "./verdicts.js";

/** @import { Allowance } from "./allowance.js" */
/** @import { Claims } from "./claims.js" */
/** @import { OpenEvent } from "./events.js" */
/** @import { Gate } from "./gate.js" */
/** @import { JsonObject } from "./json.js" */
/** @import { Known, Moment } from "./moment.js" */
/** @import { Filtered, TrackerRequest } from "./request.js" */
/** @import { Opened } from "./shapes.js" */
/** @import { Route } from "./table.js" */
/** @typedef {{ number: number, opened: OpenEvent, token: unknown, known: Known | Denied | null }} Asked */
/** @typedef {{ claims: Claims, allowance: Allowance, number: number, event: JsonObject }} Kept */
/**
 * What one grant leaves of what events share, the names of what goes, and how many events that concerns.
 *
 * @typedef {{ kept: JsonObject, stripped: string[], times: number }} LeftOfShared
 */

/** Why the issuer's signature was not found; a stranger's junk is not worth looking for in texts. */
const UNSIGNED = new Set([
  "token_missing",
  "token_oversized",
  "token_malformed",
  "algorithm_denied",
  "type_denied",
  "key_unknown",
  "signature_invalid",
]);

export class Filtering {
  #gate;
  #request;
  #path;
  #headers;
  #query = new Map();
  #counts = new Counts();
  #isReady = true;
  #receivedMs = 0;
  /** @type {Opened | null} */
  #opened = null;
  /** @type {string[]} */
  #tokens = [];
  /** @type {Asked[]} */
  #events = [];
  #scrubber = new Scrubber([]);
  /** @type {Map<JsonObject, JsonObject>} */
  #openedShared = new Map();
  /** By what is shared and by grant. @type {Map<JsonObject, Map<Allowance, LeftOfShared>>} */
  #leftOfShared = new Map();

  /** @param {Gate} gate @param {TrackerRequest} request */
  constructor(gate, request) {
    this.#gate = gate;
    this.#request = request;
    const at = request.path.indexOf("?");
    this.#path = at < 0 ? request.path : request.path.slice(0, at);
    this.#headers = lowerCased(request.headers ?? []);
  }

  /**
   * Reads the request, and tells the moment which tokens it will ask about.
   *
   * @param {Moment} moment
   * @returns {boolean} whether it can be finished now, before the moment is settled
   */
  open(moment) {
    try {
      this.#receivedMs = receiptMs(this.#request.receivedAt, moment.nowMs);
      const { events, shared } = (this.#opened = this.#read());
      if (saysRefused(this.#headers.get("cookie") ?? "")) {
        this.#counts.drop("withdrawn", events.length);
        return true;
      }
      this.#tokens = requestTokens(this.#headers, this.#query);
      for (const [number, event] of events.entries()) this.#openEvent(number, event, shared[number], moment);
    } catch (error) {
      this.#drop(error);
    }
    return this.#isReady;
  }

  #read() {
    const routes = this.#gate.routes(this.#request.method, this.#path);
    this.#query = readQuery(this.#request.path.slice(this.#path.length + 1));
    if (!routes) throw denied("tracker_mismatch");
    const query = new Map(this.#query);
    query.delete(TOKEN_PARAMETER);
    const hasBody = routes.some(({ events }) => events !== "query");
    const encoding = this.#headers.get("content-encoding") ?? "";
    const data = hasBody ? readBytes(this.#request, encoding, this.#gate.bodyLimitBytes) : new Uint8Array();
    return readShape(routes, data, query, this.#headers.get("content-type") ?? "");
  }

  /** @param {number} number @param {unknown} event @param {JsonObject | undefined} shared @param {Moment} moment */
  #openEvent(number, event, shared, moment) {
    try {
      const opened = this.#gate.rules.open(event, shared && !isEmpty(shared) ? this.#openShared(shared) : null);
      const token = opened.token === undefined ? this.#tokens[0] : opened.token;
      const known = moment.want(token, opened);
      if (!known) this.#isReady = false;
      this.#events.push({ number, opened, token, known });
    } catch (error) {
      this.#drop(error);
    }
  }

  /** Once for all events that share it: the work must not be their number times its size. @param {JsonObject} shared */
  #openShared(shared) {
    let found = this.#openedShared.get(shared);
    if (!found) this.#openedShared.set(shared, (found = this.#gate.rules.openShared(shared)));
    return found;
  }

  /** @param {unknown} error */
  #drop(error) {
    if (!(error instanceof Denied)) throw error;
    this.#counts.drop(error.reason);
  }

  /** The outcome, once the moment is settled. @param {Moment} moment @returns {Filtered} */
  finish(moment) {
    const decided = [];
    // Of the events' own tokens those that the issuer signed, good here or not: each is good somewhere.
    const signed = [];
    for (const { number, opened, token, known } of this.#events) {
      try {
        decided.push({ number, opened, ...moment.decide(known ?? moment.known(token), opened, this.#receivedMs) });
        signed.push(opened.token);
      } catch (error) {
        this.#drop(error);
        if (!UNSIGNED.has(/** @type {Denied} */ (error).reason)) signed.push(opened.token);
      }
    }
    this.#scrubber = new Scrubber([...this.#tokens, ...signed]);
    /** @type {Map<string, Kept[]>} */
    const groups = new Map();
    for (const { number, opened, claims, allowance } of decided) {
      const event = this.#strip(opened, allowance);
      if (!event) continue;
      const group = groups.get(claims.stampText);
      const kept = { claims, allowance, number, event };
      if (group) group.push(kept);
      else groups.set(claims.stampText, [kept]);
    }
    for (const left of this.#leftOfShared.values()) {
      for (const { stripped, times } of left.values()) this.#counts.strip(stripped, times);
    }
    const read = this.#opened;
    return {
      accepted: read ? [...groups.values()].map((group) => this.#accept(read, group)) : [],
      counts: this.#counts,
    };
  }

  /** @param {OpenEvent} opened @param {Allowance} allowance */
  #strip(opened, allowance) {
    /** @type {string[]} */
    const stripped = [];
    try {
      const event = this.#gate.rules.strip(opened, allowance, this.#scrubber, stripped);
      this.#counts.accepted += 1;
      this.#counts.strip(stripped);
      return opened.shared ? { ...event, ...this.#stripShared(opened.shared, allowance) } : event;
    } catch (error) {
      this.#drop(error);
      return null;
    }
  }

  /** @param {JsonObject} shared @param {Allowance} allowance */
  #stripShared(shared, allowance) {
    const left = this.#leftOfShared.get(shared) ?? new Map();
    this.#leftOfShared.set(shared, left);
    let found = left.get(allowance);
    if (!found) {
      found = { kept: {}, stripped: [], times: 0 };
      found.kept = this.#gate.rules.stripShared(shared, allowance, this.#scrubber, found.stripped);
      left.set(allowance, found);
    }
    found.times += 1;
    return found.kept;
  }

  /** @param {Opened} read @param {Kept[]} group */
  #accept(read, group) {
    const { claims, allowance } = /** @type {Kept} */ (group[0]);
    const { ip = null, receivedAt: came } = this.#request;
    const { table, rules, headerRules } = this.#gate;
    const { route } = read;
    /** @param {Kept} item @returns {Kept} */
    const stamped = (item) => ({ ...item, event: { ...item.event, [STAMP_FIELD]: claims.stamp } });
    const kept = table.name === "plain" ? group.map(stamped) : group;
    /** @type {string[]} */
    const names = [];
    const written = route.events === "query" ? null : route.content_type || table.content_type;
    const headers = headerRules.strip(this.#headers, allowance, this.#scrubber, names, written);
    const rule = ipRule(allowance);
    if (ip !== null && !rule.granted) names.push("ip");
    const around = rules.stripAround(route, read.around, allowance, this.#scrubber, names);
    const own = writeShapeQuery(read, kept);
    const parameters = own.length ? own : this.#beside(route, allowance, names);
    this.#counts.strip(names);
    return new AcceptedRequest({
      tracker: table.name,
      claims,
      method: route.method,
      path: parameters.length ? `${this.#path}?${writeQuery(parameters)}` : this.#path,
      headers: Object.fromEntries(headers),
      events: kept.map(({ event }) => event),
      body: writeShape(read, kept, around),
      receivedAt: receivedAt(came),
      ip: filterAddress(ip, rule),
    });
  }

  /**
   * What stays of the parameters beside a body.
   *
   * @param {Route} route
   * @param {Allowance} allowance
   * @param {string[]} names
   */
  #beside(route, allowance, names) {
    /** @type {[string, unknown][]} */
    const found = [];
    if (route.events !== "body" && route.events !== "form") return found;
    for (const [name, value] of this.#query) {
      const category = Object.hasOwn(route.query, name) ? route.query[name] : undefined;
      if (category !== undefined && allowance.categories.has(category)) found.push([name, this.#scrubber.text(value)]);
      else if (name !== TOKEN_PARAMETER && name !== route.compression) names.push(`query ${name}`);
    }
    return found;
  }
}

/** @param {NonNullable<TrackerRequest["headers"]>} headers @returns {Map<string, string>} */
function lowerCased(headers) {
  const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
  return new Map([...entries].map(([name, value]) => [name.toLowerCase(), value]));
}
