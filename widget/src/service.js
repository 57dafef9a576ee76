/** Speaks to the consent service. Never rejects: no answer is an answer of status 0. */

/** @import { Answer, Config, Pending } from "./types.js" */

const PATIENCE_MS = 10000;

/**
 * @param {string} base where the service is
 * @param {Config} config
 */
export function createService(base, { site }) {
  /**
   * @param {string} path
   * @param {RequestInit} [request]
   * @returns {Promise<Answer>}
   */
  async function call(path, request) {
    const answer = { status: 0, body: null, retry_after_ms: 0 };
    try {
      const response = await fetch(`${base}/v1/sites/${site}/${path}`, {
        credentials: "include", cache: "no-store", signal: AbortSignal.timeout?.(PATIENCE_MS), ...request,
      });
      answer.status = response.status;
      answer.retry_after_ms = 1000 * /** @type {any} */ (response.headers.get("Retry-After")) || 0;
      answer.body = await response.json();
    } catch {
      // No answer in time, or one that is not JSON: its status says enough.
    }
    return answer;
  }

  return {
    call,
    consent: () => call("consent"),
    token: () => call("token", { method: "POST" }),
    /** @param {string} locale */
    notice: (locale) => call(`notice?lang=${locale}`),
    /**
     * `keepalive` lets the request outlive the page.
     *
     * @param {Pending} pending
     */
    decide: ({ key, body }) =>
      call("decisions", {
        method: "POST", keepalive: true, body: JSON.stringify(body),
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      }),
  };
}

/** @typedef {ReturnType<typeof createService>} Service */

/**
 * Calls again later, ever less often, with jitter so that visitors do not come back all at once.
 *
 * @param {() => void} work
 */
export function createRetry(work) {
  let attempt = 0;
  let timer = 0;
  const cancel = () => {
    clearTimeout(timer);
    timer = 0;
  };
  return {
    cancel,
    isWaiting: () => timer > 0,
    reset() {
      attempt = 0;
      cancel();
    },
    /** @param {number} [least_ms] what the service asked for; an hour is believed at most */
    later(least_ms = 0) {
      cancel();
      const delay_ms = Math.max(Math.min(1000 * 2 ** attempt++, 60000), Math.min(least_ms, 3600000));
      timer = setTimeout(() => {
        timer = 0;
        work();
      }, delay_ms * (1 + Math.random() / 4));
    },
  };
}
