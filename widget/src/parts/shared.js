/**
 * Sites of one group share a choice through the service: where this page has none, it asks once what holds, before the
 * banner is drawn. What was chosen anew on another site counts here when somebody comes back to this page, or with the
 * next token; and a yes that waits here is held against it before it is sent again.
 */
import { daysOf, fromServed, wanted, widens, writeChoice } from "../choice.js";

/** @import { Answer, Choice, Core, Decision } from "../types.js" */

const PATIENCE_MS = 1000;

/** @param {Core} core */
export default ({ api, config, consent, journal, notes, page, redraw, say, service, tokens }) => {
  notes.push(() => [[config.shared || "", "", ""]]);

  /** @param {Answer} answer of the service to what holds @returns {Choice | null} null where the visitor is to be asked */
  const decided = ({ status, body }) =>
    status === 200 && body?.ask === false && body.state !== "undecided" ? fromServed(body, config.notice) : null;
  /** @param {Choice} choice */
  const keep = (choice) => writeChoice(choice, daysOf(choice, config.notice), config.share);

  /**
   * Takes over what the service says holds, unless something was chosen here meanwhile.
   *
   * @param {Promise<Answer>} answer
   * @returns {Promise<boolean>} whether it did
   */
  async function adopt(answer) {
    const before = consent.choice();
    const choice = decided(await answer);
    if (!choice || consent.choice() !== before || journal.read()) return false;
    consent.set(choice, false);
    keep(choice);
    return true;
  }

  /**
   * What was chosen elsewhere since a decision began to wait here, where it allows no more than that one would.
   *
   * @param {Decision} decision
   * @returns {Promise<Choice | null>} null also for a refusal here: one more that follows it cannot be told from it
   */
  async function overtaking(decision) {
    const own = consent.choice();
    if (own.state === "refused") return null;
    const choice = decided(await service.consent());
    if (!choice || (own.epoch && own.epoch === choice.epoch) || widens(choice, wanted(decision, config.notice))) return null;
    return choice;
  }

  const { decide } = service;
  service.decide = async (entry) => {
    if (!entry.sent) return decide(entry);
    const choice = await overtaking(entry.body);
    const isLast = journal.read()?.key === entry.key;
    if (isLast && !choice) return decide(entry);
    if (isLast && choice) {
      keep(choice);
      journal.write(null);
      tell();
    }
    return /** @type {any} */ ({ status: 0 }); // whoever asked finds that it waits no more, and reads anew what does
  };

  /** Somebody comes back to this page: from another site of the group, for all that we know. */
  async function follow() {
    const { state, epoch } = consent.choice();
    if (page.read("visibilityState") !== "visible" || config.waits || state === "refused" || journal.read()) return;
    if (state === "undecided") {
      if (await adopt(service.consent())) arrive();
      return;
    }
    const { status, body } = await service.consent();
    // The core knows what to do about an epoch that is not its own.
    if (status === 200 && body && (body.state !== state || body.epoch !== epoch)) void tokens.refresh();
  }
  addEventListener("visibilitychange", () => void follow().catch(() => {}));

  /** Says that something was chosen elsewhere. */
  function tell() {
    void page.parsed.then(() => {
      const { texts } = config.notice;
      if (!texts) return; // a page with an interface of its own
      texts.shared_note = config.shared || "";
      say("shared_note");
    });
  }

  /** It is here. */
  function arrive() {
    redraw();
    tell();
    return tokens.refresh();
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
      return isAdopted ? arrive() : redraw();
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
