/** What the visitor sees: banner, dialog, the standing control, and a line that says how it went. */
import { makeBanner, rootOf } from "./banner.js";
import { wanted } from "./choice.js";
import { makeDialog } from "./dialog.js";
import { iconButton, make } from "./elements.js";
import { all, elements, guarded, read, webAddress } from "./page.js";
import { addSheet } from "./styles.js";

/** @import { Config, Wish } from "./types.js" */
/** @import { ConsentState } from "./consent.js" */
/** @import { Journal } from "./journal.js" */

const OPENERS = "[data-cookiegate-open]";
const SLIDERS = "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5";
const SAID_FOR_MS = 8000;
/** Declared robots: the service takes no decision from them. (`CUBOT` makes telephones.) */
const ROBOTS = /(^|[^u])bot\b|crawl|spider|slurp|lighthouse|facebookexternalhit/i;

/**
 * @param {Config} config
 * @param {string} base of the service
 * @param {ConsentState} consent
 * @param {Journal} journal
 * @param {(choice: string | Wish, ui?: string) => void} decide
 */
export function createUi(config, base, consent, journal, decide) {
  const isRobot = ROBOTS.test(navigator.userAgent);
  /** The body that our elements are in. @type {HTMLElement | null} */
  let place = null;
  /** @type {HTMLElement | undefined} */
  let banner;
  /** @type {HTMLElement | undefined} */
  let corner;
  /** @type {HTMLElement | undefined} */
  let status;
  /** @type {HTMLDialogElement | undefined} */
  let dialog;
  /** Closing is not an answer: the banner is back on the next page. */
  let isClosed = false;
  let drawn = "";
  let timer = 0;

  const query = () => `${config.site}?lang=${config.notice.locale}`;
  /** The policy's own page, else the one that the service makes of it. */
  const policy = () => webAddress(config.notice.links.policy) || `${base}/notice/${query()}`;

  /** A refusal of what was granted is a withdrawal. @param {string | Wish} choice */
  const choose = (choice) =>
    decide(choice === "reject" && consent.valid().state === "granted" ? "withdraw" : choice, config.ui);

  function close() {
    isClosed = true;
    render();
  }

  function render() {
    const { notice } = config;
    const here = read("body");
    if (!here || isRobot) return;
    const reason = !journal.read() && !isClosed && consent.reason();
    const wants = reason + notice.notice;
    if (wants !== drawn || place !== here) {
      drawn = wants;
      place = here;
      addSheet(window, notice.theme);
      banner?.remove();
      banner = makeBanner(notice, policy(), reason === "policy_changed", { decide: choose, open, close });
      // First in the page: it is met first by keyboard and screen reader, wherever it is painted.
      if (reason) here.prepend(banner);
    }
    if (reason || all(OPENERS).length) corner?.remove();
    else if (!corner?.isConnected) {
      corner = make("div", rootOf(notice, "cg-corner"), iconButton(SLIDERS, open, notice.texts.manage));
      here.append(corner);
    }
  }

  function open() {
    const here = read("body");
    if (dialog?.open || !here) return;
    const { notice } = config;
    const pending = journal.read();
    const chosen = pending ? wanted(pending.body, notice) : consent.valid();
    const preferences = `${base}/preferences/${query()}`;
    const made = makeDialog(notice, chosen, { policy: policy(), preferences }, choose);
    if (!made.showModal) return location.assign(preferences);
    dialog = made;
    made.addEventListener("close", () => made.remove());
    addSheet(window, notice.theme);
    here.append(made);
    made.showModal();
  }

  /** @param {string} key of the text */
  function say(key) {
    const text = config.notice.texts[key];
    status ??= make("div", { ...rootOf(config.notice, "cg-status"), role: "status" });
    const line = status;
    if (!line.isConnected) read("body").append(line);
    clearTimeout(timer);
    // A live region is read out when it changes, not when it appears.
    setTimeout(() => (line.textContent = text), 100);
    timer = setTimeout(() => (line.textContent = ""), SAID_FOR_MS);
  }

  addEventListener(
    "click",
    guarded((event) => {
      const { target } = event;
      if (!(target instanceof Element && elements.closest.call(target, OPENERS))) return;
      event.preventDefault();
      open();
    }),
  );

  return {
    render,
    say,
    open,
    /** A router may have put another body in place; and an async script may run before there is one. */
    follow: () => place !== read("body") && render(),
  };
}
