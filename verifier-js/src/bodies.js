/** Bodies from strangers: unpacked within a limit, decoded strictly. */
import { inflate } from "./inflate.js";
import { encodeText, isWellFormed, readBase64, strip } from "./text.js";
import { denied } from "./verdicts.js";

export const BODY_LIMIT_BYTES = 1_048_576;
const FORMS = /** @type {const} */ ({ gzip: "gzip", "x-gzip": "gzip", deflate: "zlib" });

/**
 * The body as it was before its transport encodings.
 *
 * @param {import("./request.js").TrackerRequest} request
 * @param {string} encoding `Content-Encoding`: empty, `identity`, `gzip` or `deflate`. A body that says nothing and
 *   begins as gzip does is gzip: beacons cannot say it
 * @param {number} limitBytes largest size, before and after inflating
 * @returns {Uint8Array}
 * @throws {import("./verdicts.js").Denied} body_too_large, encoding_unknown, or event_malformed for anything that does
 *   not unpack whole
 */
export function readBytes(request, encoding, limitBytes) {
  const data = raw(request, limitBytes);
  const said = strip(encoding).toLowerCase();
  const isPlain = said === "" || said === "identity";
  if (isPlain && !(data[0] === 0x1f && data[1] === 0x8b)) return data;
  const name = isPlain ? "gzip" : said;
  if (!Object.hasOwn(FORMS, name)) throw denied("encoding_unknown");
  const found = inflate(data, FORMS[/** @type {keyof typeof FORMS} */ (name)], limitBytes);
  if (found === "too large") throw denied("body_too_large");
  if (found === "malformed") throw denied("event_malformed");
  return found;
}

/**
 * What standard base64 in a form's field stands for; a plus that the form turned into a space counts as one.
 *
 * @param {string} text
 * @throws {import("./verdicts.js").Denied} event_malformed
 */
export function readFormBase64(text) {
  const found = readBase64(text.replaceAll(" ", "+"));
  if (!found) throw denied("event_malformed");
  return found;
}

/** @param {import("./request.js").TrackerRequest} request @param {number} limitBytes */
function raw({ body, bodyBase64 }, limitBytes) {
  let data = body instanceof Uint8Array ? body : new Uint8Array();
  if (typeof body === "string") {
    if (!isWellFormed(body)) throw denied("event_malformed");
    data = encodeText(body);
  } else if (body == null && bodyBase64 != null) {
    if (bodyBase64.length > Math.floor((limitBytes * 4) / 3) + 4) throw denied("body_too_large");
    const found = readBase64(bodyBase64);
    if (!found) throw denied("event_malformed");
    data = found;
  }
  if (data.length > limitBytes) throw denied("body_too_large");
  return data;
}
