/**
 * What the page holds back until it is allowed: `<script type="text/plain" data-consent>`, and boxes, which are every
 * other element with `data-consent`: what becomes of those is told by boxes.js.
 *
 * A script is released by putting the same element back with its real type. So its nonce stays in its internal slot,
 * and nothing is assigned that Trusted Types would want to see. A script of an unknown type was not "already started".
 * Source: HTML, "prepare the script element".
 */
import { all, elements, parsed, read } from "./page.js";

const SCRIPTS = 'script[type="text/plain"][data-consent]';
export const BOXES = "[data-consent]:not(script)";
/** @param {Element} element */
export const purposesOf = (element) => (element.getAttribute("data-consent") || "").split(/[\s,]+/).filter(Boolean);

/** Takes a node out and puts it back. Its parent may be a form with clobbered methods. @param {ChildNode} node */
export function reinsert(node) {
  const mark = new Comment();
  node.replaceWith(mark);
  mark.replaceWith(node);
}

/** @param {Element} script */
const isDeferred = (script) =>
  script.getAttribute("data-type") === "module" || (script.hasAttribute("src") && script.hasAttribute("defer"));

/** Whether an element is or has something held. `<input name="matches">` may stand in a form. @param {Node} node */
export const holdsAny = (node) =>
  node instanceof Element &&
  (elements.matches.call(node, "[data-consent]") || elements.querySelector.call(node, "[data-consent]"));

/** Whether the parser is done with it: it may stop in the middle of an inline script or of a picture. @param {Node} node */
export const isWhole = (node) => read("readyState") !== "loading" || node.nextSibling;

/**
 * @param {(purposes: string[]) => boolean} allows
 * @param {() => void} settleBoxes
 * @param {() => void} follow called whenever the page adds something
 * @returns {() => void} lets go of what is allowed now
 */
export function createHold(allows, settleBoxes, follow) {
  /** Scripts that wait for their turn. @type {WeakSet<Element>} */
  const taken = new WeakSet();
  /** @type {Promise<unknown>} */
  let inOrder = Promise.resolve();
  let deferred = parsed;

  /** @param {HTMLScriptElement} script */
  const start = (script) =>
    new Promise((resolve) => {
      taken.delete(script);
      // Withdrawn, or taken out of the page, while others were loading.
      if (!script.isConnected || !allows(purposesOf(script))) return resolve(null);
      const type = script.getAttribute("data-type");
      for (const end of ["load", "error"]) script.addEventListener(end, resolve);
      if (type) elements.setAttribute.call(script, "type", type);
      else script.removeAttribute("type");
      script.async = script.hasAttribute("async");
      reinsert(script);
      if (!script.src && type !== "module") resolve(null);
    });

  /** @param {HTMLScriptElement} script */
  function queue(script) {
    if (!(isWhole(script) || script.src) || taken.has(script) || !allows(purposesOf(script))) return;
    taken.add(script);
    const run = () => start(script);
    if (script.hasAttribute("async")) void run();
    else if (isDeferred(script)) deferred = Promise.all([deferred, inOrder]).then(run);
    else inOrder = inOrder.then(run);
  }

  function apply() {
    // As in a document: what is deferred comes after everything else, and each in its order.
    const scripts = all(SCRIPTS).sort((one, other) => +isDeferred(one) - +isDeferred(other));
    for (const script of scripts) queue(/** @type {HTMLScriptElement} */ (script));
    settleBoxes();
  }

  new MutationObserver((records) => {
    follow();
    if (records.some(({ attributeName, addedNodes }) => attributeName || [...addedNodes].some(holdsAny))) apply();
  }).observe(document, { childList: true, subtree: true, attributeFilter: ["data-consent"] });
  void parsed.then(apply);

  return apply;
}
