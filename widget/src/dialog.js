/** The second layer: purposes, what is collected for them, for how long, who gets it, and what a no costs. */
import css from "./dialog.css";
import { noticeOf } from "./own.js";

/** @import { Choice, Core, DialogAct, Grant, Kit, Purpose, Wish } from "./types.js" */

/** @type {HTMLDialogElement | undefined} */
let dialog;

/**
 * Opens the dialog over the page, unless it is open.
 *
 * @param {Core} core
 * @param {Kit} kit
 * @param {DialogAct} act
 */
export function openDialog(core, kit, act) {
  const { config, consent, journal, page } = core;
  const here = page.read("body");
  if (dialog?.open || !here) return;
  const pending = journal.read();
  const choice = consent.valid();
  const chosen = pending ? kit.wanted(pending.body, config.notice) : choice;
  const made = makeDialog(core, choice, chosen, kit, act);
  dialog = made;
  made.addEventListener("close", () => {
    made.remove();
    core.opened?.(false);
  });
  here.append(made);
  made.showModal();
  core.opened?.(true);
}

/**
 * @param {Core} core
 * @param {Choice} choice that counts
 * @param {Grant} chosen what is ticked: what the visitor chose before, never anything else
 * @param {Kit} kit
 * @param {DialogAct} act
 */
function makeDialog({ config, make, page }, choice, chosen, kit, { policy, address, notes, decide }) {
  const { CROSS, addSheet, authority, button, iconButton, link, paragraphs, rootOf } = kit;
  const notice = noticeOf(config.notice);
  const { texts } = notice;
  addSheet(css, window);
  /** @type {{ purposes: Record<string, HTMLInputElement>, acquire: Record<string, HTMLInputElement> }} */
  const switches = { purposes: Object.create(null), acquire: Object.create(null) };

  /**
   * One line with its switch, or with the word that it is always on.
   *
   * @param {"purposes" | "acquire"} kind
   * @param {{ key: string, title: string, description: string }} item
   * @param {boolean} isFixed
   */
  function line(kind, { key, title, description }, isFixed) {
    const id = `cg-${kind}-${key}`;
    const about = make("p", { class: "cg-small", id }, description);
    if (isFixed) return [make("div", "cg-row", title, make("span", "cg-small", texts.always_on)), about];
    const input = /** @type {HTMLInputElement} */ (
      make("input", { type: "checkbox", role: "switch", "aria-describedby": id })
    );
    input.checked = chosen[kind].has(key);
    switches[kind][key] = input;
    return [make("label", "cg-row", title, input), about];
  }

  /** @param {Purpose} purpose */
  function facts({ acquire, always_on, retention_text, recipients, loss_text }) {
    const titles = notice.acquire.filter((item) => acquire.includes(item.key)).map((item) => item.title);
    const names = recipients.map(({ name, kind_text, country_name, url }) =>
      make("dd", {}, make("bdi", {}, link(page.webAddress(url), name)), ` · ${kind_text} · ${country_name}`),
    );
    return make(
      "dl",
      {},
      make("dt", {}, texts.uses_label),
      make("dd", {}, new Intl.ListFormat(notice.locale).format(titles)),
      make("dt", {}, texts.retention_label),
      make("dd", {}, retention_text),
      make("dt", {}, texts.recipients_label),
      ...(names.length ? names : [make("dd", {}, texts.recipients_none)]),
      ...(always_on || !loss_text ? [] : [make("dt", {}, texts.loss_label), make("dd", {}, loss_text)]),
    );
  }

  const ticked = () => {
    /** @param {Record<string, HTMLInputElement>} inputs */
    const answers = (inputs) => Object.fromEntries(Object.keys(inputs).map((key) => [key, inputs[key].checked]));
    return { purposes: answers(switches.purposes), acquire: answers(switches.acquire) };
  };
  const close = () => made.close();
  /** @param {string | undefined} label @param {() => string | Wish} choice */
  const answer = (label, choice) =>
    button(label || "", () => {
      close();
      decide(choice());
    });

  /** When the visitor chose, until when that counts, and the way out of it. */
  function standing() {
    const since = kit.madeAt(choice);
    if (!since) return null;
    const { format } = new Intl.DateTimeFormat(notice.locale, {
      // As the service writes days on its pages.
      dateStyle: "long", timeZone: "UTC", calendar: "gregory", numberingSystem: "latn",
    });
    const days = { date: format(since), until: format(kit.endsAt(choice, config.notice)) };
    const said = texts.kept_until?.replace(/\{(date|until)\}/g, (_, name) => days[/** @type {"date"} */ (name)]);
    return make("div", "cg-row", make("p", {}, said), chosen.purposes.size ? answer(texts.withdraw, () => "reject") : null);
  }

  const made = /** @type {HTMLDialogElement} */ (
    make(
      "dialog",
      { ...rootOf(notice, "cg-dialog"), "aria-labelledby": "cg-chooses" },
      make(
        "header",
        { role: "presentation" },
        make("h2", { class: "cg-title", id: "cg-chooses", tabindex: "-1", autofocus: "" }, texts.dialog_title),
        iconButton(CROSS, close, texts.close),
      ),
      make(
        "div",
        { class: "cg-scroll", tabindex: "0", role: "group", "aria-labelledby": "cg-chooses" },
        standing(),
        make("p", {}, texts.dialog_body),
        ...paragraphs(notes, notice),
        authority(notice),
        make("h3", {}, texts.purposes_heading),
        make(
          "ul",
          {},
          ...notice.purposes.map((item) => make("li", "cg-wide", ...line("purposes", item, item.always_on), facts(item))),
        ),
        make("h3", {}, texts.acquire_heading),
        make("ul", {}, ...notice.acquire.map((item) => make("li", {}, ...line("acquire", item, !item.optional)))),
        make("p", "cg-small", texts.categories_off_note),
        make(
          "p",
          "cg-small",
          make("bdi", {}, notice.controller.name),
          " · ",
          link(policy, texts.policy_link),
          " · ",
          link(address("preferences"), texts.preferences_link),
          " · ",
          link(address("preferences", "/record"), texts.record_link),
        ),
      ),
      make(
        "footer",
        { class: "cg-answers", role: "presentation" },
        answer(texts.accept, () => "accept"),
        answer(texts.reject, () => "reject"),
        answer(texts.save, ticked),
      ),
    )
  );
  return made;
}
