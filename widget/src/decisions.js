/**
 * From a visitor's click to the service's acknowledgement.
 *
 * What narrows takes effect in the page before anything is sent; what widens only with the acknowledgement. A decision
 * stays in the journal, under one idempotency key, until the service has answered it.
 */
import { cookiesWork, daysOf, fromServed, narrowed, optional, readChoice, sameChoice, wanted, widens, writeChoice } from "./choice.js";
import { report } from "./page.js";
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
function decisionOf(wish, notice, ui) {
  const { notice: digest } = notice;
  if (typeof wish === "string") return { notice: digest, ui, action: wish };
  /** @param {"purposes" | "acquire"} part */
  const answers = (part) => Object.fromEntries(optional(notice)[part].map((key) => [key, wish[part]?.[key] === true]));
  return { notice: digest, ui, action: "choose", purposes: answers("purposes"), acquire: answers("acquire") };
}

/** Whether the same request may be answered better later. What has no code is not of the service. @param {number} status */
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
  const say = __HEADLESS__ ? () => {} : page.say;

  /** @param {Decision} decision */
  const wish = (decision) => wanted(decision, config.notice);

  /** What is left of a choice at once. @param {Choice} choice @param {Decision} decision */
  const narrow = (choice, decision) => narrowed(choice, wish(decision), config.notice.policy_version);

  const keep = () => forgetful || writeChoice(consent.valid(), daysOf(consent.valid(), config.notice), config.share);

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
  }

  /** @returns {Promise<boolean>} whether the service answered, and nothing was decided meanwhile */
  async function adoptServed() {
    tokens.drop();
    const key = journal.read()?.key;
    const { status, body } = await service.consent();
    if (status !== 200 || !body?.state || journal.read()?.key !== key) return false;
    const before = consent.choice();
    adopt(body);
    // Tabs that only ask each other what holds would never end.
    if (sameChoice(before, consent.choice())) page.changed();
    else spread();
    return true;
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
    (sending ??= (navigator.locks?.request(journal.name, drain) ?? Promise.resolve().then(drain)).catch((error) => {
      sending = null;
      report(error);
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
      if (now) keep();
      else void sync();
    } else if (state) {
      // A repeated answer may hold an old token, or a yes that was taken back on another page.
      if (!isFirst && !(await adoptServed())) return false;
      journal.write(null);
      if (isFirst) {
        tokens.drop();
        if (body.token) tokens.take(body.token, body.expires_at);
        adopt(body.consent);
      }
      spread();
      void tokens.ensure();
      say(decision.action === "signal" ? "signal_honoured" : `saved_${state}`);
    } else if (isPassing(status) || !body?.code) {
      if (isFirst) say("save_pending");
      return false;
    } else {
      return mend(key, decision, body.code);
    }
    return true;
  }

  /**
   * Puts a conflict right without the visitor where that is safe, else asks again.
   *
   * @param {string} key of the entry
   * @param {Decision} decision
   * @param {string} code
   * @returns {Promise<boolean>} false where the service has to be asked again later
   */
  async function mend(key, decision, code) {
    let text = __HEADLESS__ ? "" : "save_failed";
    if (code === "notice_stale") {
      const { body } = await service.notice(config.notice.locale);
      if (!body?.purposes || journal.read()?.key !== key) return false;
      if (body.notice !== decision.notice) {
        config.notice = body;
        config.holds_since = body.holds_since;
        if (!__HEADLESS__) config.ui = body.ui; // how this code draws a newer notice is not known to the service
        // A refusal is one under any notice. Anything else has to be asked anew.
        if (!wish(decision).purposes.size) {
          journal.add(decisionOf(decision.action === "withdraw" ? "withdraw" : "reject", body, decision.ui));
          return true;
        }
        if (!__HEADLESS__) text = "changed_notice";
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
    say(text);
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
    if (!/^(accept|reject|withdraw)$/.test(/** @type {string} */ (choice)) && !Object(choice).purposes) throw TypeError("no such choice");
    const decision = decisionOf(choice, config.notice, ui);
    forgetful = !cookiesWork();
    if (!forgetful) journal.add(decision);
    narrowNow(decision);
    page.changed();
    if (forgetful) return say("cookies_refused");
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
