/**
 * Removes what trackers left in the browser: when their purposes are taken back, and on a page where they are not
 * granted. Only what the policy names; never anything of ours.
 */

/** @import { CleaningRule, Part } from "../types.js" */

/** Trackers that are about to end write once more. */
const AGAIN_AFTER_MS = 1000;
const OURS = /^cg_/;

/** @param {string} pattern `*` stands for any text */
const matcher = (pattern) => {
  const whole = RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*")}$`);
  return (/** @type {string} */ name) => !OURS.test(name) && whole.test(name);
};

/**
 * Every domain that a cookie seen here may be of: none, the host, and each parent. Browsers refuse the write for a
 * public suffix, so that no list of them is needed.
 */
function* domains() {
  yield "";
  const { hostname } = location;
  if (/^[\d.]+$|:/.test(hostname)) return;
  for (let name = hostname; name; name = name.split(".").slice(1).join(".")) yield `;Domain=${name}`;
}

/** Every path that a cookie seen here may be of, with and without a slash at its end. */
function* paths() {
  yield "/";
  let path = "";
  for (const step of location.pathname.split("/").filter(Boolean)) {
    yield (path += `/${step}`);
    yield `${path}/`;
  }
}

/** @type {Part} */
const part = ({ config, consent, on, page: { read, documents, guarded } }) => {
  const rules = /** @type {{ clean: CleaningRule[] }} */ (/** @type {unknown} */ (config)).clean;
  // A cookie of one attribute is not found by a write with another. Secure ones cannot be written from plain http.
  const kinds = location.protocol === "https:" ? [";Secure", ";Secure;SameSite=None;Partitioned"] : [""];

  const cookieNames = () => read("cookie").split(/; */).map((pair) => pair.split("=")[0]);

  /** @param {string} name */
  function removeCookie(name) {
    for (const path of paths()) {
      for (const domain of domains()) {
        for (const kind of kinds) {
          Reflect.set(documents, "cookie", `${name}=;Max-Age=0;Path=${path}${domain}${kind}`, document);
        }
      }
      if (!cookieNames().includes(name)) return; // most are at the root
    }
  }

  /** @param {string[]} patterns @param {() => Iterable<string>} names @param {(name: string) => unknown} remove */
  const each = (patterns, names, remove) => {
    if (!patterns?.length) return;
    const fits = patterns.map(matcher);
    for (const name of new Set(names())) if (name && fits.some((fit) => fit(name))) remove(name);
  };

  /** @param {CleaningRule} rule */
  async function clean({ cookies = [], storage = [], databases = [], caches: kept = [] }) {
    guarded(() => each(cookies, cookieNames, removeCookie))();
    for (const place of /** @type {const} */ (["localStorage", "sessionStorage"])) {
      // The getter itself throws where storage is refused.
      guarded(() => storage.length && each(storage, () => Object.keys(window[place]), (name) => window[place].removeItem(name)))();
    }
    try {
      if (databases.length) {
        const all = await indexedDB.databases();
        each(databases, () => all.map(({ name }) => name || ""), (name) => indexedDB.deleteDatabase(name));
      }
      if (kept.length) {
        const all = await caches.keys();
        each(kept, () => all, (name) => caches.delete(name));
      }
    } catch {
      // Refused with cookies, or caches on plain http: then there is nothing.
    }
  }

  const run = guarded(() => {
    const { purposes } = consent.valid();
    for (const rule of rules) if (!rule.purposes.some((key) => purposes.has(key))) void clean(rule);
  });

  on.refused(() => {
    run();
    setTimeout(run, AGAIN_AFTER_MS);
  });
  addEventListener("pagehide", run);
  // What the visitor chose is read when all parts have been put together.
  void Promise.resolve().then(run);
};

export default part;
