/** One event of a tracker: its token, its type, and what a grant leaves of it. */
import { closeAttributes, openAttributes } from "./attributes.js";
import { Binding } from "./binding.js";
import * as documents from "./documents.js";
import { EventTimes } from "./eventtimes.js";
import { compileFields, isEmpty, strip } from "./fields.js";
import { isObject, setMember } from "./json.js";
import { valueAt } from "./paths.js";
import { denied } from "./verdicts.js";

/** @import { Allowance } from "./allowance.js" */
/** @import { Scrubber } from "./carriers.js" */
/** @import { JsonObject } from "./json.js" */
/** @import { Document, Route, TrackerTable } from "./table.js" */

export const STAMP_FIELD = "consent";
/** @type {ReadonlyMap<string, unknown>} */
const NO_DOCUMENTS = new Map();

/**
 * An event whose documents have been read: all its fields, what its documents say, whatever stood in the token's own place
 * or undefined, and those of its fields that it shares with others of its request.
 *
 * @typedef {object} OpenEvent
 * @property {JsonObject} fields
 * @property {ReadonlyMap<string, unknown>} documents
 * @property {unknown} token
 * @property {JsonObject | null} shared
 */

/** A tracker's table, compiled for stripping. */
export class EventRules {
  #table;
  #tree;
  #around;
  #schemas;
  #documents;
  #tokenPaths;
  #silent;

  /**
   * @param {TrackerTable} table
   * @param {Readonly<Record<string, string>>} [fields] for `plain` it takes the table's place, for others it adds to it
   * @throws {TypeError} for a map that names unknown categories, or the token's or the stamp's own field
   */
  constructor(table, fields = {}) {
    this.#table = table;
    const isInstead = table.name === "plain" && !isEmpty(fields);
    /** Field → category. */
    this.categories = new Map(Object.entries(isInstead ? fields : { ...table.fields, ...fields }));
    const reserved = new Set([STAMP_FIELD, ...table.token_fields, ...Object.keys(table.documents)]);
    for (const name of this.categories.keys()) {
      if (reserved.has(name) || name.startsWith(`${STAMP_FIELD}.`)) {
        throw new TypeError(`${name} cannot be mapped: it is the gate's own field`);
      }
    }
    /** @param {string} path */
    const split = (path) => splitPath(table, path);
    this.times = new EventTimes(table.time_fields, split);
    this.binding = new Binding(table.name, table.binding_fields, split, table.binding_same);
    this.#tree = compileFields(Object.fromEntries(this.categories), split);
    this.#around = new Map(table.routes.map((route) => [route, compileFields(route.members)]));
    this.#schemas = new Map(Object.entries(table.schemas).map(([name, members]) => [name, compileFields(members)]));
    this.#documents = new Map(Object.entries(table.documents));
    this.#tokenPaths = table.token_fields.map(split);
    this.#silent = new Set([...table.token_fields, `${(table.token_schema ?? "").split("/")[1] ?? ""}.*`]);
  }

  /**
   * Reads the event's documents and finds its token.
   *
   * @param {unknown} event what it has alone
   * @param {JsonObject | null} [shared] what `openShared` gave of the rest
   * @returns {OpenEvent}
   * @throws {import("./verdicts.js").Denied} event_malformed if it is no object
   */
  open(event, shared = null) {
    if (!isObject(event)) throw denied("event_malformed");
    const own = this.openShared(event);
    const fields = shared ? { ...own, ...shared } : own;
    const found = this.#documents.size ? this.#openDocuments(fields) : NO_DOCUMENTS;
    return { fields, documents: found, token: this.#token(fields, found), shared };
  }

  /** What events share, with its typed values as plain ones. @param {JsonObject} shared */
  openShared(shared) {
    const { attributes, values } = this.#table;
    return attributes.length ? openAttributes(shared, attributes, values) : shared;
  }

  /** @param {JsonObject} fields */
  #openDocuments(fields) {
    /** @type {Map<string, unknown>} */
    const found = new Map();
    for (const [name, document] of this.#documents) {
      if (!Object.hasOwn(fields, name)) continue;
      try {
        found.set(name, documents.parse(fields[name], document));
      } catch {
        found.set(name, null);
      }
    }
    return found;
  }

  /** @param {JsonObject} event @param {ReadonlyMap<string, unknown>} found */
  #token(event, found) {
    for (const path of this.#tokenPaths) {
      const value = valueAt(event, path);
      if (value !== null && value !== undefined && value !== "") return value;
    }
    if (this.#table.token_schema === null) return undefined;
    for (const value of found.values()) {
      const carrier = documents.contexts(value).find(({ schema }) => schema === this.#table.token_schema);
      if (carrier) return orNothing(valueAt(carrier.data, ["token"]));
    }
    return undefined;
  }

  /**
   * A new event with only what the allowance grants of what it has alone, and no token in it.
   *
   * @param {OpenEvent} opened
   * @param {Allowance} allowance
   * @param {Scrubber} scrubber
   * @param {string[]} stripped
   * @returns {JsonObject}
   * @throws {import("./verdicts.js").Denied} event_malformed or event_unknown
   */
  strip(opened, allowance, scrubber, stripped) {
    this.#checkType(opened);
    /** @type {string[]} */
    const names = [];
    const { fields, shared } = opened;
    const plain = opened.documents.size || shared ? without(fields, opened.documents, shared ?? {}) : fields;
    const kept = /** @type {JsonObject} */ (scrubber.scrub(strip(plain, this.#tree, allowance, names)));
    for (const [name, value] of opened.documents) {
      const document = /** @type {Document} */ (this.#documents.get(name));
      const left = this.#stripDocument(document, value, opened, allowance, names);
      if (left) setMember(kept, name, documents.write(scrubber.scrub(left), document));
      else names.push(name);
    }
    this.#tell(names, stripped);
    return this.#closed(kept);
  }

  /** What a grant leaves of what events share. @param {JsonObject} shared @param {Allowance} allowance @param {Scrubber} scrubber @param {string[]} stripped */
  stripShared(shared, allowance, scrubber, stripped) {
    /** @type {string[]} */
    const names = [];
    const kept = /** @type {JsonObject} */ (scrubber.scrub(strip(shared, this.#tree, allowance, names)));
    this.#tell(names, stripped);
    return this.#closed(kept);
  }

  /** @param {readonly string[]} names @param {string[]} stripped */
  #tell(names, stripped) {
    for (const name of names) if (!this.#silent.has(name)) stripped.push(name);
  }

  /** @param {JsonObject} kept */
  #closed(kept) {
    const { attributes, values } = this.#table;
    return attributes.length ? closeAttributes(kept, attributes, values) : kept;
  }

  /**
   * What a grant leaves of the members around a request's events.
   *
   * @param {Route} route
   * @param {JsonObject} around
   * @param {Allowance} allowance
   * @param {Scrubber} scrubber
   * @param {string[]} stripped
   */
  stripAround(route, around, allowance, scrubber, stripped) {
    const kept = strip(around, this.#around.get(route) ?? new Map(), allowance, stripped);
    return /** @type {JsonObject} */ (scrubber.scrub(kept));
  }

  /**
   * @param {Document} document
   * @param {unknown} value
   * @param {OpenEvent} opened
   * @param {Allowance} allowance
   * @param {string[]} names
   */
  #stripDocument(document, value, opened, allowance, names) {
    if (document.kind === "contexts") return documents.stripContexts(value, document, this.#schemas, allowance, names);
    const isDue = document.of_type === null || this.#type(opened) === document.of_type;
    return isDue ? documents.stripEvent(value, document, this.#schemas, allowance, names) : null;
  }

  /** @param {OpenEvent} opened */
  #type(opened) {
    return valueAt(opened.fields, [String(this.#table.type_field)]);
  }

  /** @param {OpenEvent} opened */
  #checkType(opened) {
    const { type_field: field, types } = this.#table;
    if (field === null) return;
    const kind = this.#type(opened);
    if (typeof kind !== "string") throw denied("event_malformed");
    if (types.length && !types.includes(kind)) throw denied("event_unknown");
    const needed = [...this.#documents].filter(([, document]) => document.of_type === kind);
    if (needed.length && !needed.some(([name]) => opened.documents.has(name))) throw denied("event_malformed");
  }
}

/** The names on the way to a field. @param {TrackerTable} table @param {string} path */
function splitPath(table, path) {
  if (table.flat) return [path];
  const parent = table.attributes.find((item) => path.startsWith(`${item}.`));
  return parent === undefined ? path.split(".") : [...parent.split("."), path.slice(parent.length + 1)];
}

/** A place that is there counts as the token's, whatever is missing in it. @param {unknown} value */
const orNothing = (value) =>
  !value || (Array.isArray(value) && !value.length) || (isObject(value) && isEmpty(value)) ? "" : value;

/** @param {JsonObject} fields @param {ReadonlyMap<string, unknown>} names @param {JsonObject} more */
function without(fields, names, more) {
  /** @type {JsonObject} */
  const left = {};
  for (const name of Object.keys(fields)) {
    if (!names.has(name) && !Object.hasOwn(more, name)) setMember(left, name, fields[name]);
  }
  return left;
}
