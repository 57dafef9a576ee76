/** Tabs agree: each tells the others that something changed, and reads for itself what. */
import { isVisible } from "./page.js";

/**
 * @param {string} name of the channel, for which storage events of the same name stand in
 * @param {() => void} onChange
 * @returns {() => void} tells the others
 */
export function createTabs(name, onChange) {
  /** @type {BroadcastChannel | undefined} */
  let channel;
  try {
    channel = new BroadcastChannel(name);
    channel.onmessage = onChange;
  } catch {
    // Missing.
    addEventListener("storage", ({ key }) => key === name && onChange());
  }
  // Restored from the back/forward cache, where no message arrives.
  addEventListener("pageshow", (event) => event.persisted && onChange());
  // The preferences page may have written the cookie without any script.
  addEventListener("visibilitychange", () => isVisible() && onChange());
  return () => channel?.postMessage(0);
}
