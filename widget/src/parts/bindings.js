/**
 * Binds tokens to the ids that trackers gave this browser, so that a copied token is of no use to another. Only hashes
 * leave the page. For sites whose policy asks for it.
 */

/** @import { Core } from "../types.js" */

/** An id may come late: it is looked for again after this time, then ever more rarely. */
const LOOK_AFTER_MS = 3000;
const LOOK_UNTIL_MS = 100000;
const JSON_BODY = { "Content-Type": "application/json" };

/** @param {string} text */
const beforeDot = (text) => text.split(".")[0];

/**
 * Where each tracker keeps its client's id: the name of its cookie or storage entry, and how to read the id out of it.
 *
 * @type {Record<string, [RegExp, (text: string) => string]>}
 */
const KEPT = {
  snowplow: [/^_sp_id\./, beforeDot],
  matomo: [/^_pk_id\./, beforeDot],
  ga4: [/^_ga$/, (text) => text.split(".").slice(-2).join(".")],
  posthog: [/^ph_.+_posthog$/, (text) => (({ $device_id, distinct_id }) => $device_id || distinct_id)(JSON.parse(text))],
};

/** @param {string} text */
async function hash(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const bytes = String.fromCharCode(...new Uint8Array(digest, 0, 16));
  return btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").slice(0, 22);
}

/** @param {Core} core */
export default ({ config: { site, bindings = [] }, service, tokens, page: { read } }) => {
  const { call, decide } = service;
  /** What the token was asked to be bound to. */
  let bound = "{}";

  /** @param {RegExp} name */
  function kept(name) {
    const pair = read("cookie").split("; ").find((item) => name.test(item.split("=")[0]));
    if (pair) return decodeURIComponent(pair.slice(pair.indexOf("=") + 1));
    const key = Object.keys(localStorage).find((item) => name.test(item));
    return key && localStorage.getItem(key);
  }

  async function hashes() {
    /** @type {Record<string, string>} */
    const found = {};
    for (const tracker of bindings) {
      try {
        const [name, idIn] = KEPT[tracker];
        const text = kept(name);
        const id = text && idIn(text);
        if (id) found[tracker] = await hash(`${site}\n${id}`);
      } catch {
        // No storage, no secure context, another form: then the token is not bound to this tracker's client.
      }
    }
    return found;
  }

  /** @param {number} after_ms */
  function lookAgain(after_ms) {
    setTimeout(async () => {
      const found = await hashes();
      if (!tokens.alive()) return;
      if (JSON.stringify(found) !== bound) void tokens.refresh();
      else if (Object.keys(found).length < bindings.length && after_ms < LOOK_UNTIL_MS) lookAgain(after_ms * 2);
    }, after_ms);
  }

  service.token = async () => {
    const found = await hashes();
    bound = JSON.stringify(found);
    lookAgain(LOOK_AFTER_MS);
    return call("token", { method: "POST", body: `{"bind":${bound}}`, headers: JSON_BODY });
  };

  service.decide = async (entry) => {
    const { action, purposes = {} } = entry.body;
    bound = "{}";
    // A refusal sends nothing that could tell the browser again.
    if (action === "accept" || Object.values(purposes).includes(true)) {
      entry.body.bind = await hashes();
      bound = JSON.stringify(entry.body.bind);
      lookAgain(LOOK_AFTER_MS);
    }
    return decide(entry);
  };
};
