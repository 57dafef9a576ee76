/** What the law of the visitor's place wants banner and dialog to say besides. */

/** @import { Core } from "../types.js" */

/** @param {Core} core */
export default ({ base, config, notes }) => {
  notes.push(() => (config.region || []).map(([text, path, label]) => [text, base + path, label]));
};
