/**
 * The language that the page names as its own comes before the visitor's, where the policy offers it: what the page
 * says and what the banner says go together. Only for the address that names no language.
 */

/** @import { Core } from "../types.js" */

const PATIENCE_MS = 1000;

/** @param {Core} core */
export default ({ config, page, redraw, script }) => {
  const { offers, code } = config.language || { offers: {}, code: "" };
  let tag = page.read("documentElement").lang.toLowerCase();
  while (tag && offers[tag] === undefined) tag = tag.replace(/-?[^-]*$/, "");
  const found = offers[tag];
  const { locale } = config.notice;
  // The language alone is any of its places; but Chinese is written in two ways.
  const isSame = found === locale || (tag !== "zh" && locale.toLowerCase().startsWith(`${tag}-`));
  const place = /^.+\/w\/[\w-]+(?=\.js\b)/.exec(script?.src || "");
  if (!found || isSame || !place) return;

  const end = () => {
    config.waits = false;
    redraw();
  };
  fetch(`${place[0]}.${found}.json`, { signal: AbortSignal.timeout(PATIENCE_MS) })
    .then((answer) => answer.json())
    .then((other) => {
      // What a cache still holds of an earlier version is of no use.
      if (!other.notice.texts.accept || other.notice.policy_version < config.notice.policy_version) return;
      const { api, second, covers } = config;
      Object.assign(config, other, { api });
      // What other code would have drawn is not what is seen here, and its files fit that code alone.
      if (other.language.code !== code) Object.assign(config, { ui: undefined, second, covers });
    })
    .then(end, end);
  config.waits = true;
};
