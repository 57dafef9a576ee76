/**
 * What the page holds back until it is allowed: `<script type="text/plain" data-consent>` and
 * `<iframe data-consent data-src>`.
 *
 * A script is released by putting the same element back with its real type. So its nonce stays in its internal slot,
 * and nothing is assigned that Trusted Types would want to see. A script of an unknown type was not "already started".
 * Source: HTML, "prepare the script element".
 */
import { all, elements, parsed, read, webAddress } from "./page.js";

const SCRIPTS = 'script[type="text/plain"][data-consent]';
const FRAMES = "iframe[data-consent][data-src]";

/** @param {Element} element */
export const purposesOf = (element) => (element.getAttribute("data-consent") || "").split(/[\s,]+/).filter(Boolean);

/** Takes a node out and puts it back. Its parent may be a form with clobbered methods. @param {ChildNode} node */
function reinsert(node) {
  const mark = new Comment();
  node.replaceWith(mark);
  mark.replaceWith(node);
}

/** @param {Element} script */
const isDeferred = (script) =>
  script.getAttribute("data-type") === "module" || (script.hasAttribute("src") && script.hasAttribute("defer"));

/** Whether an element is or has something held. `<input name="matches">` may stand in a form. @param {Node} node */
const holdsAny = (node) =>
  node instanceof Element &&
  (elements.matches.call(node, `${SCRIPTS},${FRAMES}`) ||
    elements.querySelector.call(node, `${SCRIPTS},${FRAMES}`) !== null);

/**
 * @param {(purposes: string[]) => boolean} allows
 * @param {(frame: HTMLIFrameElement) => void} cover shows what stands in for a held frame
 * @param {() => void} follow called whenever the page adds something
 */
export function createHold(allows, cover, follow) {
  /** Scripts that wait for their turn, and frames that are shown. @type {WeakSet<Element>} */
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
      script.onload = script.onerror = resolve;
      if (type) script.setAttribute("type", type);
      else script.removeAttribute("type");
      script.async = script.hasAttribute("async");
      reinsert(script);
      if (!script.src && type !== "module") resolve(null);
    });

  /** @param {HTMLScriptElement} script */
  function queue(script) {
    // The parser may stop in the middle of an inline script.
    const isWhole = read("readyState") !== "loading" || script.nextSibling || script.src;
    if (!isWhole || taken.has(script) || !allows(purposesOf(script))) return;
    taken.add(script);
    const run = () => start(script);
    if (script.hasAttribute("async")) void run();
    else if (isDeferred(script)) deferred = Promise.all([deferred, inOrder]).then(run);
    else inOrder = inOrder.then(run);
  }

  /** @param {HTMLIFrameElement} frame */
  function showOrCover(frame) {
    const address = webAddress(frame.getAttribute("data-src"));
    if (!allows(purposesOf(frame))) {
      if (taken.delete(frame)) {
        frame.removeAttribute("src");
        reinsert(frame); // an empty frame again, without an entry in the history
      }
      cover(frame);
    } else if (address && !taken.has(frame)) {
      taken.add(frame);
      frame.src = address;
    }
  }

  function apply() {
    // As in a document: what is deferred comes after everything else, and each in its order.
    const scripts = all(SCRIPTS).sort((one, other) => Number(isDeferred(one)) - Number(isDeferred(other)));
    for (const script of scripts) queue(/** @type {HTMLScriptElement} */ (script));
    for (const frame of all(FRAMES)) showOrCover(/** @type {HTMLIFrameElement} */ (frame));
  }

  new MutationObserver((records) => {
    follow();
    if (records.some(({ addedNodes }) => Array.from(addedNodes).some(holdsAny))) apply();
  }).observe(document, { childList: true, subtree: true });
  void parsed.then(apply);

  return apply;
}
