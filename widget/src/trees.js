/**
 * Held elements in open shadow trees. Nothing in a document tells of those, and to look at every element would cost
 * each page what few need: so a tree is shown to us by its host, which has `data-consent` itself.
 */
import { BOXES, holdsAny } from "./held.js";
import { elements, guarded } from "./page.js";

/** @import { Places } from "./types.js" */

/**
 * @param {Places} places where marks are looked for; trees are put into it, and taken out when they leave the page
 * @param {() => void} apply called when something held has come into one
 * @param {(tree: Node) => void} follow is given each tree, again when it comes back
 * @returns {() => boolean} looks for trees, also in those it finds; tells whether one was not there the last time
 */
export function createTrees(places, apply, follow) {
  /** Those of the last look. @type {Set<ShadowRoot>} */
  let present = new Set();
  /** Custom elements that are still to be defined, by name. @type {Set<string>} */
  const awaited = new Set();
  const adding = new MutationObserver((records) => {
    if (records.some(({ attributeName, addedNodes }) => attributeName || [...addedNodes].some(holdsAny))) guarded(apply)();
  });

  /** A tree that its host makes when it is defined says nothing of it. @param {string} name */
  function wait(name) {
    if (awaited.has(name)) return;
    awaited.add(name);
    customElements.whenDefined(name).then(apply).catch(() => {});
  }

  return () => {
    const before = present;
    present = new Set();
    places.length = 1;
    // Those that are found are looked through in their turn.
    for (const find of places) {
      for (const host of find(BOXES)) {
        const { shadowRoot: tree } = host;
        if (!tree && elements.matches.call(host, ":not(:defined)")) wait(host.localName);
        if (!tree) continue;
        places.push((selector) => tree.querySelectorAll(selector));
        present.add(tree);
        if (before.has(tree)) continue;
        adding.observe(tree, { childList: true, subtree: true, attributeFilter: ["data-consent"] });
        follow(tree);
      }
    }
    return [...present].some((tree) => !before.has(tree));
  };
}
