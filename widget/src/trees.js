/**
 * Held elements in open shadow trees. Nothing in a document tells of those, and to look at every element would cost
 * each page what few need: so a tree is shown to us by its host, which has `data-consent` itself.
 */
import { BOXES, holdsAny } from "./held.js";
import { elements, guarded } from "./page.js";

/** @import { Places } from "./types.js" */

/** About a frame. A timer, because a hidden tab draws none. */
const GATHER_MS = 16;

/** `<input name="shadowRoot">` may stand in a form. @param {Element} host @returns {ShadowRoot | null} */
export const treeOf = (host) => Reflect.get(elements, "shadowRoot", host);

/**
 * @param {Places} places where marks are looked for; trees are put into it, and taken out when they leave the page
 * @param {() => void} redraw called when there is a new tree, or something held has come into one: once for all at a time
 * @param {(tree: Node) => void} follow is given each tree, again when it comes back
 * @param {(tree: ShadowRoot) => void} leave is given each tree that is not looked through any more
 */
export function createTrees(places, redraw, follow, leave) {
  /** Those of the last look. @type {Set<Node>} */
  let present = new Set();
  /** Custom elements that are still to be defined, by name. @type {Set<string>} */
  const awaited = new Set();
  let isDue = false;
  const adding = new MutationObserver((records) => {
    if (records.some(({ attributeName, addedNodes }) => attributeName || [...addedNodes].some(holdsAny))) soon();
  });

  function soon() {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      guarded(redraw)();
    }, GATHER_MS);
  }

  /** A tree that its host makes when it is defined says nothing of it. @param {string} name */
  function wait(name) {
    if (awaited.has(name)) return;
    awaited.add(name);
    customElements.whenDefined(name).then(soon).catch(() => {});
  }

  /** @param {Element} host @param {Set<Node>} before trees of the look before */
  function enter(host, before) {
    const tree = treeOf(host);
    if (!tree && elements.matches.call(host, ":not(:defined)")) wait(host.localName);
    // A page's own `shadowRoot` may give one tree for many hosts.
    if (!tree || present.has(tree)) return;
    /** @type {Places[number]} */
    const find = (selector) => DocumentFragment.prototype.querySelectorAll.call(tree, selector);
    if (!before.has(tree)) {
      // What throws here is no tree: nothing would be found any more, in whichever place.
      find(BOXES);
      adding.observe(tree, { childList: true, subtree: true, attributeFilter: ["data-consent"] });
      follow(tree);
      soon();
    }
    places.push(find);
    present.add(tree);
  }

  return {
    /** Looks for trees, also in those it finds. */
    look() {
      const before = present;
      present = new Set();
      places.length = 1;
      // Those that are found are looked through in their turn.
      for (const find of places) for (const host of find(BOXES)) guarded(enter)(host, before);
      for (const tree of before) if (!present.has(tree)) guarded(leave)(/** @type {ShadowRoot} */ (tree));
    },
    /** Whether an element is where marks count. @param {Node} node */
    reaches(node) {
      const root = Node.prototype.getRootNode.call(node);
      return root === document || present.has(root);
    },
  };
}
