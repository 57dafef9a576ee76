/**
 * Where the events of a request are, by the shape of its route: taken out, and put together again. A shape knows
 * places, not trackers: a list in a JSON body, lists in lists, a form, a query, a query with lines.
 */
import { readFormBase64 } from "./bodies.js";
import { isObject, readForeignJson, readForeignText, setMember, writeJson } from "./json.js";
import { isBlank, readQuery, writeQuery } from "./query.js";
import { strip } from "./text.js";
import { Denied, denied } from "./verdicts.js";

/** @import { JsonObject } from "./json.js" */
/** @import { Level, Route } from "./table.js" */
/** Number and rest of an event that stays. @typedef {{ number: number, event: JsonObject }} Kept */

/** Each line is an event with all that they share. */
const LINES_LIMIT = 250;
/** So many events may be in any JSON body; a larger one may hold one for every so many bytes. */
const EVENTS_LIMIT = 2000;
const EVENT_BYTES = 64;
const COMPRESSIONS = new Set(["", "gzip", "gzip-js", "base64", "none"]);
const TEXT_TYPES = new Set(["", "application/json", "application/x-www-form-urlencoded", "text/plain"]);

/**
 * The events of a request, and what is needed to write some of them again.
 *
 * @typedef {object} Opened
 * @property {Route} route the route whose shape it has
 * @property {readonly unknown[]} events what stands in the events' places, of any type
 * @property {readonly JsonObject[]} shared for lines and nested bodies, what each event has besides that it shares with others;
 *   events that share it have the same object
 * @property {JsonObject} around members around the list, as they came
 * @property {"member" | "list" | "one"} lies where a JSON body has them
 * @property {readonly (readonly number[])[]} places for nested bodies, where each event was: a number for each outer
 *   list
 * @property {readonly ReadonlySet<string>[]} own for lines, the fields of each event that are its own and not shared
 * @property {string} newline what ends a line
 */

/** @param {Route} route @param {readonly unknown[]} events @param {Partial<Opened>} [more] @returns {Opened} */
const opened = (route, events, more) => ({
  route,
  events,
  shared: [],
  around: {},
  lies: "one",
  places: [],
  own: [],
  newline: "\n",
  ...more,
});

/**
 * The events of a request.
 *
 * @param {readonly [Route, ...Route[]]} routes all routes of the request's address
 * @param {Uint8Array} data the body, inflated
 * @param {ReadonlyMap<string, string>} query without a token
 * @param {string} contentType as the request gives it
 * @returns {Opened}
 * @throws {Denied} event_malformed, encoding_unknown or body_too_large
 */
export function readShape(routes, data, query, contentType) {
  const route = choose(routes, data);
  if (route.compression !== null && !COMPRESSIONS.has(query.get(route.compression) ?? ""))
    throw denied("encoding_unknown");
  if (route.events === "query") return opened(route, [fromPairs(query)]);
  if (route.events === "lines") return readLines(route, data, query);
  if (route.events === "body") return readJsonShape(route, data, contentType);
  const form = readQuery(readForeignText(data));
  if (route.packed_in === null) return opened(route, [fromPairs(form)]);
  return readJsonShape(route, readFormBase64(form.get(route.packed_in) ?? ""), contentType);
}

/**
 * The route whose shape the body has, by its first byte; the first route if none fits.
 *
 * @param {readonly [Route, ...Route[]]} routes
 * @param {Uint8Array} data
 */
function choose(routes, data) {
  const start = data.find((byte) => !(byte === 32 || (byte > 8 && byte < 14)));
  const isJson = start === 0x7b || start === 0x5b;
  const wanted = start === undefined ? ["query", "lines"] : isJson ? ["body"] : ["form", "lines"];
  return routes.find((route) => wanted.includes(route.events)) ?? routes[0];
}

/** @param {Iterable<readonly [string, unknown]>} pairs */
function fromPairs(pairs) {
  /** @type {JsonObject} */
  const found = {};
  for (const [name, value] of pairs) setMember(found, name, value);
  return found;
}

/** @param {Route} route @param {Uint8Array} data @param {ReadonlyMap<string, string>} query */
function readLines(route, data, query) {
  const text = readForeignText(data);
  const texts = text.split(/\r?\n/).filter((line) => !isBlank(line));
  if (texts.length > LINES_LIMIT) throw denied("body_too_large");
  const lines = texts.length ? texts.map(readQuery) : [new Map()];
  const all = fromPairs(query);
  /** What a line says otherwise than the address is its own. @param {ReadonlyMap<string, string>} line */
  const isMixed = (line) => [...line.keys()].some((name) => query.has(name));
  return opened(
    route,
    lines.map((line) => fromPairs(isMixed(line) ? [...query, ...line] : line)),
    {
      shared: lines.map((line) => (isMixed(line) ? {} : all)),
      own: lines.map((line) => new Set(line.keys())),
      newline: text.includes("\r\n") ? "\r\n" : "\n",
    },
  );
}

/** @param {Route} route @param {Uint8Array} data @param {string} contentType */
function readJsonShape(route, data, contentType) {
  const body = readBody(data, contentType);
  const found = takeOut(route, body);
  if (found.events.length > Math.max(EVENTS_LIMIT, Math.floor(data.length / EVENT_BYTES)))
    throw denied("body_too_large");
  return route.items === "query" && found.lies === "member"
    ? { ...found, events: found.events.map(readItem) }
    : found;
}

/** @param {Route} route @param {unknown} body */
function takeOut(route, body) {
  if (route.levels.length) {
    const found = new Nested(route.levels);
    found.descend(body, 0, {}, []);
    return opened(route, found.events, { shared: found.shared, places: found.places });
  }
  const { list_at: at, many } = route;
  if (at !== null && isObject(body) && (Object.hasOwn(body, at) || !many)) return readMember(route, at, body);
  if (at !== null && !many) throw denied("event_malformed");
  return many && Array.isArray(body) ? opened(route, body, { lies: "list" }) : opened(route, [body]);
}

/** @param {Uint8Array} data @param {string} contentType */
function readBody(data, contentType) {
  try {
    return readForeignJson(data);
  } catch (error) {
    const type = strip(contentType.split(";")[0] ?? "").toLowerCase();
    throw TEXT_TYPES.has(type) ? error : denied("encoding_unknown");
  }
}

/** @param {Route} route @param {string} at @param {JsonObject} body */
function readMember(route, at, body) {
  const events = Object.hasOwn(body, at) ? body[at] : null;
  if (!Array.isArray(events) || !isEnvelope(body, route)) throw denied("event_malformed");
  const around = fromPairs(
    Object.entries(body).filter(([name]) => name !== at && !Object.hasOwn(route.envelope, name)),
  );
  return opened(route, events, { around, lies: "member" });
}

/** An event that is a query in a text; whatever is none is left to be dropped by itself. @param {unknown} item */
function readItem(item) {
  if (typeof item !== "string") return null;
  try {
    return fromPairs(readQuery(item.startsWith("?") ? item.slice(1) : item));
  } catch (error) {
    if (error instanceof Denied) return null;
    throw error;
  }
}

/** Another minor version of the envelope's schema holds the same list. @param {JsonObject} body @param {Route} route */
const isEnvelope = (body, route) =>
  Object.entries(route.envelope).every(([name, text]) => {
    const found = Object.hasOwn(body, name) ? body[name] : null;
    return typeof found === "string" && folder(found) === folder(text);
  });

/** @param {string} text */
const folder = (text) => text.slice(0, Math.max(0, text.lastIndexOf("/")));

/** The events of lists in lists. */
class Nested {
  /** @type {(JsonObject | null)[]} */
  events = [];
  /** @type {JsonObject[]} */
  shared = [];
  /** @type {(readonly number[])[]} */
  places = [];
  #levels;
  #names;

  /** @param {readonly Level[]} levels */
  constructor(levels) {
    this.#levels = levels;
    this.#names = new Set(levels.flatMap((level) => Object.values(level.shared)));
  }

  /** @param {unknown} body @param {number} depth @param {JsonObject} outer @param {readonly number[]} place */
  descend(body, depth, outer, place) {
    const level = /** @type {Level} */ (this.#levels[depth]);
    const items = isObject(body) && Object.hasOwn(body, level.list_at) ? body[level.list_at] : null;
    if (!isObject(body) || !Array.isArray(items)) throw denied("event_malformed");
    const shared = { ...outer };
    for (const [member, name] of Object.entries(level.shared)) {
      if (Object.hasOwn(body, member)) setMember(shared, name, body[member]);
    }
    for (const [number, item] of items.entries()) {
      if (depth < this.#levels.length - 1) this.descend(item, depth + 1, shared, [...place, number]);
      else {
        // An event cannot pass for what it shares, there or not.
        const own = isObject(item) ? Object.entries(item).filter(([name]) => !this.#names.has(name)) : null;
        this.events.push(own && fromPairs(own));
        this.shared.push(shared);
        this.places.push(place);
      }
    }
  }
}

/**
 * The body of a request that holds some of the events, at least one, in order; null for a request without one.
 *
 * @param {Opened} read the request
 * @param {readonly Kept[]} kept
 * @param {JsonObject} around what stays of the members around the list
 * @returns {string | null}
 */
export function writeShape(read, kept, around) {
  const { route, own, newline } = read;
  const events = kept.map(({ event }) => event);
  if (route.events === "query") return null;
  if (route.events === "lines") {
    return kept
      .map(({ number, event }) => writeQuery(Object.entries(event).filter(([name]) => own[number]?.has(name))))
      .join(newline);
  }
  if (route.events === "form" && route.packed_in === null) return writeQuery(Object.entries(events[0] ?? {}));
  if (route.levels.length) return writeJson(nest(read, kept));
  if (read.lies !== "member") return writeJson(read.lies === "list" ? events : events[0]);
  const items = route.items === "query" ? events.map((event) => `?${writeQuery(Object.entries(event))}`) : events;
  return writeJson({ ...around, ...route.envelope, [String(route.list_at)]: items });
}

/**
 * The query of a request that holds some of the events; without parameters that stand beside a body.
 *
 * @param {Opened} read
 * @param {readonly Kept[]} kept
 * @returns {[string, unknown][]}
 */
export function writeShapeQuery({ route, own }, kept) {
  if (route.events === "query") return Object.entries(kept[0]?.event ?? {});
  if (route.events !== "lines") return [];
  const shared = kept.flatMap(({ number, event }) => Object.entries(event).filter(([name]) => !own[number]?.has(name)));
  return [...new Map(shared)];
}

/**
 * A nested body again: events that stood in one list stand in one list, beside what they share.
 *
 * @param {Opened} read
 * @param {readonly Kept[]} kept
 */
function nest({ route, places }, kept) {
  const { levels } = route;
  /** @type {JsonObject} */
  const body = {};
  /** @type {Map<string, JsonObject>} */
  const nodes = new Map([["", body]]);
  /** @param {JsonObject} node @param {Level | undefined} level @param {JsonObject} item */
  const add = (node, level, item) => {
    const name = level?.list_at ?? "";
    const list = Object.hasOwn(node, name) ? /** @type {JsonObject[]} */ (node[name]) : [];
    list.push(item);
    setMember(node, name, list);
  };
  for (const { number, event } of kept) {
    const place = places[number] ?? [];
    const path = levels.map((_, depth) => {
      const here = place.slice(0, depth).join();
      const node = nodes.get(here) ?? {};
      if (!nodes.has(here)) {
        nodes.set(here, node);
        add(nodes.get(place.slice(0, depth - 1).join()) ?? body, levels[depth - 1], node);
      }
      return node;
    });
    const rest = { ...event };
    for (const [depth, level] of levels.entries()) {
      for (const [member, name] of Object.entries(level.shared)) {
        if (!Object.hasOwn(rest, name)) continue;
        setMember(path[depth] ?? body, member, rest[name]);
        delete rest[name];
      }
    }
    add(path[levels.length - 1] ?? body, levels[levels.length - 1], rest);
  }
  return body;
}
