/** What stands in for the frameworks' APIs until their files are here: it queues, and speaks for frames. */

/** @import { GppConfig } from "./types.js" */

/**
 * @typedef {{
 *   make: typeof import("./elements.js").make,
 *   guarded: typeof import("./page.js").guarded,
 *   read: typeof import("./page.js").read,
 * }} Means
 */

/** @type {any} */
const here = window;

/**
 * Frames find us by a frame of this name, and ask by messages.
 *
 * @param {string} api such as `__tcfapi`
 * @param {(call: any, answer: (value: unknown, success: boolean) => void) => void} ask
 * @param {Means} means
 */
function speak(api, ask, { make, guarded, read }) {
  const name = `${api}Locator`;
  // At once: a stub that comes later sees by the frame that there is one.
  guarded(() => {
    if (name in window.frames) return;
    const frame = make("iframe", { name, hidden: "", title: "", tabindex: "-1", "aria-hidden": "true" });
    frame.style.setProperty("display", "none", "important"); // whatever the page says of all elements
    (read("body") ?? read("documentElement")).append(frame);
  })();
  addEventListener(
    "message",
    guarded((/** @type {MessageEvent} */ { data, source }) => {
      const isText = typeof data === "string";
      if (isText && !data.includes(`${api}Call`)) return;
      const call = (isText ? JSON.parse(data) : data)?.[`${api}Call`];
      if (!call || typeof call !== "object" || !source) return;
      ask(call, (returnValue, success) => {
        const answer = { [`${api}Return`]: { returnValue, success, callId: call.callId } };
        /** @type {Window} */ (source).postMessage(isText ? JSON.stringify(answer) : answer, "*");
      });
    }),
  );
}

/** @param {Means} means */
export function stubTcf(means) {
  const name = "__tcfapi";
  /** @type {unknown[][]} */
  const queue = [];
  if (typeof here[name] !== "function") {
    here[name] = (/** @type {any[]} */ ...call) => {
      const [command, , callback] = call;
      if (command === "ping" && typeof callback === "function") {
        callback({ gdprApplies: true, cmpLoaded: false, cmpStatus: "stub", apiVersion: "2" }, true);
      } else if (call.length) queue.push(call);
      return call.length ? undefined : queue;
    };
  }
  speak(name, ({ command, version, parameter }, answer) => here[name](command, version, answer, parameter), means);
}

/** @param {GppConfig} config @param {Means} means */
export function stubGpp(config, means) {
  const name = "__gpp";
  /** @type {unknown[][]} */
  const queue = [];
  /** @type {{ id: number, callback: Function, parameter: unknown }[]} */
  const events = [];
  let last = 0;
  const ping = () => ({
    gppVersion: "1.1", cmpStatus: "stub", cmpDisplayStatus: "hidden", signalStatus: "not ready", supportedAPIs: [],
    cmpId: config.cmp_id, sectionList: [], applicableSections: [], gppString: "", parsedSections: {},
  });
  if (typeof here[name] !== "function") {
    here[name] = (/** @type {any[]} */ ...call) => {
      const [command, given, parameter] = call;
      const callback = typeof given === "function" ? given : () => {};
      if (command === "ping") callback(ping(), true);
      else if (command === "addEventListener") {
        const id = ++last;
        events.push({ id, callback, parameter });
        callback({ eventName: "listenerRegistered", listenerId: id, data: true, pingData: ping() }, true);
      } else if (command === "removeEventListener") {
        const place = events.findIndex(({ id }) => id === parameter);
        if (place >= 0) events.splice(place, 1);
        callback({ eventName: "listenerRemoved", listenerId: parameter, data: place >= 0, pingData: ping() }, true);
      } else if (command === "hasSection") callback(false, true);
      else if (command === "getField" || command === "getSection") callback(null, true);
      else if (call.length && command !== "events") queue.push(call);
      return command === "events" ? events : call.length ? undefined : queue;
    };
  }
  speak(name, ({ command, parameter, version }, answer) => here[name](command, answer, parameter, version), means);
}
