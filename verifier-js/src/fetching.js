/** Reads addresses: within a time and a size, again only if they changed. */
import { SourceError } from "./errors.js";
import { decodeText } from "./text.js";

const TIMEOUT_MS = 5000;

/** One address and what its last answer said about itself. */
export class Address {
  /** @type {Record<string, string>} */
  #conditions = {};

  /** @param {string} href @param {number} limitBytes @param {typeof globalThis.fetch} fetch */
  constructor(href, limitBytes, fetch) {
    this.href = href;
    this.limitBytes = limitBytes;
    this.fetch = fetch;
  }

  /**
   * @returns {Promise<{ text: string, keep(): void } | null>} null if nothing changed since the answer that was kept
   * @throws {SourceError}
   */
  async read() {
    try {
      const { fetch } = this;
      const answer = await fetch(this.href, { headers: this.#conditions, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (answer.status === 304 && Object.keys(this.#conditions).length) return null;
      if (answer.status !== 200) throw new SourceError(`it answered ${answer.status}`);
      if (this.href.startsWith("https:") && answer.url && !answer.url.startsWith("https:")) {
        throw new SourceError("it redirects to a plain address");
      }
      const text = decodeText(await readLimited(answer.body, this.limitBytes));
      return { text, keep: () => this.#keep(answer.headers) };
    } catch (error) {
      throw new SourceError(`cannot read ${this.href}: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Asks for the whole answer the next time. */
  forget() {
    this.#conditions = {};
  }

  /** @param {Headers} headers */
  #keep(headers) {
    const tag = headers.get("etag");
    const changed = headers.get("last-modified");
    this.#conditions = { ...(tag && { "if-none-match": tag }), ...(changed && { "if-modified-since": changed }) };
  }
}

/**
 * @param {ReadableStream<Uint8Array> | null} stream
 * @param {number} limitBytes
 * @returns {Promise<Uint8Array>}
 * @throws {SourceError} past the limit
 */
export async function readLimited(stream, limitBytes) {
  const parts = [];
  let size = 0;
  const reader = stream?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done) break;
    size += part.value.length;
    if (size > limitBytes) {
      await reader?.cancel();
      throw new SourceError(`larger than ${limitBytes} bytes`);
    }
    parts.push(part.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
