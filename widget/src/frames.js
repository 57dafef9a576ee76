/**
 * What stands in for a held frame, picture, video or embed: in exactly its box, so that the page does not shift when the
 * content comes. In a frame it is drawn inside the frame's own empty document; where there is none to draw in (another
 * element, a sandbox), over the element, as its next sibling out of flow.
 */
import css from "./cover.css";
import { button, make, rootOf } from "./elements.js";
import { purposesOf } from "./held.js";
import { noticeOf } from "./own.js";
import { guarded, webAddress } from "./page.js";
import { addSheet } from "./styles.js";
import { waiting } from "./waiting.js";

/** @import { Config, CoverAct, Notice } from "./types.js" */

/** WCAG 2.2, success criterion 2.5.8: what is smaller takes no button. So counting pixels stay as they are. */
const LEAST_PX = 24;

/** The window that an element's styles are put into; for one in a shadow tree, what stands in for that. @param {Element} held */
function viewOf(held) {
  const tree = Node.prototype.getRootNode.call(held);
  return tree instanceof ShadowRoot ? { document: tree, Document: ShadowRoot, CSSStyleSheet } : window;
}

/**
 * @param {Element} held
 * @param {Notice} notice
 * @param {CoverAct & { open(): void }} act
 * @param {boolean} isInside whether it stands in a document of its own
 */
function makeCover(held, notice, act, isInside) {
  const { purposes, texts } = notice;
  const wanted = purposesOf(held);
  const titles = purposes.filter(({ key }) => wanted.includes(key)).map(({ title }) => title);
  const what = texts.placeholder_body.replace("{purpose}", () => titles.join(", "));
  const hosts = new Set(waiting(held).map(([, , address]) => webAddress(address)?.split("/")[2]));
  const whom = [...hosts].join(", ");
  return make(
    "div",
    {
      ...rootOf(notice, isInside ? "cg-cover" : "cg-cover cg-over"),
      role: "group",
      "aria-label": texts.placeholder_title,
    },
    make("p", "cg-title", texts.placeholder_title),
    make("p", {}, what),
    make(
      "div",
      "cg-pair",
      // In a small box this button is all there is to see: so it says the rest when it is asked.
      button(texts.placeholder_once, act.once, { title: `${what} ${whom}` }),
      button(texts.placeholder_always, act.always),
    ),
    make("p", "cg-small", `${whom} `, button(texts.manage, act.open)),
  );
}

/**
 * @param {Element} held
 * @param {Config} config
 * @param {CoverAct & { open(): void }} act
 * @param {(view: any) => void} dress puts the styles that everything of ours has into a window
 */
function createCover(held, config, act, dress) {
  // A picture has no box of its own.
  const box = /** @type {HTMLIFrameElement} */ ((held.localName === "picture" && held.querySelector("img")) || held);
  /** @type {HTMLElement | null} */
  let cover = null;
  let isOver = false;
  let x = 0;
  let y = 0;

  /** A page's own rules must not move it. @param {Record<string, string>} styles */
  const set = (styles) => {
    for (const name of Object.keys(styles)) cover?.style.setProperty(name, styles[name], "important");
  };

  function remove() {
    const hadFocus = cover?.matches(":focus-within");
    cover?.remove();
    cover = null;
    if (hadFocus) box.focus({ preventScroll: true });
  }

  /** @param {HTMLElement | undefined} inside */
  function put(inside) {
    const notice = noticeOf(config.notice);
    isOver = !inside;
    x = y = 0;
    cover = makeCover(held, notice, act, !isOver);
    const view = inside ? box.contentWindow : viewOf(held);
    dress(view);
    addSheet(css, view);
    if (!inside) return held.after(cover);
    const page = inside.ownerDocument;
    page.documentElement.lang = notice.locale;
    page.title = notice.texts.placeholder_title;
    inside.append(cover);
  }

  return {
    remove,

    /** Measures, and gives what is then to be written. */
    draw() {
      const { offsetWidth, offsetHeight } = box;
      const inside = box.contentDocument?.body;
      const place = inside ?? held.parentNode;
      return () => {
        if (Math.min(offsetWidth, offsetHeight) < LEAST_PX) return remove();
        if (!cover || cover.parentNode !== place) {
          remove();
          put(inside);
          if (isOver) set({ visibility: "hidden" });
        }
        if (isOver) set({ width: `${offsetWidth}px`, height: `${offsetHeight}px` });
      };
    },

    /** The same for where it is, wherever the page's layout put the box. Moved without layout. */
    lay() {
      if (!isOver || !cover) return () => {};
      const aim = box.getBoundingClientRect();
      const now = cover.getBoundingClientRect();
      const level = getComputedStyle(box).zIndex;
      x += aim.left - now.left;
      y += aim.top - now.top;
      return () => set({ "z-index": level, transform: `translate(${x}px,${y}px)`, visibility: "visible" });
    },
  };
}

/**
 * @param {Config} config
 * @param {() => void} open opens the dialog
 * @param {(view: any) => void} dress puts the styles that everything of ours has into a window
 * @returns {(held: Element, act?: CoverAct) => void} shows what stands in for a held element, or takes that away again
 */
export function createCovers(config, open, dress) {
  /** @type {Map<Element, ReturnType<typeof createCover>>} */
  const covers = new Map();
  addSheet(css, window);

  /** First all that is measured, then all that is written: no layout is forced. @param {"draw" | "lay"} step */
  const each = (step) => {
    /** @type {(() => void)[]} */
    const writes = [];
    for (const cover of covers.values()) guarded(() => writes.push(cover[step]()))();
    for (const write of writes) guarded(write)();
  };

  const draw = () => {
    for (const held of covers.keys()) if (!held.isConnected) uncover(held);
    each("draw");
    requestAnimationFrame(() => each("lay"));
  };
  const sizes = new ResizeObserver(draw);

  /** @param {Element} held */
  function uncover(held) {
    sizes.unobserve(held);
    covers.get(held)?.remove();
    covers.delete(held);
  }

  return (held, act) => {
    if (!act) return uncover(held);
    const wanted = purposesOf(held);
    const odd = wanted.filter((key) => !config.notice.purposes.some((purpose) => purpose.key === key));
    if (odd.length || !wanted.length) return console.warn("cookiegate: no such purpose:", ...odd);
    if (!covers.has(held)) covers.set(held, createCover(held, config, { ...act, open }, dress));
    // Firefox puts a fresh document into an empty frame after its load event.
    held.addEventListener("load", draw, { once: true });
    for (const box of [held, held.parentElement, ...held.children]) if (box) sizes.observe(box);
  };
}
