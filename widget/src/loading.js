/** Asks for the files that few visitors need, when one of them comes near to what is in them. */
import { fetchFile } from "./files.js";
import { elements, guarded } from "./page.js";

/** @import { Core, Covers, Second } from "./types.js" */
/** @typedef {{ second: Second, covers: Covers }} Files by the name that the config has for its digest */

export const OPENERS = "[data-cookiegate-open]";
/** What opens the dialog: the page's own, and ours. */
const NEAR = `${OPENERS},.cg-corner,.cg-bar .cg-answers :last-child`;

/** Whether an event met such an element, also in a shadow tree. @param {Event} event @param {string} selector */
export const meets = (event, selector) =>
  event.composedPath().some((node) => node instanceof Element && elements.matches.call(node, selector));

/**
 * @param {Core} core
 * @returns {<Name extends keyof Files>(name: Name, isAsked?: boolean) => Promise<Files[Name]>} rejects where the file
 *   cannot be had, until a visitor asks again
 */
export function createLoading(core) {
  /** By digest: a page's own language has files of its own. @type {Record<string, Promise<any>>} */
  const underWay = {};
  /** @type {Record<string, boolean>} */
  const hasFailed = {};

  /** @param {keyof Files} name @param {boolean} [isAsked] */
  function load(name, isAsked) {
    const digest = core.config[name] || "";
    if (!underWay[digest] || (isAsked && hasFailed[digest])) {
      hasFailed[digest] = false;
      underWay[digest] = fetchFile(core, digest);
      underWay[digest].catch(() => (hasFailed[digest] = true));
    }
    return underWay[digest];
  }

  const whenNear = guarded((/** @type {Event} */ event) => meets(event, NEAR) && void load("second"));
  for (const type of ["pointerover", "focusin"]) addEventListener(type, whenNear);
  return load;
}
