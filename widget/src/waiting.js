/** Which addresses wait in a held element. */
import { elements, webAddress } from "./page.js";

/** What a browser chooses between comes before what it falls back on. */
const ADDRESSES = ["srcset", "poster", "src", "href"];

/**
 * Every address that waits in an element.
 *
 * @param {Element} box
 * @returns {[piece: Element, name: string, address: string][]}
 */
export const waiting = (box) =>
  [box, ...box.children].flatMap((piece) =>
    ADDRESSES.flatMap((name) => {
      const text = elements.getAttribute.call(piece, `data-${name}`);
      const address = name === "srcset" ? text : webAddress(text);
      return address ? [[piece, piece.localName === "object" ? "data" : name, address]] : [];
    }),
  );
