/** Which addresses wait in a held element. */
import { BOXES } from "./held.js";
import { elements, webAddress } from "./page.js";

/** What a browser chooses between comes before what it falls back on. */
const ADDRESSES = ["srcset", "poster", "src", "href"];

/**
 * Every address that waits in an element, but not in a child that is marked by itself and waits for its own purposes.
 * `<input name="children">` may stand in a form.
 *
 * @param {Element} box
 * @returns {[piece: Element, name: string, address: string][]}
 */
export const waiting = (box) =>
  [box, ...Reflect.get(elements, "children", box)].flatMap((piece) =>
    (piece !== box && elements.matches.call(piece, BOXES) ? [] : ADDRESSES).flatMap((name) => {
      const text = elements.getAttribute.call(piece, `data-${name}`);
      const address = name === "srcset" ? text : webAddress(text);
      return address ? [[piece, piece.localName === "object" ? "data" : name, address]] : [];
    }),
  );
