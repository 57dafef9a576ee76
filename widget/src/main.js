/** Puts the parts together and gives the page `window.cookiegate`. */
import { createConsent } from "./consent.js";
import { createDecisions } from "./decisions.js";
import { coverFrame } from "./frames.js";
import { createHold } from "./held.js";
import { createJournal } from "./journal.js";
import { guarded, parsed, read } from "./page.js";
import { createService } from "./service.js";
import { createTabs } from "./tabs.js";
import { createTokens } from "./tokens.js";
import { createUi } from "./ui.js";

/** @import { Config, Cookiegate, Wish } from "./types.js" */

const script = /** @type {HTMLScriptElement | null} */ (read("currentScript"));
/** A symbol, because an element with an id may stand in for any name. */
const MARK = Symbol.for("cookiegate");

/** @param {Config} config */
function start(config) {
  // The service is where this script came from, unless the site says otherwise.
  const base = new URL(config.api || "/", script?.src || location.href).href.replace(/\/$/, "");
  const service = createService(base, config);
  const journal = createJournal(config.site);
  const consent = createConsent(config, () => journal.read() !== null);

  const changed = guarded(() => {
    ui.render();
    hold();
    consent.tell();
  });
  const tokens = createTokens(service, consent, config, {
    may: () => journal.read() === null,
    fetched() {
      consent.set(consent.choice(), true);
      changed();
    },
    missing: () => decisions.adoptServed(),
  });
  __COOKIEGATE_BINDINGS__?.(config, service, tokens, read);
  const decisions = createDecisions(config, service, journal, consent, tokens, {
    changed,
    poke: () => poke(),
    say: guarded((key) => ui.say(key)),
  });
  /** @param {string | Wish} choice @param {string} [shown] digest of what was decided on */
  const decide = async (choice, shown) => {
    try {
      await decisions.decide(choice, shown);
    } catch (error) {
      console.error("cookiegate:", error);
    }
    return consent.snapshot();
  };
  const ui = createUi(config, base, consent, journal, decide);

  /** The held frame's own button: this purpose as well, and no category more than before. @param {string[]} purposes */
  const allow = (purposes) => {
    const { purposes: before, acquire } = consent.valid();
    const yes = (/** @type {Iterable<string>} */ keys) => Object.fromEntries(Array.from(keys, (key) => [key, true]));
    void decide({ purposes: yes([...before, ...purposes]), acquire: yes(acquire) }, config.ui);
  };
  const hold = createHold(
    (purposes) => purposes.length > 0 && purposes.every(consent.purposeHolds),
    guarded((frame) => coverFrame(frame, config.notice, allow)),
    ui.follow,
  );
  const poke = createTabs(journal.name, () => void decisions.sync(true));

  const ready = Promise.resolve(decisions.sync()).then(consent.snapshot, consent.snapshot);

  /** @type {Cookiegate} */
  const api = {
    ready,
    get consent() {
      return consent.snapshot();
    },
    token: (purpose) => ready.then(() => tokens.get(purpose)).catch(() => null),
    decide: (choice) => decide(choice),
    open: guarded(() => (read("body") ? ui.open() : void parsed.then(ui.open))),
    on: (event, listener) => (event === "change" ? consent.listen(listener) : () => {}),
  };
  Object.defineProperty(window, "cookiegate", { value: Object.freeze(api), enumerable: true });
}

guarded(() => {
  if (MARK in window) return;
  Object.defineProperty(window, MARK, { value: true });
  start(__COOKIEGATE_CONFIG__);
})();
