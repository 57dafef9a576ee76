/** The token: in memory only, fetched anew before it ends, dropped the moment anything is withdrawn. */
import { isVisible } from "./page.js";
import { createRetry } from "./service.js";

/** @import { Config } from "./types.js" */
/** @import { ConsentState } from "./consent.js" */
/** @import { Service } from "./service.js" */

/** A token is fetched anew when this part of its life is over. */
const REFRESH_AT = 0.8;

/**
 * @param {Service} service
 * @param {ConsentState} consent
 * @param {Config} config
 * @param {{ may(): boolean, fetched(): void, missing(): Promise<boolean> }} on `may` = nothing unacknowledged stands in the way
 */
export function createTokens(service, consent, config, on) {
  /** @type {string | null} */
  let token = null;
  let ends_at_ms = 0;
  let timer = 0;
  /** Rises with every drop, so that an answer that was under way does not bring an old token back. */
  let generation = 0;
  /** @type {Promise<void> | null} */
  let underWay = null;
  const retry = createRetry(() => refresh());

  const alive = () => (Date.now() < ends_at_ms ? token : null);

  function drop() {
    token = underWay = null;
    generation++;
    clearTimeout(timer);
    retry.reset();
  }

  /**
   * @param {string} text
   * @param {string} expires_at RFC 3339; not believed where it makes no sense by this device's clock
   */
  function take(text, expires_at) {
    drop();
    token = text;
    const life_ms = config.token_ttl_s * 1000;
    const left_ms = Date.parse(expires_at) - Date.now();
    const lasts_ms = left_ms > 0 && left_ms < life_ms ? left_ms : life_ms;
    ends_at_ms = Date.now() + lasts_ms;
    timer = setTimeout(whenDue, lasts_ms * (REFRESH_AT - Math.random() / 20));
  }

  /** Hidden pages need no token: they fetch one when they are seen or when it is asked for. */
  const whenDue = () => {
    if (isVisible()) void refresh();
    else addEventListener("visibilitychange", whenDue, { once: true });
  };

  /** @param {unknown} [isAgain] @returns {Promise<void>} */
  const refresh = (isAgain) =>
    consent.valid().state === "granted" && on.may() ? (underWay ??= fetchOne(isAgain)) : Promise.resolve();

  /** @param {unknown} [isAgain] after what holds was asked for @returns {Promise<void>} */
  async function fetchOne(isAgain) {
    const mine = generation;
    const { status, body, retry_after_ms } = await service.token();
    if (mine !== generation) return;
    underWay = null;
    const served = body?.token;
    if (served && body.epoch === consent.choice().epoch) {
      take(served, body.expires_at);
      on.fetched();
    } else if (!isAgain && (served || status === 404) && (await on.missing())) {
      // Something else was chosen elsewhere: it comes first, and then its token. Once: a cache may contradict for ever.
      if (served) await refresh(served);
    } else {
      retry.later(retry_after_ms);
    }
  }

  return {
    drop,
    take,
    alive,
    refresh,
    /** Fetches a token where there is none. */
    ensure: () => (alive() || retry.isWaiting() ? Promise.resolve() : refresh()),

    /** @param {string} [purpose] */
    async get(purpose) {
      if (!alive()) await refresh();
      return consent.isConfirmed() && (!purpose || consent.purposeHolds(purpose)) ? alive() : null;
    },
  };
}

/** @typedef {ReturnType<typeof createTokens>} Tokens */
