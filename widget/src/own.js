/** The notice of this file. The page's own has only what the first file needs, unless it came later, and whole. */

/** @import { Notice } from "./types.js" */

const OWN = __COOKIEGATE_CONFIG__.notice;

/** @param {Notice} current of the page @returns {Notice} with everything that is shown here */
export const noticeOf = (current) =>
  current.notice === OWN.notice ? { ...current, ...OWN, texts: { ...current.texts, ...OWN.texts } } : current;
