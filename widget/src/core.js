/** Puts the rooms together, runs the parts, and gives the page `window.cookiegate`. What the visitor sees is given. */
import { readChoice } from "./choice.js";
import { createConsent } from "./consent.js";
import { createDecisions } from "./decisions.js";
import { make } from "./elements.js";
import { createHold } from "./held.js";
import { createJournal } from "./journal.js";
import { createNews } from "./news.js";
import { all, documents, elements, guarded, parsed, read, report, webAddress } from "./page.js";
import { createService } from "./service.js";
import { createTabs } from "./tabs.js";
import { createTokens } from "./tokens.js";

/** @import { Config, Core, Face, Wish } from "./types.js" */

const script = /** @type {HTMLScriptElement | null} */ (read("currentScript"));
/** A symbol, because an element with an id may stand in for any name. */
const MARK = Symbol.for("cookiegate");

/** What a page with an interface of its own does without. @type {any} */
const NONE = null;

/**
 * @param {Config} config
 * @param {(core: Core, asked: (reason: string) => void) => Face} createFace not called where there is no interface
 */
function put(config, createFace) {
  // The service is where this script came from, unless the site says otherwise.
  const base = new URL(config.api || "/", script?.src || location.href).href.replace(/\/$/, "");
  const service = createService(base, config);
  const journal = createJournal(config);
  const waits = () => journal.read() !== null;
  const consent = createConsent(config, waits);
  /** @type {ReturnType<typeof createNews<string>>} */
  const asked = __HEADLESS__ ? NONE : createNews();

  const changed = __HEADLESS__
    ? guarded(consent.tell)
    : () => {
        for (const step of [face.render, hold, consent.tell]) guarded(step)();
      };
  const tokens = createTokens(service, consent, config, {
    may: () => !waits(),
    fetched() {
      consent.set(consent.choice(), true);
      changed();
    },
    missing: () => decisions.adoptServed(),
  });
  /** @param {string | Wish} choice @param {string} [shown] digest of what was decided on */
  const decide = async (choice, shown) => {
    try {
      if (!__HEADLESS__) face.end();
      await decisions.decide(choice, shown);
    } catch (error) {
      report(error);
    }
    return consent.snapshot();
  };

  /** @type {any} */
  const api = {
    get consent() {
      return consent.snapshot();
    },
    token: (/** @type {string | undefined} */ purpose) => api.ready.then(() => tokens.get(purpose)).catch(() => null),
    decide: (/** @type {string | Wish} */ choice) => decide(choice),
    on: (/** @type {string} */ event, /** @type {any} */ listener) =>
      event === "change" ? consent.changed.listen(listener) : () => {},
  };
  const say = __HEADLESS__ ? () => {} : guarded((/** @type {string} */ key) => face.say(key));
  /** @type {Core} */
  const core = {
    config, base, service, tokens, consent, journal, make: __HEADLESS__ ? NONE : make, decide, say, api,
    page: { read, guarded, documents, parsed, ...(__HEADLESS__ ? NONE : { all, elements, webAddress }) },
    allows: (purposes) => purposes.length > 0 && purposes.every(consent.purposeHolds),
    on: { changed: consent.changed.listen, refused: consent.refused.listen, asked: asked?.listen },
    notes: [],
    script,
    redraw: changed,
  };
  consent.set(readChoice(), false);
  for (const part of __COOKIEGATE_PARTS__) guarded(part)(core);

  /** @type {Face} */
  const face = __HEADLESS__ ? NONE : createFace(core, asked.tell);
  const decisions = createDecisions(config, service, journal, consent, tokens, {
    changed,
    poke: () => poke(),
    say,
  });

  /** @type {() => void} */
  const hold = __HEADLESS__ ? NONE : createHold(core.allows, guarded(face.boxes), face.follow);
  const poke = createTabs(journal.name, () => void decisions.sync(true));

  api.ready = Promise.resolve(decisions.sync()).then(consent.snapshot, consent.snapshot);
  if (!__HEADLESS__) api.open = guarded(face.open);
  Object.defineProperty(window, "cookiegate", { value: Object.freeze(api), enumerable: true });
}

/** Starts once in a page, however often the script is there. @type {typeof put} */
export const start = guarded((config, createFace) => {
  if (MARK in window) return;
  Object.defineProperty(window, MARK, { value: true });
  put(config, createFace);
});
