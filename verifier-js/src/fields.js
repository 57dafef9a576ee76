/** Field maps as allow-lists: what is not mapped to a granted category does not exist. */
import { EVENT, IP } from "./allowance.js";
import { truncate } from "./ip.js";
import { isObject, setMember } from "./json.js";
import { ruleOf } from "./sensitive.js";
import { CATEGORIES } from "./tables/index.js";

/** @import { Allowance } from "./allowance.js" */
/** @import { JsonObject } from "./json.js" */
/** What a field needs to pass, or a tree for the fields inside it. @typedef {Map<string, string | Tree>} Tree */

const FIELD_CATEGORIES = new Set([...CATEGORIES, EVENT]);

/**
 * Makes a tree of a flat map.
 *
 * @param {Readonly<Record<string, string>>} fields names or dotted paths (`props.plan`) to one of the seven categories
 *   or `event`
 * @param {(path: string) => readonly string[]} [split] gives the names on the way to a field; at the dots when left out
 * @returns {Tree}
 * @throws {TypeError} for an unknown category, an empty name, or a field that is mapped as a whole and in parts
 */
export function compileFields(fields, split = (path) => path.split(".")) {
  /** @type {Tree} */
  const tree = new Map();
  for (const [path, category] of Object.entries(fields)) {
    if (!FIELD_CATEGORIES.has(category)) {
      throw new TypeError(
        `${path}: ${category} is not a category; use one of ${[...FIELD_CATEGORIES].sort().join(", ")}`,
      );
    }
    const names = [...split(path)];
    if (!names.every(Boolean)) throw new TypeError(`${path} has an empty name in it`);
    const leaf = /** @type {string} */ (names.pop());
    let node = tree;
    for (const name of names) {
      const inner = node.get(name) ?? new Map();
      if (typeof inner === "string") throw new TypeError(`${path}: ${name} is mapped as a whole already`);
      node.set(name, inner);
      node = inner;
    }
    if (node.has(leaf)) throw new TypeError(`${path} is mapped twice, or as a whole and in parts`);
    node.set(leaf, ruleOf(path, category));
  }
  return tree;
}

/**
 * A new object with only what the allowance grants: scalars and lists of scalars under mapped names, objects and lists
 * of objects under names mapped in parts. A name mapped as a whole whose value is anything else is left out: an object
 * would carry fields that nobody mapped.
 *
 * @param {JsonObject} event it is not changed
 * @param {Tree} tree
 * @param {Allowance} allowance
 * @param {string[]} stripped receives the path of every field that is left out or cut
 * @param {string} [at] path of `event`, ending in a dot unless empty
 * @returns {JsonObject}
 */
export function strip(event, tree, allowance, stripped, at = "") {
  /** @type {JsonObject} */
  const kept = {};
  for (const name of Object.keys(event)) {
    const rule = tree.get(name);
    const value = event[name];
    if (typeof rule === "string") {
      if (allowance.categories.has(rule) && isPlain(value)) {
        setMember(kept, name, value);
        continue;
      }
      const cut = rule === IP && allowance.truncateIp ? truncate(value) : null;
      if (cut !== null) setMember(kept, name, cut);
    } else if (rule !== undefined && isObject(value)) {
      const inner = strip(value, rule, allowance, stripped, `${at}${name}.`);
      if (!isEmpty(inner) || isEmpty(value)) setMember(kept, name, inner);
      continue;
    } else if (rule !== undefined && Array.isArray(value) && value.every(isObject)) {
      const inner = value
        .map((item) => strip(item, rule, allowance, stripped, `${at}${name}.`))
        .filter((item, place) => !isEmpty(item) || isEmpty(value[place]));
      if (inner.length || !value.length) setMember(kept, name, inner);
      continue;
    }
    stripped.push(at + name);
  }
  return kept;
}

/** @param {JsonObject} object */
export const isEmpty = (object) => Object.keys(object).length === 0;

/** Whether a value is a JSON scalar or a list of them; NaN and infinities are no JSON. @param {unknown} value */
export const isPlain = (value) => (Array.isArray(value) ? value.every(isScalar) : isScalar(value));

/** @param {unknown} value */
function isScalar(value) {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
      return true;
    case "number":
      return Number.isFinite(value);
    default:
      return value === null;
  }
}
