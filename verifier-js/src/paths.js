import { isObject } from "./json.js";

/**
 * What stands at a path of names in nested objects; undefined where one of them is missing.
 *
 * @param {unknown} event
 * @param {readonly string[]} path
 */
export function valueAt(event, path) {
  let value = event;
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
