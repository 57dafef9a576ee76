/** Loads our own module files, each of which is named by its bytes. */
import { make } from "./elements.js";
import { read } from "./page.js";

/** @import { Core } from "./types.js" */

const PATIENCE_MS = 8000;

/**
 * @param {Pick<Core, "base" | "config" | "script">} core whose script has the nonce: a page's policy may want one
 * @param {string} sum hex SHA-256 of the file
 * @returns {Promise<any>} its exports; rejects where it cannot be had, or has other bytes
 */
export async function fetchFile({ base, config, script }, sum) {
  const href = `${base}/w/${config.site}@${sum}.js`;
  const bytes = sum.replace(/../g, (byte) => String.fromCharCode(parseInt(byte, 16)));
  await new Promise((resolve, reject) => {
    const link = /** @type {HTMLLinkElement} */ (
      make("link", { rel: "modulepreload", href, integrity: `sha256-${btoa(bytes)}`, nonce: script?.nonce })
    );
    link.onload = resolve;
    link.onerror = reject;
    setTimeout(reject, PATIENCE_MS);
    if (link.relList.supports("modulepreload")) read("head").append(link);
    else resolve(null);
  });
  return import(href);
}
