/** The cookies that this script reads and writes: what the visitor chose, with nothing that identifies anybody. */
import { documents, read } from "./page.js";

/** @import { Choice, Config, Decision, Grant, Notice, ServedConsent } from "./types.js" */

const NAME = "cg_choice";
const DAY_S = 86400;

/** @returns {Choice} */
export const undecided = () => ({
  state: "undecided", version: null, day: "", epoch: null, purposes: new Set(), acquire: new Set(),
});

/** All cookies, while the script starts. @type {string | null} */
let known = null;

/** Reads the cookies for all that runs now: Chromium parses every function again that is on the stack when they are read. */
export function readCookies() {
  try {
    known = read("cookie");
    queueMicrotask(() => (known = null));
  } catch {
    // A sandboxed frame: nothing is known.
  }
}

/** @param {string} name */
export function cookie(name) {
  try {
    return `; ${__HEADLESS__ ? read("cookie") : (known ?? read("cookie"))}`.split(`; ${name}=`)[1]?.split(";")[0] || "";
  } catch {
    return ""; // a sandboxed frame
  }
}

/** @param {string} text */
function setCookie(text) {
  if (!__HEADLESS__) known = null;
  try {
    const secure = location.protocol === "https:" ? ";Secure" : "";
    Reflect.set(documents, "cookie", `${text};path=/;SameSite=Lax${secure}`, document);
  } catch {
    // A sandboxed frame: nothing can be kept.
  }
}

/** @returns {Choice} undecided for anything that is not a well-formed value */
export function readChoice() {
  const match = /^(?:refused|(granted))\.(\d{1,9})\.(\d{8})(?:\.(\d{1,9})\.([\w+-]+)\.([\w+-]*)(?:\.(\w+))?)?$/.exec(cookie(NAME));
  if (!match || !match[1] !== !match[4]) return undecided();
  const [, granted, version, day, epoch, purposes, acquire, despite] = match;
  /** @param {string} joined */
  const keys = (joined) => new Set(joined ? joined.split("+") : []);
  return {
    state: granted ? "granted" : "refused",
    version: +version, day, epoch: granted ? +epoch : null, purposes: keys(purposes), acquire: keys(acquire), despite,
  };
}

/** As the cookie has it. @param {Choice} choice */
export function format({ state, version, day, epoch, purposes, acquire, despite }) {
  const parts = [state, version, day, epoch, [...purposes].join("+"), [...acquire].join("+"), despite];
  return parts.slice(0, state === "granted" ? (despite ? 7 : 6) : 3).join(".");
}

/** @param {Choice} one @param {Choice} other */
export const sameChoice = (one, other) => format(one) === format(other);

/**
 * @param {string} name
 * @param {string} text nothing takes it away
 * @param {number} days
 * @param {string} [domain] whose sub-domains share it
 */
export function keepCookie(name, text, days, domain) {
  const shared = domain && `.${location.hostname}`.endsWith(`.${domain}`);
  if (shared) setCookie(`${name}=;Max-Age=0`); // one of this host alone would stand in its way
  setCookie(`${name}=${text};Max-Age=${text ? days * DAY_S : 0}${shared ? `;Domain=${domain}` : ""}`);
}

/** Whether the browser keeps cookies. Tried only when there is something to keep. */
export function cookiesWork() {
  keepCookie("cg_try", "1", 1);
  const works = cookie("cg_try");
  keepCookie("cg_try", "", 0);
  return works === "1";
}

/**
 * Writes the choice unless it is there already: browsers that cap the life of script-written cookies keep the server's.
 *
 * @param {Choice} choice
 * @param {number} days
 * @param {string} [domain] whose sub-domains share it
 */
export function writeChoice(choice, days, domain) {
  const text = choice.version ? format(choice) : "";
  if (text !== cookie(NAME)) keepCookie(NAME, text, days, domain);
}

/** YYYYMMDD in UTC. @param {string | null} time RFC 3339; null means now */
const dayOf = (time) => (time || new Date().toISOString()).replace(/-|T.*/g, "");

/** @param {number | null} version @param {string | null} [time] @returns {Choice} */
const refusal = (version, time = null) => ({ ...undecided(), state: "refused", version, day: dayOf(time) });

/** When a choice was made, in ms; NaN for none. @param {Choice} choice */
export const madeAt = ({ day }) => Date.parse(day.replace(/(....)(..)/, "$1-$2-"));

/** How long it counts. @param {Choice} choice @param {Notice} notice */
export const daysOf = ({ state }, { ask_again_days, refused_days }) =>
  (state === "refused" && refused_days) || ask_again_days;

/** Until when it counts, in ms. @param {Choice} choice @param {Notice} notice */
export const endsAt = (choice, notice) => madeAt(choice) + daysOf(choice, notice) * DAY_S * 1000;

/**
 * @param {Choice} choice
 * @param {Config} config
 * @returns {"undecided" | "policy_changed" | "expired" | null}
 */
export function reasonToAsk(choice, { holds_since, notice }) {
  const { version } = choice;
  if (!version) return "undecided";
  if (version < holds_since) return "policy_changed";
  return Date.now() < endsAt(choice, notice) ? null : "expired";
}

/** What a visitor may refuse: keys. @param {Notice} notice */
export const optional = ({ purposes, acquire }) => ({
  purposes: purposes.filter((item) => !item.always_on).map((item) => item.key),
  acquire: acquire.filter((item) => item.optional).map((item) => item.key),
});

/**
 * What a decision would allow.
 *
 * @param {Pick<Decision, "action" | "purposes" | "acquire">} decision
 * @param {Notice} notice
 * @returns {Grant}
 */
export function wanted(decision, notice) {
  /** @param {"purposes" | "acquire"} part */
  const chosen = (part) =>
    new Set(optional(notice)[part].filter((key) => decision.action === "accept" || decision[part]?.[key] === true));
  return { purposes: chosen("purposes"), acquire: chosen("acquire") };
}

/**
 * @param {ServedConsent} served
 * @param {Notice} notice
 * @returns {Choice}
 */
export function fromServed({ state, policy_version, epoch, purposes, acquire, decided_at, despite }, notice) {
  const refused = refusal(policy_version, decided_at);
  if (state === "granted") {
    const grant = wanted({ action: "choose", purposes, acquire }, notice);
    return { ...refused, state, epoch, ...grant, despite: despite || undefined };
  }
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

/** Whether a wish goes beyond a choice. @param {Grant} wish @param {Grant} choice */
export const widens = (wish, choice) =>
  both(wish.purposes, choice.purposes).size + both(wish.acquire, choice.acquire).size <
  wish.purposes.size + wish.acquire.size;
