/**
 * What stands in for a held frame: shown inside the frame's own empty document, so that it has exactly the frame's box
 * and the page does not shift when the content comes.
 */
import { button, make } from "./elements.js";
import { rootOf } from "./banner.js";
import { purposesOf } from "./held.js";
import { webAddress } from "./page.js";
import { addSheet } from "./styles.js";

/** @import { Notice } from "./types.js" */

/**
 * @param {HTMLIFrameElement} frame
 * @param {Notice} notice
 * @param {(purposes: string[]) => void} allow
 */
export function coverFrame(frame, notice, allow) {
  const inside = frame.contentDocument; // null in a sandbox: the frame stays empty
  if (!inside?.body || inside.querySelector(".cg-root")) return;
  const { texts } = notice;
  const wanted = purposesOf(frame);
  const titles = notice.purposes.filter((item) => wanted.includes(item.key)).map((item) => item.title);
  if (titles.length < wanted.length) return console.warn("cookiegate: no such purpose:", ...wanted);
  addSheet(frame.contentWindow, notice.theme);
  inside.documentElement.lang = notice.locale;
  inside.title = texts.placeholder_title;
  inside.body.append(
    make(
      "main",
      rootOf(notice, "cg-cover"),
      make("p", "cg-title", texts.placeholder_title),
      make("p", {}, texts.placeholder_body.replace("{purpose}", () => titles.join(", "))),
      button(texts.placeholder_allow, () => allow(wanted)),
      make("p", "cg-small", webAddress(frame.getAttribute("data-src"))?.split("/")[2] ?? ""),
    ),
  );
  // Firefox puts a fresh document into an empty frame after its load event.
  frame.addEventListener("load", () => frame.src || coverFrame(frame, notice, allow), { once: true });
}
