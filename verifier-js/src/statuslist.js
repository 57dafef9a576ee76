/**
 * Token Status List: one entry per token, published as a signed, compressed list.
 *
 * Source: IETF Token Status List (draft-ietf-oauth-status-list), sections 4, 5 and 8.
 */
import { SourceError } from "./errors.js";
import { inflate } from "./inflate.js";
import { openJws } from "./jws.js";
import { isObject, readTokenObject } from "./json.js";
import { readBase64url } from "./text.js";
import { Denied } from "./verdicts.js";

export const SIGNED_LIMIT_BYTES = 16_777_216;
const STATUS_LIST_TYPE = "statuslist+jwt";
/** 134 million one-bit entries; the largest list that a reader unfolds. */
const INFLATED_LIMIT_BYTES = 16_777_216;

/** A list that a trusted key signed. Times are seconds since 1970. */
export class StatusList {
  /**
   * @param {string} uri
   * @param {number} issuedAtS
   * @param {number} expiresAtS
   * @param {number} bits per entry
   * @param {Uint8Array} packed from the lowest bit up
   */
  constructor(uri, issuedAtS, expiresAtS, bits, packed) {
    this.uri = uri;
    this.issuedAtS = issuedAtS;
    this.expiresAtS = expiresAtS;
    this.bits = bits;
    this.packed = packed;
  }

  /** The status at a place, 0 for valid; null outside the list. @param {number} idx */
  find(idx) {
    const perByte = 8 / this.bits;
    const byte = this.packed[Math.floor(idx / perByte)];
    return byte === undefined ? null : (byte >> ((idx % perByte) * this.bits)) & ((1 << this.bits) - 1);
  }
}

/**
 * Checks and unfolds a status list token. Whether it is still in force is the caller's to ask.
 *
 * @param {string} text
 * @param {import("./jws.js").PublicKeys} keys
 * @returns {Promise<StatusList>}
 * @throws {SourceError} if anything about it is wrong
 */
export async function openStatusList(text, keys) {
  const token = text.trim();
  if (token.length > SIGNED_LIMIT_BYTES)
    throw new SourceError(`the status list is larger than ${SIGNED_LIMIT_BYTES} bytes`);
  let payload;
  try {
    payload = await openJws(token, STATUS_LIST_TYPE, keys);
  } catch (error) {
    throw new SourceError(`the status list is refused: ${error instanceof Denied ? error.reason : error}`);
  }
  const list = readList(readTokenObject(payload));
  if (!list) throw new SourceError("the status list is signed, but its content is not a status list");
  return list;
}

/** @param {import("./json.js").JsonObject | null} found */
function readList(found) {
  const { sub, iat, exp, ttl = 60, status_list: claim } = found ?? {};
  if (typeof sub !== "string" || !isInteger(iat) || !isInteger(exp) || !isInteger(ttl) || !isObject(claim)) return null;
  const { bits, lst } = claim;
  if (typeof bits !== "number" || ![1, 2, 4, 8].includes(bits) || typeof lst !== "string") return null;
  const data = readBase64url(lst);
  const packed = data && inflate(data, "zlib", INFLATED_LIMIT_BYTES);
  return packed instanceof Uint8Array ? new StatusList(sub, iat, exp, bits, packed.slice()) : null;
}

/** @param {unknown} value @returns {value is number} */
const isInteger = (value) => typeof value === "number" && Number.isInteger(value);
