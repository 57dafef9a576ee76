/**
 * The page around us, which may be hostile.
 *
 * `<form name="cookie">` or `<img name="body">` replace `document.cookie` and `document.body` (named access on
 * Document), so every access goes through `Document.prototype`. Properties of `window` cannot be shadowed that way.
 */

/** @import { Places } from "./types.js" */

export const documents = Document.prototype;
/** Left out, for being pure, where nothing is held. */
export const elements = /* @__PURE__ */ (() => Element.prototype)();

/**
 * @template {keyof Document} Name
 * @param {Name} name
 * @returns {Document[Name]}
 */
export const read = (name) => Reflect.get(documents, name, document);

/**
 * Where marks are looked for: in the document, and in the shadow trees that the third file has been shown.
 *
 * @type {Places}
 */
export const places = [(selector) => documents.querySelectorAll.call(document, selector)];

/**
 * @param {string} selector
 * @returns {Element[]} in document order, tree after tree
 */
export const all = (selector) => places.flatMap((find) => [...find(selector)]);

export const isVisible = () => read("visibilityState") === "visible";

/** Resolves once the document is parsed. */
export const parsed = new Promise((resolve) => {
  if (read("readyState") === "loading") addEventListener("DOMContentLoaded", resolve);
  else resolve(null);
});

/**
 * A page's or a policy's address, if it is one that a link or a frame may have.
 *
 * @param {string | null | undefined} address
 */
export function webAddress(address) {
  try {
    const url = new URL(/** @type {string} */ (address), read("baseURI"));
    return address && /^https?:$/.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** @param {unknown} error */
export const report = (error) => console.error("cookiegate:", error);

/**
 * Wraps what the page or the browser calls, so that nothing of ours ever throws into the page.
 *
 * @template {unknown[]} Args
 * @param {(...args: Args) => unknown} work
 */
export const guarded =
  (work) =>
  /** @param {Args} args */
  (...args) => {
    try {
      work(...args);
    } catch (error) {
      report(error);
    }
  };
