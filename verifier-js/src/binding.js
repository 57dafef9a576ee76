/**
 * A token that is bound to a client's own id is of no use in another client's events. The claim `bnd` maps a tracker's
 * name to a short hash over the audience and the id that the tracker gave the client.
 */
import { TwoGenerations } from "./caching.js";
import { valueAt } from "./paths.js";
import { encodeText, writeBase64url } from "./text.js";

/** @import { Claims } from "./claims.js" */

const BINDING_BYTES = 16;
/** No tracker's id is longer, and strangers choose them: a longer one is nobody's. */
const LONGEST_ID = 512;
/** More than one request can have events. */
const KNOWN_LIMIT = 200_000;

export class Binding {
  #tracker;
  #paths;
  #same;
  /** @type {TwoGenerations<string>} */
  #known = new TwoGenerations(KNOWN_LIMIT);

  /**
   * @param {string} tracker
   * @param {readonly string[]} fields paths of the client's id; the first that holds a text counts
   * @param {(path: string) => readonly string[]} split
   * @param {readonly string[]} same those of them that all stand for one id: where one counts, the others must not say
   *   otherwise
   */
  constructor(tracker, fields, split, same) {
    this.#tracker = tracker;
    this.#paths = fields.map((path) => ({ path: split(path), isSame: same.includes(path) }));
    this.#same = same.map(split);
  }

  /**
   * What has to be hashed before this event can be judged; null if nothing has.
   *
   * @param {Claims} claims
   * @param {unknown} event
   */
  toLearn(claims, event) {
    if (!claims.bindings.has(this.#tracker)) return null;
    const text = this.#text(claims, event);
    return text === null || this.#known.get(text) !== undefined ? null : text;
  }

  /** @param {string} text */
  async learn(text) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encodeText(text)));
    this.#known.put(text, writeBase64url(digest.subarray(0, BINDING_BYTES)));
  }

  /**
   * Whether the event may use the token: it is not bound, or bound to this event's client.
   *
   * @param {Claims} claims
   * @param {unknown} event
   */
  matches(claims, event) {
    const bound = claims.bindings.get(this.#tracker);
    if (bound === undefined) return true;
    const text = this.#text(claims, event);
    return text !== null && this.#known.get(text) === bound;
  }

  /** @param {Claims} claims @param {unknown} event */
  #text(claims, event) {
    const id = this.#clientId(event);
    return id === null || id.length > LONGEST_ID ? null : `${claims.aud}\n${id}`;
  }

  /** The client's id; null if there is none, or no single one. @param {unknown} event */
  #clientId(event) {
    for (const { path, isSame } of this.#paths) {
      const found = valueAt(event, path);
      if (typeof found !== "string" || !found) continue;
      const others = isSame ? this.#same.map((other) => valueAt(event, other)) : [];
      return others.every((other) => other === undefined || other === null || other === "" || other === found)
        ? found
        : null;
    }
    return null;
  }
}
