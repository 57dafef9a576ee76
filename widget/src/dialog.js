/** The second layer: purposes, what is collected for them, for how long, and who gets it. */
import { button, iconButton, link, make } from "./elements.js";
import { CROSS, authority, rootOf } from "./banner.js";
import { webAddress } from "./page.js";

/** @import { Grant, Notice, Purpose, Wish } from "./types.js" */

/**
 * @param {Notice} notice
 * @param {Grant} chosen what is ticked: what the visitor chose before, never anything else
 * @param {{ policy: string, preferences: string }} addresses
 * @param {(choice: string | Wish) => void} decide
 */
export function makeDialog(notice, chosen, addresses, decide) {
  const { texts } = notice;
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
  function facts({ acquire, retention_text, recipients }) {
    const titles = notice.acquire.filter((item) => acquire.includes(item.key)).map((item) => item.title);
    const names = recipients.map(({ name, kind_text, country_name, url }) =>
      make("dd", {}, link(webAddress(url), name), ` · ${kind_text} · ${country_name}`),
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
    );
  }

  const ticked = () => {
    /** @param {Record<string, HTMLInputElement>} inputs */
    const answers = (inputs) => Object.fromEntries(Object.keys(inputs).map((key) => [key, inputs[key].checked]));
    return { purposes: answers(switches.purposes), acquire: answers(switches.acquire) };
  };
  const close = () => dialog.close();
  /** @param {string} label @param {() => string | Wish} choice */
  const answer = (label, choice) =>
    button(label, () => {
      close();
      decide(choice());
    });

  const dialog = /** @type {HTMLDialogElement} */ (
    make(
      "dialog",
      { ...rootOf(notice, "cg-dialog"), "aria-labelledby": "cg-chooses" },
      make(
        "header",
        {},
        make("h2", { class: "cg-title", id: "cg-chooses", tabindex: "-1", autofocus: "" }, texts.dialog_title),
        iconButton(CROSS, close, texts.close),
      ),
      make(
        "div",
        { class: "cg-scroll", tabindex: "0", role: "group", "aria-labelledby": "cg-chooses" },
        make("p", {}, texts.dialog_body),
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
          `${notice.controller.name} · `,
          link(addresses.policy, texts.policy_link),
          " · ",
          link(addresses.preferences, texts.preferences_link),
        ),
      ),
      make(
        "footer",
        "cg-answers",
        answer(texts.accept, () => "accept"),
        answer(texts.reject, () => "reject"),
        answer(texts.save, ticked),
      ),
    )
  );
  return dialog;
}
