/**
 * Sites of one group share a choice through the service: where this page has none, it asks once what holds, before the
 * banner is drawn. What was chosen anew on another site counts here with the next token.
 */
import { daysOf, fromServed, writeChoice } from "../choice.js";

/** @import { Answer, Core } from "../types.js" */

const PATIENCE_MS = 1000;

/** @param {Core} core */
export default ({ api, config, consent, journal, notes, page, redraw, say, service, tokens }) => {
  notes.push(() => [[config.shared || "", "", ""]]);

  /**
   * Takes over what the service says holds, unless something was chosen here meanwhile.
   *
   * @param {Promise<Answer>} answer
   * @returns {Promise<boolean>} whether it did
   */
  async function adopt(answer) {
    const before = consent.choice();
    const { status, body } = await answer;
    const isDecided = status === 200 && body?.ask === false && body.state !== "undecided";
    if (!isDecided || consent.choice() !== before || journal.read()) return false;
    const choice = fromServed(body, config.notice);
    consent.set(choice, false);
    writeChoice(choice, daysOf(choice, config.notice), config.share);
    return true;
  }

  const { token } = service;
  service.token = async () => {
    const answer = await token();
    const isOther = answer.status === 200 && answer.body?.epoch !== consent.choice().epoch;
    return isOther && !(await adopt(service.consent())) ? { ...answer, status: 0 } : answer;
  };

  if (consent.choice().state !== "undecided" || journal.read()) return;

  let waits = true;
  /** What another part waits for. */
  let others = config.waits;
  Object.defineProperty(config, "waits", {
    get: () => waits || others,
    set(now) {
      others = now;
    },
  });

  /** @type {Promise<Answer>} */
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, { status: 0, body: null }));
  const asked = adopt(Promise.race([service.consent(), late]))
    .catch(() => false)
    .then((isAdopted) => {
      waits = false;
      redraw();
      if (!isAdopted) return;
      void page.parsed.then(() => {
        const { texts } = config.notice;
        if (!texts) return; // a page with an interface of its own
        texts.shared_note = config.shared || "";
        say("shared_note");
      });
      return tokens.refresh();
    });

  /** The state is known when the service has answered. @type {unknown} */
  let ready;
  Object.defineProperty(api, "ready", {
    enumerable: true,
    get: () => ready,
    set(first) {
      ready = Promise.all([first, asked]).then(consent.snapshot, consent.snapshot);
    },
  });
};
