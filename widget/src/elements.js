/** Builds elements. Every text becomes a text node: no markup is ever parsed, so nothing is a Trusted Types sink. */
import { documents, guarded } from "./page.js";

/** @import { Notice } from "./types.js" */
/** @typedef {Record<string, string | null | undefined>} Attributes null and undefined leave one out */

/**
 * @template {Element} Kind
 * @param {Kind} element
 * @param {Attributes} attributes
 * @param {(Node | string | null | undefined)[]} children
 */
function fill(element, attributes, children) {
  for (const name of Object.keys(attributes)) {
    const value = attributes[name];
    if (value != null) element.setAttribute(name, value);
  }
  element.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child != null)));
  return element;
}

/**
 * @param {string} tag
 * @param {Attributes | string} attributes a string is its class
 * @param {...(Node | string | null | undefined)} children
 */
export const make = (tag, attributes, ...children) =>
  fill(
    /** @type {HTMLElement} */ (documents.createElement.call(document, tag)),
    typeof attributes === "string" ? { class: attributes } : attributes,
    children,
  );

/**
 * @param {string | Node} label
 * @param {() => void} press
 * @param {Attributes} [attributes]
 */
export function button(label, press, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", guarded(press));
  return element;
}

/** @param {string} path of 24 × 24 */
export function drawing(path) {
  /** @param {string} tag @param {Attributes} attributes @param {...Node} children */
  const shape = (tag, attributes, ...children) =>
    fill(documents.createElementNS.call(document, "http://www.w3.org/2000/svg", tag), attributes, children);
  return shape("svg", { viewBox: "0 0 24 24" }, shape("path", { d: path }));
}

/**
 * @param {string | Node} picture a drawing, or a character that looks like one
 * @param {() => void} press
 * @param {string | undefined} name
 */
export const iconButton = (picture, press, name) =>
  button(picture, press, { class: "cg-icon", "aria-label": name, title: name });

/**
 * A link to another page, or plain text where the address is not one.
 *
 * @param {string | null} address
 * @param {string} label
 */
export const link = (address, label) =>
  address ? make("a", { href: address, target: "_blank", rel: "noopener" }, label) : label;

/**
 * The attributes of everything that we put into the page.
 *
 * @param {Notice} notice
 * @param {string} look
 */
export const rootOf = ({ locale, dir }, look) => ({ class: `cg-root ${look}`, lang: locale, dir });
