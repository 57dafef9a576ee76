/**
 * Self-describing JSON documents inside a field: each member is judged by the schema that the document names.
 *
 * Source: Iglu's self-describing JSON (`schema` and `data`), as Snowplow's tracker protocol carries it.
 */
import { isEmpty, strip } from "./fields.js";
import { isObject, readForeignJson, readJson, writeJson } from "./json.js";
import { encodeText, readBase64url, unpadded, writeBase64url } from "./text.js";
import { denied } from "./verdicts.js";

/** @import { Allowance } from "./allowance.js" */
/** @import { Tree } from "./fields.js" */
/** @import { JsonObject } from "./json.js" */
/** @import { Document } from "./table.js" */

/** Two digits a number are enough for a version, and too few to carry an identifier. */
const SCHEMA = /^iglu:([A-Za-z0-9_.-]{1,128}\/[A-Za-z0-9_-]{1,128}\/jsonschema\/[1-9][0-9]?)-[0-9]{1,2}-[0-9]{1,2}$/;

/**
 * The JSON behind a field's text.
 *
 * @param {unknown} text
 * @param {Document} document
 * @throws {import("./verdicts.js").Denied} event_malformed
 */
export function parse(text, document) {
  if (typeof text !== "string") throw denied("event_malformed");
  if (!document.base64) return readJson(text);
  // Some trackers leave the padding on.
  const data = readBase64url(unpadded(text));
  if (!data) throw denied("event_malformed");
  return readForeignJson(data);
}

/** The text of a field that holds a value. @param {unknown} value @param {Document} document */
export function write(value, document) {
  const text = writeJson(value);
  return document.base64 ? writeBase64url(encodeText(text)) : text;
}

/** Schema and data of each document in a wrapper; whatever is none is passed over. @param {unknown} value */
export function contexts(value) {
  const items = isObject(value) && Object.hasOwn(value, "data") ? value["data"] : null;
  return (Array.isArray(items) ? items : []).map(selfDescribed).filter((found) => found !== null);
}

/**
 * The wrapper with only known contexts and granted members; null if nothing is left.
 *
 * @param {unknown} value
 * @param {Document} document
 * @param {ReadonlyMap<string, Tree>} schemas
 * @param {Allowance} allowance
 * @param {string[]} stripped
 */
export function stripContexts(value, document, schemas, allowance, stripped) {
  const kept = [];
  for (const { schema, data } of contexts(value)) {
    const inner = stripKnown(schema, data, schemas, allowance, stripped);
    if (inner && !isEmpty(inner)) kept.push({ schema, data: inner });
  }
  return kept.length ? { schema: document.wrapper, data: kept } : null;
}

/**
 * The wrapper with its one document, granted members only.
 *
 * @param {unknown} value
 * @param {Document} document
 * @param {ReadonlyMap<string, Tree>} schemas
 * @param {Allowance} allowance
 * @param {string[]} stripped
 * @throws {import("./verdicts.js").Denied} event_malformed if it is no such wrapper, event_unknown if nobody mapped the
 *   schema
 */
export function stripEvent(value, document, schemas, allowance, stripped) {
  const found = selfDescribed(isObject(value) && Object.hasOwn(value, "data") ? value["data"] : null);
  if (!found) throw denied("event_malformed");
  const inner = stripKnown(found.schema, found.data, schemas, allowance, stripped);
  if (!inner) throw denied("event_unknown");
  return { schema: document.wrapper, data: { schema: found.schema, data: inner } };
}

/** @param {unknown} item @returns {{ schema: string, data: JsonObject } | null} */
function selfDescribed(item) {
  if (!isObject(item) || !Object.hasOwn(item, "schema") || !Object.hasOwn(item, "data")) return null;
  const { schema, data } = item;
  return typeof schema === "string" && isObject(data) ? { schema, data } : null;
}

/**
 * @param {string} schema
 * @param {JsonObject} data
 * @param {ReadonlyMap<string, Tree>} schemas
 * @param {Allowance} allowance
 * @param {string[]} stripped
 */
function stripKnown(schema, data, schemas, allowance, stripped) {
  const key = SCHEMA.exec(schema)?.[1];
  const short = key ? /** @type {string} */ (key.split("/")[1]) : "schema";
  const tree = key ? schemas.get(key) : undefined;
  if (tree) return strip(data, tree, allowance, stripped, `${short}.`);
  stripped.push(`${short}.*`);
  return null;
}
