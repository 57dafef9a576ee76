/** The cookie `cg_choice`: what the visitor chose, readable by this script, with nothing that identifies anybody. */
import { documents, read } from "./page.js";

/** @import { Choice, Config, Decision, Grant, Notice, ServedConsent } from "./types.js" */

const NAME = "cg_choice";
const DAY_S = 86400;

/** @returns {Choice} */
export const undecided = () => ({
  state: "undecided", version: null, day: "", epoch: null, purposes: new Set(), acquire: new Set(),
});

/** @param {string} name */
function cookie(name) {
  try {
    return new RegExp(`(?:^|; *)${name}=([^;]*)`).exec(read("cookie"))?.[1] || "";
  } catch {
    return ""; // a sandboxed frame
  }
}

/** @param {string} text */
function setCookie(text) {
  try {
    const secure = location.protocol === "https:" ? ";Secure" : "";
    Reflect.set(documents, "cookie", `${text};path=/;SameSite=Lax${secure}`, document);
  } catch {
    // A sandboxed frame: nothing can be kept.
  }
}

/** Whether the browser keeps cookies. Tried only when there is something to keep. */
export function cookiesWork() {
  setCookie("cg_try=1;Max-Age=9");
  const works = cookie("cg_try");
  setCookie("cg_try=;Max-Age=0");
  return works === "1";
}

/** @returns {Choice} undecided for anything that is not a well-formed value */
export function readChoice() {
  const match = /^(?:refused|(granted))\.(\d{1,9})\.(\d{8})(?:\.(\d{1,9})\.([\w+-]+)\.([\w+-]*))?$/.exec(cookie(NAME));
  if (!match || !match[1] !== !match[4]) return undecided();
  const [, granted, version, day, epoch, purposes, acquire] = match;
  /** @param {string} joined */
  const keys = (joined) => new Set(joined ? joined.split("+") : []);
  return {
    state: granted ? "granted" : "refused",
    version: +version, day, epoch: granted ? +epoch : null, purposes: keys(purposes), acquire: keys(acquire),
  };
}

/** @param {Choice} choice */
function format({ state, version, day, epoch, purposes, acquire }) {
  const parts = [state, version, day, epoch, [...purposes].join("+"), [...acquire].join("+")];
  return parts.slice(0, state === "granted" ? 6 : 3).join(".");
}

/** @param {Choice} one @param {Choice} other */
export const sameChoice = (one, other) => format(one) === format(other);

/**
 * Writes the cookie unless it says so already: browsers that cap the life of script-written cookies keep the server's.
 *
 * @param {Choice} choice
 * @param {number} days
 */
export function writeChoice(choice, days) {
  const text = choice.version ? format(choice) : "";
  if (text !== cookie(NAME)) setCookie(`${NAME}=${text};Max-Age=${text ? days * DAY_S : 0}`);
}

/** YYYYMMDD in UTC. @param {string | null} time RFC 3339; null means now */
const dayOf = (time) => (time || new Date().toISOString()).slice(0, 10).replace(/-/g, "");

/** @param {number | null} version @param {string | null} [time] @returns {Choice} */
const refusal = (version, time = null) => ({ ...undecided(), state: "refused", version, day: dayOf(time) });

/**
 * @param {Choice} choice
 * @param {Config} config
 * @returns {"undecided" | "policy_changed" | "expired" | null}
 */
export function reasonToAsk({ version, day }, { holds_since, notice }) {
  if (!version) return "undecided";
  if (version < holds_since) return "policy_changed";
  const age_ms = Date.now() - Date.parse(day.replace(/(....)(..)/, "$1-$2-"));
  return age_ms < notice.ask_again_days * DAY_S * 1000 ? null : "expired";
}

/**
 * What a decision would allow.
 *
 * @param {Pick<Decision, "action" | "purposes" | "acquire">} decision
 * @param {Notice} notice
 * @returns {Grant}
 */
export function wanted(decision, notice) {
  /** @param {"purposes" | "acquire"} part @param {{ key: string }[]} items */
  const chosen = (part, items) =>
    new Set(
      items
        .map((item) => item.key)
        .filter((key) => decision.action === "accept" || (decision.action === "choose" && decision[part]?.[key] === true)),
    );
  return {
    purposes: chosen("purposes", notice.purposes.filter((item) => !item.always_on)),
    acquire: chosen("acquire", notice.acquire.filter((item) => item.optional)),
  };
}

/**
 * @param {ServedConsent} served
 * @param {Notice} notice
 * @returns {Choice}
 */
export function fromServed({ state, policy_version, epoch, purposes, acquire, decided_at }, notice) {
  const refused = refusal(policy_version, decided_at);
  if (state === "granted") return { ...refused, state, epoch, ...wanted({ action: "choose", purposes, acquire }, notice) };
  return state === "refused" ? refused : undecided();
}

/** @param {Set<string>} one @param {Set<string>} other */
const both = (one, other) => new Set([...one].filter((key) => other.has(key)));

/**
 * The part of a choice that a later wish leaves standing: what takes effect before the service has answered.
 *
 * @param {Choice} choice
 * @param {Grant} wish
 * @param {number} version
 * @returns {Choice}
 */
export function narrowed(choice, wish, version) {
  const purposes = both(choice.purposes, wish.purposes);
  if (purposes.size) return { ...choice, purposes, acquire: both(choice.acquire, wish.acquire) };
  return wish.purposes.size && choice.state !== "granted" ? choice : refusal(version);
}

/** Whether a wish goes beyond a choice. @param {Grant} wish @param {Choice} choice */
export const widens = (wish, choice) =>
  both(wish.purposes, choice.purposes).size + both(wish.acquire, choice.acquire).size <
  wish.purposes.size + wish.acquire.size;
