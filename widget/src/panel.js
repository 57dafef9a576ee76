/** The developer panel: what holds in this page and why, and what each request carried. In English, for whoever builds the site. */
import { purposesOf } from "./held.js";
import { make } from "./elements.js";
import { elements, guarded } from "./page.js";
import css from "./panel.css";
import { treeOf } from "./trees.js";
import { waiting } from "./waiting.js";
import { watchRequests } from "./watching.js";

/** @import { Core, Decision } from "./types.js" */
/** @import { Sent } from "./watching.js" */
/** @typedef {[label: string, value: string]} Row */

const KEPT = 50;

/** @param {number} at in ms */
const time = (at) => new Date(at).toLocaleTimeString("en-GB");
/** @param {Record<string, boolean> | undefined} map */
const chosen = (map) => Object.keys(map || {}).filter((key) => map?.[key]).join(", ") || "none";

/**
 * Watches from now on.
 *
 * @param {Core} core
 * @returns {() => void} shows the panel
 */
export function watch(core) {
  const { config, consent, journal, service, tokens, api } = core;
  /** @type {Row[]} */
  const decisions = [];
  /** @type {Sent[]} */
  const sent = [];
  /** @type {() => void} */
  let draw = () => {};
  let isDue = false;
  const soon = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      guarded(draw)();
    }, 100);
  };
  /** @template Item @param {Item[]} list @param {Item} item */
  const keep = (list, item) => {
    list.unshift(item);
    list.length = Math.min(list.length, KEPT);
    soon();
  };

  const { decide } = service;
  service.decide = async (pending) => {
    const began = Date.now();
    const answer = await decide(pending);
    const { action, purposes, signal } = /** @type {Decision} */ (pending.body);
    const what = purposes ? `${action}: ${chosen(purposes)}` : action;
    const outcome = answer.status ? `answered ${answer.status}` : "no answer";
    keep(decisions, [time(began), `${what}; ${outcome}${signal ? `; signal ${signal}` : ""}`]);
    return answer;
  };
  core.on.changed(soon);
  watchRequests(core.base, (item) => keep(sent, item));

  /** @returns {Row[]} */
  function state() {
    const now = consent.snapshot();
    const token = tokens.alive();
    return [
      ["site", `${config.site}, policy version ${config.notice.policy_version}, ${config.notice.locale}`],
      ["state", `${now.state}${now.ask ? `; asks: ${now.ask_reason}` : ""}${now.pending ? "; waits for the service" : ""}`],
      ["purposes", chosen(now.purposes)],
      ["categories", chosen(now.acquire)],
      ["choice of", now.policy_version === null ? "–" : `version ${now.policy_version}, epoch ${now.epoch ?? "–"}`],
      ["token", token ? "in memory" : "none"],
      ["unsent", journal.read()?.body.action ?? "nothing"],
    ];
  }

  /** @returns {Row[]} */
  function place() {
    const { affects = [], dnt } = config.signal || {};
    const notes = (config.region || []).map(([text, , label]) => text || label);
    return [
      ["Global Privacy Control", navigator.globalPrivacyControl === true ? "on" : "off"],
      ["Do Not Track", `${navigator.doNotTrack === "1" ? "on" : "off"}${dnt ? "" : "; the policy ignores it"}`],
      ["switch off", affects.join(", ") || "nothing"],
      ["region's notes", notes.join(" ") || "none"],
      ["asked again", `after ${config.notice.ask_again_days} days, ${config.notice.refused_days ?? config.notice.ask_again_days} after a refusal`],
    ];
  }

  /** Why an element waits. @param {string[]} wanted */
  function why(wanted) {
    const known = new Set(config.notice.purposes.map(({ key }) => key));
    const odd = wanted.filter((key) => !known.has(key));
    if (odd.length || !wanted.length) return `no purpose of the policy: ${odd.join(", ") || "nothing is named"}`;
    const missing = wanted.filter((key) => !core.allows([key]));
    const { purposes } = consent.valid();
    return missing.map((key) => `${key} ${purposes.has(key) ? "is not confirmed yet" : "is not allowed"}`).join(", ");
  }

  /** @param {Element} element @param {string} name what it is @returns {string} what holds for it */
  function standing(element, name) {
    const wanted = purposesOf(element);
    const isScript = name === "script";
    const isHeld = isScript
      ? element.getAttribute("type") === "text/plain"
      : waiting(element).some(([piece, attribute, address]) => elements.getAttribute.call(piece, attribute) !== address);
    const address = isScript ? element.getAttribute("src") || "inline" : waiting(element)[0]?.[2] || "nothing waits";
    if (treeOf(element) && !wanted.length) return "its shadow tree is looked through";
    const reason = isHeld ? `held: ${why(wanted) || "it runs in its turn"}` : `released for ${wanted.join(", ")}`;
    return `${address} – ${reason}`;
  }

  /** @returns {Row[]} */
  function held() {
    // The page's own search, which knows of shadow trees.
    const marked = core.page.all("[data-consent]").map((element) => {
      const name = Reflect.get(elements, "localName", element);
      try {
        return /** @type {Row} */ ([name, standing(element, name)]);
      } catch (error) {
        return /** @type {Row} */ ([name, `held: it cannot be read (${error})`]); // a form with clobbered methods
      }
    });
    /** @type {import("./types.js").HeldCall[]} */
    const calls = api.held?.() || [];
    return [
      ...marked,
      ...calls.map(({ kind, host, purpose, count }) => /** @type {Row} */ ([kind, `${host} – held by the list for ${purpose}, ${count} ×`])),
    ];
  }

  /** @returns {Row[]} */
  const events = () =>
    sent.map(({ at, kind, address, tokens: carried }) => {
      const told = carried.map(({ place, claims }) => `token in ${place}: ${claims.scope}; ${claims.acquire || "no category"}; epoch ${claims.ep}`);
      return [`${time(at)} ${kind}`, `${address} – ${told.join("; ") || "no token"}`];
    });

  return () => {
    const host = make("div", { lang: "en", dir: "ltr", role: "region", "aria-label": "cookiegate, for developers" });
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    const end = make("button", { type: "button", "aria-label": "Close" }, "✕");
    end.addEventListener("click", () => host.remove());
    root.append(make("header", { role: "presentation" }, make("h2", {}, "cookiegate"), end));

    /** @type {[name: string, rows: () => Row[]][]} */
    const parts = [
      ["State", state],
      ["Signals and region", place],
      ["Held", held],
      ["Sent", events],
      ["Decisions in this page", () => decisions],
    ];
    const steps = parts.map(([name, rows]) => {
      const list = make("dl", {});
      root.append(make("details", { open: "" }, make("summary", {}, name), list));
      let drawn = "";
      return () => {
        const now = rows();
        if (JSON.stringify(now) === drawn) return;
        drawn = JSON.stringify(now);
        const shown = now.length ? now : [/** @type {Row} */ (["–", "nothing yet"])];
        list.replaceChildren(...shown.flatMap(([label, value]) => [make("dt", {}, label), make("dd", {}, value)]));
      };
    });
    draw = () => steps.forEach((step) => step());
    draw();
    // What the page adds, takes away or fills in.
    new MutationObserver(soon).observe(document, { childList: true, subtree: true, attributes: true });
    (document.querySelector("body") || document.documentElement).append(host);
  };
}
