/**
 * Sites of one group share a choice through the service: where this page has none, it asks once what holds, before the
 * banner is drawn. What was chosen anew on another site counts here when somebody comes back to this page, or with the
 * next token; and a yes that waits here is held against it before it is sent again.
 */
import { daysOf, fromServed, undecided, wanted, widens, writeChoice } from "../choice.js";

/** @import { Answer, Choice, Core, Grant, ServedConsent } from "../types.js" */

const PATIENCE_MS = 1000;
/** Between two times that a tab which is seen again asks: nobody's switching of tabs is a load for the service. */
const PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 3600000;

/** @param {unknown} value */
const isMap = (value) => typeof value === "object" && value !== null;

/**
 * Whether an answer of status 200 is the service's: something on the way may have put its own in place.
 *
 * @param {ServedConsent & { ask: boolean } | null} body
 */
const isConsent = (body) =>
  typeof body?.ask === "boolean" &&
  (body.state === "undecided" ||
    (body.ask && body.state === "granted") || // restored, and to be confirmed
    (Number.isInteger(body.policy_version) && typeof body.decided_at === "string" && /^\d{4}-\d\d-\d\d/.test(body.decided_at) &&
      (body.state === "refused" ||
        (body.state === "granted" && Number.isInteger(body.epoch) && isMap(body.purposes) && isMap(body.acquire)))));

/** @param {Core} core */
export default ({ api, config, consent, journal, notes, page, redraw, say, service, tokens }) => {
  notes.push(() => [[config.shared || "", "", ""]]);

  /**
   * @param {Answer} answer of the service to what holds
   * @returns {Choice | null} undecided where the visitor is to be asked, null where nothing was learnt
   */
  const decided = ({ status, body }) =>
    status !== 200 || !isConsent(body) ? null : body.ask ? undecided() : fromServed(body, config.notice);
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
    if (!choice?.version || consent.choice() !== before || journal.read()) return false;
    consent.set(choice, false);
    keep(choice);
    return true;
  }

  /**
   * Whether a choice at the service voids a yes that waits here, which says more. One refusal cannot be told from
   * another of the same version and day.
   *
   * @param {Choice} choice
   * @param {Grant} wish
   */
  function voids(choice, wish) {
    const own = consent.valid();
    if (!choice.version || !widens(wish, choice)) return false;
    if (own.state !== choice.state) return true;
    return own.state === "granted" ? own.epoch !== choice.epoch : own.version !== choice.version || own.day !== choice.day;
  }

  /** What was clicked in this page; what an earlier page left behind may be older than a choice elsewhere. */
  let clicked = "";
  /** Ends a question about a choice that a newer one has overtaken. */
  let hurry = () => {};
  const { add } = journal;
  journal.add = (body) => {
    add(body);
    clicked = journal.read()?.key ?? "";
    hurry();
  };

  const { decide } = service;
  service.decide = async (entry) => {
    const wish = wanted(entry.body, config.notice);
    // A no goes out at once: the page may be about to go. With an epoch, the service finds what was changed elsewhere.
    const isNo = !wish.purposes.size || !widens(wish, entry.body.epoch ? consent.valid() : undecided());
    if ((!entry.sent && entry.key === clicked) || isNo) return decide(entry);
    /** @type {Promise<Answer>} */
    const overtaken = new Promise((/** @type {any} */ resolve) => (hurry = () => resolve({ status: 0, body: null })));
    const answer = await Promise.race([service.consent(), overtaken]);
    const choice = decided(answer);
    if (choice && journal.read()?.key === entry.key) {
      if (!voids(choice, wish)) return decide(entry);
      const own = consent.valid();
      // What was refused here and is no part of the wish is not granted by the way.
      keep(own.state === "refused" && widens(choice, wish) ? own : choice);
      journal.write(null);
      tell();
    }
    return { ...answer, status: 0, body: null }; // it waits, or whoever asked finds that it waits no more
  };

  let isAsking = false;
  let next_ms = 0;
  let timer = 0;

  /** What the service says, and not before it wants to be asked again. */
  async function ask() {
    isAsking = true;
    const answer = await service.consent();
    isAsking = false;
    // By its place: the build makes the name of what Retry-After asked for short.
    const pause_ms = Object.values(answer)[2];
    next_ms = performance.now() + Math.min(Math.max(pause_ms, PAUSE_MS), LONGEST_PAUSE_MS);
    return answer;
  }

  /** Somebody comes back to this page: from another site of the group, for all that we know. */
  async function follow() {
    const { state, epoch } = consent.valid();
    if (page.read("visibilityState") !== "visible" || config.waits || state === "refused" || journal.read()) return;
    const pause_ms = isAsking ? PAUSE_MS : next_ms - performance.now();
    clearTimeout(timer);
    if (pause_ms > 0) {
      timer = setTimeout(come, pause_ms);
      return;
    }
    if (state === "undecided") {
      if (await adopt(ask())) arrive();
      return;
    }
    const { status, body } = await ask();
    // The core knows what to do about an epoch that is not its own.
    if (status === 200 && isConsent(body) && (body.state !== state || body.epoch !== epoch)) void tokens.refresh();
  }
  const come = () => void follow().catch(() => {});
  addEventListener("visibilitychange", come);

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
