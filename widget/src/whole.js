/** What comes of a config that is not whole: a banner by which a visitor can refuse, and nothing is ever granted. */

/** @import { Config } from "./types.js" */

/** @type {any} */
const PLAIN = {
  notice: "0".repeat(64), policy_version: 1, locale: "en", ask_again_days: 1, purposes: [], acquire: [],
  texts: { banner_title: "Privacy", manage: "Privacy", policy_link: "Privacy", reject: "Reject all", choose: "Choose", close: "Close" },
};

/** @param {Config} config @returns {Config} */
export function whole(config) {
  try {
    const { purposes, acquire, texts } = config.notice;
    const keys = [...purposes, ...acquire].map(({ key }) => key);
    const needed = [texts.banner_title, texts.banner_body, texts.accept, texts.reject, texts.choose, ...keys];
    if (needed.every((text) => text.trim())) return config;
  } catch {
    // Not even of the right types.
  }
  return { ...config, notice: PLAIN };
}
