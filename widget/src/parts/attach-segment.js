/**
 * `cookiegate.attach.segment(analytics)`, right after `AnalyticsBrowser.load(…)`.
 *
 * The token is `context.consent.token` of each event. What waits to be sent again asks no plugin: on a withdrawal the
 * events themselves are emptied. One without a type is taken for delivered.
 */
import { offer } from "../attaching.js";

/** @import { Part } from "../types.js" */

/** Of the last events, that may still wait. */
const REMEMBERED = 500;

/** @type {Part} */
const part = (core) =>
  offer(core, "segment", "segment", ({ granted, token, follow }) => (analytics) => {
    /** @type {any[]} */
    let passed = [];
    /** @param {any} context */
    const pass = (context) => {
      if (!granted()) return context.cancel();
      const value = token();
      if (value) context.updateEvent("context.consent.token", value);
      passed.push(context);
      passed = passed.slice(-REMEMBERED);
      return context;
    };
    const events = Object.fromEntries(["track", "page", "screen", "identify", "group", "alias"].map((name) => [name, pass]));
    analytics.register({
      name: "cookiegate", version: "1.0.0", type: "before", isLoaded: () => true, load: () => Promise.resolve(), ...events,
    });
    follow(
      () => {},
      () => {
        for (const context of passed) context.event = { type: "" };
        passed = [];
        analytics.reset();
      },
    );
  });

export default part;
