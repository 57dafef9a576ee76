/** What the visitor sees: banner, dialog, the standing control, and a line that says how it went. */
import { makeBanner } from "./banner.js";
import { endsAt, madeAt, wanted } from "./choice.js";
import { button, drawing, iconButton, link, make, rootOf } from "./elements.js";
import { BOXES } from "./held.js";
import { CROSS, authority, paragraphs } from "./layers.js";
import { OPENERS, createLoading, meets } from "./loading.js";
import { all, guarded, parsed, places, read, report, webAddress } from "./page.js";
import css from "./style.css";
import { addSheet } from "./styles.js";

/** @import { Core, Covers, Face, Kit, Wish } from "./types.js" */

const REFUSERS = "[data-cookiegate-reject]";
const SLIDERS = "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5";
const SAID_FOR_MS = 8000;
/** What the dialog is made with is here already. @type {Kit} */
const KIT = { CROSS, addSheet, authority, button, endsAt, iconButton, link, madeAt, paragraphs, rootOf, wanted };
/** Declared robots: the service takes no decision from them. (`CUBOT` makes telephones.) */
const ROBOTS = /(^|[^u])bot\b|crawl|spider/i;

/**
 * @param {Core} core
 * @param {(reason: string) => void} asked tells that the banner appears
 * @returns {Face}
 */
export function createUi(core, asked) {
  const { config, base, consent, journal, decide, notes } = core;
  const isRobot = ROBOTS.test(navigator.userAgent);
  const load = createLoading(core);
  /** The body that our elements are in. @type {HTMLElement | null} */
  let place = null;
  /** @type {HTMLElement | undefined} */
  let banner;
  /** @type {HTMLElement | undefined} */
  let corner;
  /** @type {HTMLElement | undefined} */
  let status;
  /** @type {ReturnType<Covers["createBoxes"]> | undefined} */
  let boxes;
  /** Closing is not an answer: the banner is back on the next page. */
  let isClosed = false;
  let drawn = "";
  let timer = 0;

  /** @param {any} view */
  const dress = (view) => addSheet(css, view, config.notice.theme);
  /** @param {string} page of the service */
  const address = (page, more = "") => `${base}/${page}/${config.site}${more}?lang=${config.notice.locale}`;
  /** The policy's own page, else the one that the service makes of it. */
  const policy = () => webAddress(config.notice.links?.policy) || address("notice");
  /** @param {"banner" | "dialog"} layer */
  const notesFor = (layer) => notes.flatMap((more) => more(layer));

  /** A refusal of what was granted is a withdrawal. @param {string | Wish} choice */
  const choose = (choice) =>
    void decide(choice === "reject" && consent.valid().state === "granted" ? "withdraw" : choice, config.ui);

  function close() {
    isClosed = true;
    render();
  }

  function render() {
    const { notice } = config;
    const here = read("body");
    if (!here || isRobot || config.waits) return;
    const reason = !journal.read() && !isClosed && consent.reason();
    const wants = reason + notice.notice;
    if (wants !== drawn || place !== here) {
      drawn = wants;
      place = here;
      dress(window);
      banner?.remove();
      banner = makeBanner(notice, policy(), reason === "policy_changed", notesFor("banner"), {
        decide: choose,
        open,
        close,
      });
      // First in the page: it is met first by keyboard and screen reader, wherever it is painted.
      if (reason) {
        here.prepend(banner);
        asked(reason);
      }
    }
    if (reason || all(OPENERS).length) corner?.remove();
    else if (!corner?.isConnected) {
      corner = make("div", rootOf(notice, "cg-corner"), iconButton(drawing(SLIDERS), open, notice.texts.manage));
      here.append(corner);
    }
  }

  async function openNow() {
    try {
      const { openDialog } = await load("second", true);
      dress(window);
      openDialog(core, KIT, { policy: policy(), address, notes: notesFor("dialog"), decide: choose });
    } catch {
      // The file cannot be had, or the browser knows no dialogs. The page stays, whatever becomes of the other.
      const preferences = address("preferences");
      const other = window.open(preferences);
      if (other) other.opener = null;
      else location.assign(preferences);
    }
  }
  const open = () => void (read("body") ? openNow() : parsed.then(openNow));

  /** @param {Covers} file */
  const putBoxes = ({ createBoxes }) => (boxes ??= createBoxes(core, open, dress, places));

  /** @param {string} text */
  function show(text) {
    status ??= make("div", { ...rootOf(config.notice, "cg-status"), role: "status" });
    const line = status;
    if (!line.isConnected) read("body").append(line);
    clearTimeout(timer);
    // A live region is read out when it changes, not when it appears.
    setTimeout(() => (line.textContent = text), 100);
    timer = setTimeout(() => (line.textContent = ""), SAID_FOR_MS);
  }

  /** What is said where the service answers may come with the second file. @param {string} key of the text */
  async function say(key) {
    const { notice } = config;
    show(notice.texts[key] || (await load("second", true)).noticeOf(notice).texts[key]);
  }

  addEventListener(
    "click",
    guarded((event) => {
      const isRefusal = meets(event, REFUSERS);
      if (!isRefusal && !meets(event, OPENERS)) return;
      event.preventDefault();
      if (isRefusal) choose("reject");
      else open();
    }),
  );

  return {
    render,
    say: (key) => void say(key).catch(report),
    open,
    boxes() {
      if (!config.waits && (boxes || all(BOXES).length)) void load("covers").then((file) => putBoxes(file).apply(), () => {});
    },
    end: () => boxes?.end(),
    /** A router may have put another body in place; and an async script may run before there is one. */
    follow: () => place !== read("body") && render(),
  };
}
