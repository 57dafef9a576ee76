/** The first layer: what, who, and three answers of equal weight. Not modal: the page stays usable. */
import { button, iconButton, link, make } from "./elements.js";

/** @import { Notice } from "./types.js" */

export const CROSS = "M6 6l12 12M18 6L6 18";

/**
 * The attributes of everything that we put into the page.
 *
 * @param {Notice} notice
 * @param {string} look
 */
export const rootOf = ({ locale, dir }, look) => ({ class: `cg-root ${look}`, lang: locale, dir });

/** Says which language prevails, where it is another one (S39). @param {Notice} notice */
export const authority = ({ texts }) =>
  texts.authoritative_note ? make("p", "cg-small", texts.authoritative_note) : null;

/**
 * @param {Notice} notice
 * @param {string} policy address
 * @param {boolean} isChanged whether the visitor is asked again because the policy changed
 * @param {{ decide(action: string): void, open(): void, close(): void }} act
 */
export function makeBanner(notice, policy, isChanged, { decide, open, close }) {
  const { texts } = notice;
  const banner = make(
    "section",
    { ...rootOf(notice, "cg-bar"), "aria-labelledby": "cg-asks" },
    make(
      "div",
      "cg-text",
      make("p", { class: "cg-title", id: "cg-asks" }, texts.banner_title),
      isChanged ? make("p", {}, make("strong", {}, texts.changed_notice)) : null,
      make("p", {}, `${texts.banner_body} `, link(policy, texts.policy_link)),
      authority(notice),
    ),
    make(
      "div",
      "cg-answers",
      button(texts.accept, () => decide("accept")),
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
