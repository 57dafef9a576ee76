/**
 * Typed values and attribute lists as OpenTelemetry's JSON has them, and the plain values that rules work on. While it
 * is open, an integer is a bigint and a double a number, so that each goes back as what it was.
 *
 * Source: OTLP 1.x, common.proto (`KeyValue`, `AnyValue`) in its JSON form.
 */
import { isObject, setMember } from "./json.js";

/** @import { JsonObject } from "./json.js" */

const INTEGER = /^\s*[+-]?[0-9]+(_[0-9]+)*\s*$/;
const MOST = 2n ** 63n;

class NotTyped extends Error {}

/**
 * The event with its attribute lists as objects (key → value) and its typed values as plain ones; it is not changed.
 *
 * @param {JsonObject} event
 * @param {readonly string[]} attributes dotted paths of attribute lists, also inside the objects of a list
 * @param {readonly string[]} values dotted paths of typed values
 */
export const openAttributes = (event, attributes, values) =>
  changed(event, attributes, readAttributes, values, readValue);

/**
 * The event as it goes over the wire.
 *
 * @param {JsonObject} event
 * @param {readonly string[]} attributes
 * @param {readonly string[]} values
 */
export const closeAttributes = (event, attributes, values) =>
  changed(event, attributes, writeAttributes, values, writeValue);

/**
 * @param {JsonObject} event
 * @param {readonly string[]} attributes
 * @param {(value: unknown) => unknown} changeAttributes
 * @param {readonly string[]} values
 * @param {(value: unknown) => unknown} changeValue
 */
function changed(event, attributes, changeAttributes, values, changeValue) {
  /** @type {unknown} */
  let found = event;
  for (const path of attributes) found = at(found, path.split("."), changeAttributes);
  for (const path of values) found = at(found, path.split("."), changeValue);
  return /** @type {JsonObject} */ (found);
}

/**
 * @param {unknown} value
 * @param {readonly string[]} path
 * @param {(value: unknown) => unknown} change
 * @returns {unknown}
 */
function at(value, [name, ...rest], change) {
  if (name === undefined) return change(value);
  if (Array.isArray(value)) return value.map((item) => at(item, [name, ...rest], change));
  return isObject(value) && Object.hasOwn(value, name) ? { ...value, [name]: at(value[name], rest, change) } : value;
}

/** @param {unknown} value */
function readAttributes(value) {
  /** @type {JsonObject} */
  const found = {};
  for (const item of Array.isArray(value) ? value : []) {
    if (!isObject(item) || !Object.hasOwn(item, "key")) continue;
    const { key } = item;
    if (typeof key !== "string" || Object.hasOwn(found, key)) continue;
    setMember(found, key, readValue(Object.hasOwn(item, "value") ? item["value"] : null));
  }
  return found;
}

/**
 * The plain value behind a typed one; whatever is none stays as it is, in an object that no rule lets pass.
 *
 * @param {unknown} value
 */
function readValue(value) {
  try {
    const [kind, inner] = only(value);
    if (kind !== "arrayValue") return readScalar(kind, inner);
    if (!isObject(inner)) throw new NotTyped();
    return listed(Object.hasOwn(inner, "values") ? inner["values"] : []).map((item) => readScalar(...only(item)));
  } catch (error) {
    if (error instanceof NotTyped) return { "": value };
    throw error;
  }
}

/** @param {unknown} values @returns {readonly unknown[]} */
function listed(values) {
  if (Array.isArray(values)) return values;
  if (values === "" || (isObject(values) && !Object.keys(values).length)) return [];
  throw new NotTyped();
}

/** The one member of an object. @param {unknown} value @returns {[string, unknown]} */
function only(value) {
  const [member, more] = isObject(value) ? Object.entries(value) : [];
  if (!member || more) throw new NotTyped();
  return member;
}

/** @param {string} kind @param {unknown} value */
function readScalar(kind, value) {
  if (kind === "stringValue" && typeof value === "string") return value;
  if (kind === "boolValue" && typeof value === "boolean") return value;
  if (kind === "intValue") return readInteger(value);
  if (kind === "doubleValue" && (typeof value === "number" || typeof value === "bigint")) {
    if (Number.isFinite(Number(value))) return Number(value);
  }
  throw new NotTyped();
}

/** Proto's JSON writes 64-bit integers as text, and takes both. @param {unknown} value */
function readInteger(value) {
  const isText = typeof value === "string" && value.length <= 20 && INTEGER.test(value);
  if (!isText && typeof value !== "bigint" && !Number.isInteger(value)) throw new NotTyped();
  const number = BigInt(
    isText ? value.replaceAll("_", "").replace("+", "").trim() : /** @type {number | bigint} */ (value),
  );
  if (number < -MOST || number >= MOST) throw new NotTyped();
  return number;
}

/** @param {unknown} value */
const writeAttributes = (value) =>
  isObject(value) ? Object.entries(value).map(([key, item]) => ({ key, value: writeValue(item) })) : [];

/** @param {unknown} value @returns {JsonObject} */
function writeValue(value) {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(writeValue) } };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "bigint") return { intValue: Number.isSafeInteger(Number(value)) ? Number(value) : value };
  if (typeof value === "number") return { doubleValue: value };
  // An absent value is how the protocol says null.
  return value === null ? {} : { stringValue: String(value) };
}
