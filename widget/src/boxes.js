/**
 * Held elements other than scripts: every one with `data-consent` whose addresses, or those of its children, wait as
 * `data-src`, `data-srcset`, `data-href`, `data-poster`. Without this file they stay held.
 */
import { createCovers } from "./frames.js";
import { BOXES, isWhole, purposesOf, reinsert } from "./held.js";
import { elements, guarded, report } from "./page.js";
import { createTrees } from "./trees.js";
import { waiting } from "./waiting.js";

/** @import { Core, Places } from "./types.js" */

/**
 * @param {Core} core
 * @param {() => void} open opens the dialog
 * @param {(view: any) => void} dress puts the styles that everything of ours has into a window
 * @param {Places} places
 */
export function createBoxes({ allows, config, consent, decide, redraw }, open, dress, places) {
  const cover = createCovers(config, open, dress);
  /**
   * Boxes that are shown, with what each was given: the page may have changed what waits in it since.
   *
   * @type {Map<Element, ReturnType<typeof waiting>>}
   */
  const taken = new Map();
  /** Boxes that are shown though their purpose is not allowed. @type {WeakSet<Element>} */
  let shownOnce = new WeakSet();
  let isOwn = false;

  /** A box's own button: this purpose as well, and no category more than before. @param {string[]} purposes */
  function allow(purposes) {
    const { purposes: before, acquire } = consent.valid();
    const yes = (/** @type {Iterable<string>} */ keys) => Object.fromEntries([...keys].map((key) => [key, true]));
    isOwn = true;
    void decide({ purposes: yes([...before, ...purposes]), acquire: yes(acquire) }, config.ui);
    isOwn = false;
  }

  /** Whether a box may be shown. @param {Element} box */
  const isAllowed = (box) => allows(purposesOf(box)) || shownOnce.has(box);

  /** Gives a box its addresses, or takes away what it was given. @param {Element} box @param {boolean} isShown */
  function fill(box, isShown) {
    const addresses = isShown ? waiting(box) : (taken.get(box) ?? []);
    if (isShown) taken.set(box, addresses);
    else taken.delete(box);
    for (const [piece, name, address] of addresses) {
      if (isShown) elements.setAttribute.call(piece, name, address);
      else elements.removeAttribute.call(piece, name);
    }
    if (box instanceof HTMLMediaElement) box.load();
    else if (!isShown) reinsert(box); // an empty frame again, without an entry in the history
  }

  /** @param {Element} box */
  function settle(box) {
    const addresses = waiting(box);
    const waits = addresses.length > 0;
    if (!isWhole(box) && /^(picture|video|audio)$/.test(box.localName)) return;
    const isShown = isAllowed(box);
    const copied = addresses.filter(([piece, name, address]) => elements.getAttribute.call(piece, name) === address);
    // The page's copy of a box that was shown.
    if (!isShown && copied.length && !taken.has(box)) taken.set(box, copied);
    if (isShown !== taken.has(box) && (waits || !isShown)) fill(box, isShown);
    const once = () => {
      shownOnce.add(box);
      settle(box);
    };
    const act = { once, always: () => allow(purposesOf(box)) };
    if (box.localName !== "link") cover(box, isShown || !waits ? undefined : act);
  }

  /** What cannot be read any more, in a form with clobbered methods, is not shown either. @param {Element} box */
  function settleSafely(box) {
    // Not one that fails as it is shown: put back, it would be met again, and without end.
    const wasShown = taken.has(box);
    try {
      settle(box);
    } catch (error) {
      report(error);
      if (wasShown && taken.has(box)) guarded(fill)(box, false);
    }
  }

  // A page that shows something else in the same frame.
  const changing = new MutationObserver((records) => {
    for (const { target } of records) {
      const box = /** @type {Element} */ (target);
      if (taken.has(box)) guarded(fill)(box, false);
      if (elements.matches.call(box, BOXES) && trees.reaches(box)) settleSafely(box);
    }
  });
  /** @param {Node} tree */
  const follow = (tree) => changing.observe(tree, { subtree: true, attributeFilter: ["data-consent", "data-src"] });
  follow(document);

  /** Nobody looks into it from now on, so nobody would see that a choice is withdrawn. @param {ShadowRoot} tree */
  function leave(tree) {
    for (const box of DocumentFragment.prototype.querySelectorAll.call(tree, BOXES)) {
      if (taken.has(box)) guarded(fill)(box, false);
      guarded(cover)(box);
    }
  }
  // A new tree calls for the first file, which lets go of scripts wherever it is told to look, and then calls again.
  const trees = createTrees(places, redraw, follow, leave);

  return {
    apply() {
      trees.look();
      for (const find of places) for (const box of find(BOXES)) settleSafely(box);
      // A page may take a box out, or into a tree that is not marked, and bring it back after a withdrawal.
      for (const box of taken.keys()) if (!box.isConnected || !isAllowed(box)) guarded(fill)(box, false);
    },
    /** A new choice as a whole ends what was shown once. */
    end() {
      if (!isOwn) shownOnce = new WeakSet();
    },
  };
}

/** @typedef {ReturnType<typeof createBoxes>} Boxes */
