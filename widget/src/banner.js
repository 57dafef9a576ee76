/** The first layer: what, who, and three answers of equal weight. Not modal: the page stays usable. */
import { button, iconButton, link, make, rootOf } from "./elements.js";
import { CROSS, authority, paragraphs } from "./layers.js";

/** @import { Note, Notice } from "./types.js" */

/**
 * @param {Notice} notice
 * @param {string} policy address
 * @param {boolean} isChanged whether the visitor is asked again because the policy changed
 * @param {Note[]} notes
 * @param {{ decide(action: string): void, open(): void, close(): void }} act
 */
export function makeBanner(notice, policy, isChanged, notes, { decide, open, close }) {
  const { texts } = notice;
  const banner = make(
    "section",
    { ...rootOf(notice, "cg-bar"), "aria-labelledby": "cg-asks" },
    make(
      "div",
      "cg-text",
      make("p", { class: "cg-title", id: "cg-asks" }, texts.banner_title),
      isChanged ? make("p", {}, make("strong", {}, texts.changed_notice)) : null,
      make("p", {}, texts.banner_body, " ", link(policy, texts.policy_link)),
      ...paragraphs(notes, notice),
      authority(notice),
    ),
    make(
      "div",
      "cg-answers",
      texts.accept ? button(texts.accept, () => decide("accept")) : null,
      button(texts.reject, () => decide("reject")),
      button(texts.choose, open),
    ),
    iconButton(CROSS, close, texts.close),
  );
  banner.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  return banner;
}
