/** What every layer of ours has in common. */
import { link, make } from "./elements.js";
import { webAddress } from "./page.js";

/** @import { Note, Notice } from "./types.js" */

/** A character: a drawing costs a visitor's browser 0.3 ms more, a tenth of what all of our start costs. */
export const CROSS = "×";

/** Says which language prevails, where it is another one (S39). @param {Notice} notice */
export const authority = ({ texts }) =>
  texts.authoritative_note ? make("p", "cg-small", texts.authoritative_note) : null;

/** What else a layer has to say. @param {Note[]} notes @param {Notice} notice */
export const paragraphs = (notes, { texts }) =>
  notes.map((note) =>
    typeof note === "string" ? make("p", {}, texts[note] || note) : make("p", {}, `${note[0]} `, link(webAddress(note[1]), note[2])),
  );
