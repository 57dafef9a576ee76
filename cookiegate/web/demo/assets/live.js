// The live view. It asks the demo twice a second for what is new in the log, and shows it; it stores nothing.

const { texts, tracker, purposes, categories } = JSON.parse(document.body.dataset.setup);
const PURPOSE = "analytics";
const ALWAYS_ON = "security";
const UNKNOWN = "unknown";
const PERIOD_MS = 500;
const SITE = "/v1/sites/demo";
const at = (id) => document.getElementById(id);
const shop = document.querySelector("iframe");
const locale = document.documentElement.lang;

/** The newest entry seen (null before the first look), the last decision and token, and what is not looked at yet. */
let last = null;
let decision = null;
let oldToken = null;
let unseen = 0;

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const listed = (keys, titles) => new Intl.ListFormat(locale).format(keys.map((key) => titles[key] ?? key));
const clock = (time) => new Date(time).toLocaleTimeString(locale, { hour12: false });

// --- one entry of the log ---------------------------------------------------------------------------------------

const title = (category) => categories[category] ?? texts[category] ?? category;
const chip = (tag, category, attributes) =>
  make(tag, { class: "chip", "data-category": category, ...attributes }, title(category));

function field({ name, value, cut }) {
  const shown = make("span", { class: "field", title: value }, make("b", {}, name), ` ${value}`);
  if (cut) shown.append(" ", make("i", {}, `(${texts.cut})`));
  return shown;
}

function eventCard({ name, at: time, tracker: from, logged, removed, line }) {
  const card = make("li", { class: "event" });
  const heading = make("h3", {}, texts.names[name] ?? name, make("span", {}, texts.trackers[from] ?? from));
  heading.append(make("time", { datetime: time }, clock(time)));
  const kept = make("dl", { class: "kept" });
  for (const { category, fields } of logged) {
    const isCut = fields.every(({ cut }) => cut);
    kept.append(chip("dt", category, { "data-cut": isCut ? "" : undefined }), make("dd", {}, ...fields.map(field)));
  }
  card.append(heading, kept);
  if (removed.length) card.append(removedPart(removed));
  card.append(make("details", {}, make("summary", {}, texts.line), make("pre", {}, line)));
  return card;
}

const struck = (names) => names.map((name) => make("s", {}, name));

/** What was taken out, by name: what the visitor did not allow, and what no list knows. */
function removedPart(removed) {
  const part = make("div", { class: "removed" });
  const refused = removed.filter(({ category }) => category !== UNKNOWN);
  const unknown = removed.find(({ category }) => category === UNKNOWN);
  const group = ({ category, names }) =>
    make("li", { "data-removed": category }, chip("span", category), ...struck(names));
  if (refused.length) part.append(make("p", {}, texts.removed), make("ul", {}, ...refused.map(group)));
  if (unknown) part.append(make("p", { "data-removed": UNKNOWN }, `${texts.unknown} `, ...struck(unknown.names)));
  return part;
}

const outcome = ({ state, action }) => (state === "refused" && action === "withdraw" ? "withdrawn" : state);

function decisionLine(entry) {
  const isBare = entry.state === "granted" && entry.acquire.length === 0;
  const text = texts.decisions[entry.action === "accept" ? "accept" : isBare ? "bare" : outcome(entry)];
  const words = { purposes: listed(entry.purposes, purposes), categories: listed(entry.acquire, categories) };
  return make("li", { class: "decision", "data-state": entry.state }, make("span", {}, fill(text, words)));
}

const droppedLine = ({ reason, at: time }) =>
  make(
    "li",
    { class: "dropped", "data-reason": reason },
    make("b", {}, texts.dropped),
    texts.reasons[reason] ?? reason,
    make("code", {}, reason),
    make("time", { datetime: time }, clock(time)),
  );

const SHOW = { event: eventCard, decision: decisionLine, dropped: droppedLine };

// --- the head -----------------------------------------------------------------------------------------------------

function showTotals({ accepted, stripped, dropped }) {
  const counts = Object.entries(dropped);
  at("accepted").textContent = accepted;
  at("stripped").textContent = stripped;
  at("dropped").textContent = counts.reduce((sum, [, count]) => sum + count, 0);
  at("reasons").hidden = counts.length === 0;
  at("reasons").replaceChildren(
    ...counts.map(([reason, count]) =>
      make("li", { "data-reason": reason }, `${texts.reasons[reason] ?? reason} `, make("code", {}, `${reason} × ${count}`)),
    ),
  );
}

function showGrant({ state, purposes: allowed, acquire }) {
  const shown = outcome({ state, action: decision?.action });
  const optional = Object.keys(allowed).filter((key) => key !== ALWAYS_ON);
  const granted = optional.filter((key) => allowed[key]);
  const isAll = [...optional.map((key) => allowed[key]), ...Object.values(acquire)].every(Boolean);
  at("state").dataset.state = at("categories").dataset.state = shown;
  at("state").textContent = fill(texts.states[isAll ? "all" : shown], { purposes: listed(granted, purposes) });
  for (const item of at("categories").children) {
    item.dataset.granted = String(allowed[PURPOSE] === true && acquire[item.dataset.category] === true);
  }
  showHint(state === "granted" ? (allowed[PURPOSE] ? "granted" : "other") : shown);
}

function showHint(key) {
  const isEmpty = at("entries").childElementCount === 0;
  const wanted = key === "granted" && !document.querySelector(".event") ? "waiting" : key;
  const isQuiet = isEmpty || (wanted !== "granted" && !document.querySelector(".event, .dropped"));
  at("hint").className = isQuiet ? "hint empty" : "hint";
  if (at("hint").dataset.key === wanted) return;
  at("hint").dataset.key = wanted;
  const [heading, text] = texts.hints[wanted].map((part) => fill(part, { analytics: purposes[PURPOSE] }));
  at("hint").replaceChildren(make("b", {}, heading), text);
  if (wanted === "granted") {
    const change = make("button", { type: "button" }, texts.change);
    change.addEventListener("click", () => {
      show("shop");
      shop.contentWindow.cookiegate?.open();
    });
    at("hint").append(change);
  }
}

// --- following ----------------------------------------------------------------------------------------------------

function take(entries) {
  for (const entry of entries) {
    const shown = SHOW[entry.kind](entry);
    if (last !== null) shown.classList.add("fresh");
    at("entries").prepend(shown);
    if (entry.kind === "decision") decision = entry;
    else note(entry.kind);
  }
}

async function follow() {
  try {
    const [feed, consent] = await Promise.all([read(`/demo/feed?after=${last ?? 0}`), read(`${SITE}/consent`)]);
    if (feed.last < (last ?? 0)) return location.reload(); // started over in another tab, or a new run of the demo
    take(feed.entries);
    last = feed.last;
    showTotals(feed.totals);
    showGrant(consent);
    await keepToken();
  } catch {
    at("hint").className = "hint empty";
    at("hint").dataset.key = "lost";
    at("hint").replaceChildren(make("b", {}, texts.lost[0]), texts.lost[1]);
  }
  setTimeout(follow, PERIOD_MS);
}

async function read(address) {
  const answer = await fetch(address, { cache: "no-store" });
  return answer.json();
}

/** Remembers the shop's token, so that it can be tried again once it is withdrawn. Only a demo does this. */
async function keepToken() {
  const consent = shop.contentWindow.cookiegate?.consent;
  if (consent?.state === "granted") oldToken = (await shop.contentWindow.cookiegate.token()) ?? oldToken;
  document.querySelector('[data-cheat="old"]').disabled = !oldToken || consent?.state === "granted";
}

// --- trying to get past the gate ------------------------------------------------------------------------------------

const base64url = (text) => btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** A token like a real one, of a real key, signed by nobody. */
async function forge() {
  const { keys } = await read("/.well-known/jwks.json");
  const header = { alg: "ES256", typ: "consent+jwt", kid: keys[0].kid };
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: location.origin, aud: "demo", sub: "nobody", iat: now, exp: now + 600, pv: 1, ep: 1 };
  claims.scope = `security ${PURPOSE}`;
  claims.acquire = Object.keys(categories).join(" ");
  return [JSON.stringify(header), JSON.stringify(claims), "x".repeat(64)].map(base64url).join(".");
}

const CHEATS = { none: () => undefined, forged: forge, old: () => oldToken };

async function cheat(event) {
  const token = await CHEATS[event.currentTarget.dataset.cheat]();
  const headers = token ? { "X-Consent-Token": token } : {};
  const body = JSON.stringify({ event: "past_the_gate", time: new Date().toISOString(), page: location.href });
  await fetch("/collect/plain/events", { method: "POST", credentials: "omit", headers, body });
}

for (const button of document.querySelectorAll("[data-cheat]")) button.addEventListener("click", cheat);

// --- the page -------------------------------------------------------------------------------------------------------

function note(kind) {
  if (document.querySelector("main").dataset.shown !== "shop" || last === null) return;
  unseen += 1;
  at("tab-count").hidden = false;
  at("tab-count").dataset.kind = kind;
  at("tab-count").textContent = unseen;
}

function show(name) {
  document.querySelector("main").dataset.shown = name;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.setAttribute("aria-selected", String(tab.getAttribute("aria-controls") === name));
  }
  if (name === "log") unseen = 0;
  at("tab-count").hidden = unseen === 0;
}

for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => show(tab.getAttribute("aria-controls")));
}

at("start-over").addEventListener("click", async () => {
  // The tracker's own traces, too: it keeps its identifiers in cookies and storage that scripts can reach.
  for (const store of [localStorage, sessionStorage]) store.clear();
  for (const name of document.cookie.split("; ").map((pair) => pair.split("=")[0])) {
    document.cookie = `${name}=; Max-Age=0; path=/`;
  }
  await fetch("/demo/start-over", { method: "POST" });
  location.reload();
});

show("shop");
void follow();
