/**
 * From a visitor's click to the service's acknowledgement.
 *
 * What narrows takes effect in the page before anything is sent; what widens only with the acknowledgement. A decision
 * stays in the journal, under one idempotency key, until the service has answered it.
 */
import { cookiesWork, fromServed, narrowed, readChoice, sameChoice, wanted, widens, writeChoice } from "./choice.js";
import { createRetry } from "./service.js";

/** @import { Answer, Choice, Config, Decision, Notice, Pending, Wish } from "./types.js" */
/** @import { ConsentState } from "./consent.js" */
/** @import { Journal } from "./journal.js" */
/** @import { Service } from "./service.js" */
/** @import { Tokens } from "./tokens.js" */

/**
 * @param {string | Wish} wish
 * @param {Notice} notice
 * @param {string} [ui] the digest of what the visitor decided on
 * @returns {Decision}
 */
function decisionOf(wish, { notice, purposes, acquire }, ui) {
  if (typeof wish === "string") return { notice, ui, action: wish };
  /** @param {{ key: string }[]} items @param {Readonly<Record<string, boolean>> | undefined} map */
  const answers = (items, map) => Object.fromEntries(items.map(({ key }) => [key, map?.[key] === true]));
  return {
    notice,
    ui,
    action: "choose",
    purposes: answers(purposes.filter((item) => !item.always_on), wish.purposes),
    acquire: answers(acquire.filter((item) => item.optional), wish.acquire),
  };
}

/** Whether the same request may be answered better later. @param {number} status */
const isPassing = (status) => status < 400 || status > 499 || status === 408 || status === 429;

/**
 * @param {Config} config
 * @param {Service} service
 * @param {Journal} journal
 * @param {ConsentState} consent
 * @param {Tokens} tokens
 * @param {{ changed(): void, poke(): void, say(text: string): void }} page
 */
export function createDecisions(config, service, journal, consent, tokens, page) {
  /** @type {Promise<void> | null} */
  let sending = null;
  /** Set where the browser keeps no cookies: then choices hold for this page and go nowhere. */
  let forgetful = false;
  /** The epoch of a grant that a newer decision overtook before it took effect here. @type {number | null} */
  let overtaken = null;
  const retry = createRetry(() => void send());

  /** @param {Decision} decision */
  const wish = (decision) => wanted(decision, config.notice);

  /** What is left of a choice at once. @param {Choice} choice @param {Decision} decision */
  const narrow = (choice, decision) => narrowed(choice, wish(decision), config.notice.policy_version);

  const keep = () => forgetful || writeChoice(consent.valid(), config.notice.ask_again_days);

  /** Tells this page and the other tabs. */
  function spread() {
    keep();
    page.changed();
    page.poke();
  }

  /** Takes over what the service says holds. A grant counts once its token is in hand. @param {any} served */
  function adopt(served) {
    overtaken = null;
    consent.set(fromServed(served, config.notice), tokens.alive() !== null);
    spread();
  }

  /** @returns {Promise<boolean>} whether the service answered */
  async function adoptServed() {
    tokens.drop();
    const { status, body } = await service.consent();
    const isServed = status === 200 && Boolean(body?.state);
    if (isServed) adopt(body);
    return isServed;
  }

  /** @param {Decision} decision */
  function narrowNow(decision) {
    const before = consent.valid();
    const after = narrow(before, decision);
    if (sameChoice(before, after)) return;
    tokens.drop();
    consent.set(after, consent.isConfirmed());
    keep();
  }

  /** One tab sends at a time, so that an older decision never reaches the service after a newer one. */
  const send = () =>
    (sending ??= (navigator.locks ? navigator.locks.request(journal.name, drain) : drain()).catch((error) => {
      sending = null;
      console.error("cookiegate:", error);
    }));

  async function drain() {
    retry.cancel();
    let rounds = 0;
    if (!journal.read()) void sync(); // another tab was quicker
    for (let entry = journal.read(); entry; entry = journal.read()) {
      const isFirst = !entry.sent;
      const epoch = overtaken ?? consent.valid().epoch;
      if (isFirst && epoch !== null) entry.body.epoch = epoch;
      journal.write({ ...entry, sent: true });
      const answer = await service.decide(entry);
      // Servers of two versions may each find the other's notice stale: that must not become a hot loop.
      if (!(await settle(entry, answer, isFirst)) || ++rounds > 4) {
        retry.later(answer.retry_after_ms);
        break;
      }
    }
    // Here and not in a `finally` of the caller: a decision made in between must find that nobody is sending.
    sending = null;
  }

  /**
   * @param {Pending} entry
   * @param {Answer} answer
   * @param {boolean} isFirst whether this was the first attempt
   * @returns {Promise<boolean>} false where the entry has to wait
   */
  async function settle({ key, body: decision }, { status, body }, isFirst) {
    const state = status === 201 && body?.consent?.state;
    const now = journal.read();
    if (now?.key !== key) {
      // A newer decision overtook this one, and the answer may have undone its effect on the cookie.
      if (state === "granted") overtaken = body.consent.epoch;
      keep();
      if (!now) void sync();
    } else if (state) {
      journal.write(null);
      tokens.drop();
      // A repeated answer may hold an old token.
      if (isFirst && body.token) tokens.take(body.token, body.expires_at);
      adopt(body.consent);
      void tokens.ensure();
      page.say(`saved_${state}`);
    } else if (isPassing(status)) {
      if (isFirst) page.say("save_pending");
      return false;
    } else {
      return mend(decision, body?.code);
    }
    return true;
  }

  /**
   * Puts a conflict right without the visitor where that is safe, else asks again.
   *
   * @param {Decision} decision
   * @param {string} code
   * @returns {Promise<boolean>} false where the service has to be asked again later
   */
  async function mend(decision, code) {
    let text = "save_failed";
    if (code === "notice_stale") {
      const { status, body } = await service.notice(config.notice.locale);
      if (isPassing(status) && !body?.purposes) return false;
      if (body?.purposes && body.notice !== decision.notice) {
        config.notice = body;
        config.holds_since = body.holds_since;
        config.ui = body.ui; // how this code draws a newer notice is not known to the service
        // A refusal is one under any notice. Anything else has to be asked anew.
        if (!wish(decision).purposes.size) {
          journal.add(decisionOf(decision.action === "withdraw" ? "withdraw" : "reject", body, decision.ui));
          return true;
        }
        text = "changed_notice";
      }
    } else if (code === "epoch_stale") {
      if (!(await adoptServed())) return false;
      // This consent was changed elsewhere. Saying the same or less again is safe; saying more has to be asked anew.
      if (!widens(wish(decision), consent.valid())) {
        journal.add(decision);
        return true;
      }
    }
    journal.write(null);
    // The page let go of something that the service may still hold as granted: then nothing holds, not too much.
    if (consent.valid().state === "granted" && !tokens.alive() && code !== "epoch_stale") {
      narrowNow(decisionOf("reject", config.notice));
    }
    spread();
    void tokens.ensure();
    page.say(text);
    return true;
  }

  /**
   * Reads anew what other tabs, pages and the service may have written, and goes on from there.
   *
   * @param {boolean} [isTold] by another tab, which is about to send what waits
   */
  function sync(isTold) {
    if (forgetful) return;
    const entry = journal.read();
    const seen = readChoice();
    const next = entry ? narrow(seen, entry.body) : seen;
    if (!sameChoice(next, consent.choice())) {
      tokens.drop();
      consent.set(next, false);
    }
    page.changed();
    if (!entry) return tokens.ensure();
    if (retry.isWaiting()) return;
    return isTold ? retry.later() : send();
  }

  /**
   * @param {string | Wish} choice
   * @param {string} [ui] the digest of what the visitor decided on, where we drew it
   * @returns {Promise<void>} after the first attempt
   */
  async function decide(choice, ui) {
    if (!/^(accept|reject|withdraw)$/.test(String(choice)) && !Object(choice).purposes) throw TypeError("no such choice");
    const decision = decisionOf(choice, config.notice, ui);
    forgetful = !cookiesWork();
    if (!forgetful) journal.add(decision);
    narrowNow(decision);
    page.changed();
    if (forgetful) return page.say("cookies_refused");
    page.poke();
    await send();
  }

  addEventListener("online", () => journal.read() && void send());
  addEventListener("pagehide", () => {
    const entry = journal.read();
    if (entry && !sending) void service.decide(entry);
  });

  return { decide, sync, adoptServed };
}

/** @typedef {ReturnType<typeof createDecisions>} Decisions */
