/**
 * Watches what a page sends, for the developer panel: which requests carry a token, and for what. Nothing is changed,
 * and nothing of it is kept.
 */

/** @typedef {{ at: number, kind: string, address: string, tokens: { place: string, claims: Record<string, unknown> }[] }} Sent */

const TOKEN = /\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g;
/** What may have been sent before anybody watched. */
const EARLY = ["fetch", "xmlhttprequest", "beacon"];
const { apply } = Reflect;

/** What a token says, without any proof that it is one. @param {string} text @returns {Record<string, unknown> | null} */
function claimsOf(text) {
  try {
    const bytes = Uint8Array.from(atob(text.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims.scope === "string" ? claims : null;
  } catch {
    return null;
  }
}

/** A request's body, as far as it can be read without taking it away. @param {unknown} body @returns {Promise<string>} */
async function textOf(body) {
  if (typeof body === "string") return body;
  if (body instanceof URLSearchParams) return String(body);
  if (body instanceof FormData) return JSON.stringify([...body]);
  if (body instanceof Blob) return body.text();
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return new TextDecoder().decode(/** @type {any} */ (body));
  return "";
}

/** Encoded once or twice, as trackers do with what they put into an address. @param {string} text */
function opened(text) {
  try {
    return decodeURIComponent(decodeURIComponent(text));
  } catch {
    return text;
  }
}

/** The same as Base64, in which some wrap their events. @param {string} text */
function unwrapped(text) {
  const found = text.match(/[\w+/-]{200,}={0,2}/g) || [];
  return found.map((part) => {
    try {
      return atob(part.replace(/-/g, "+").replace(/_/g, "/"));
    } catch {
      return "";
    }
  }).join(" ");
}

/**
 * @param {string} base of the service, whose own requests are no events
 * @param {(sent: Sent) => void} tell
 */
export function watchRequests(base, tell) {
  /** @param {string} kind @param {unknown} target @param {unknown} headers @param {unknown} body */
  async function note(kind, target, headers, body) {
    try {
      const address = new URL(String(target), document.baseURI).href;
      if (address.startsWith(`${base}/v1/`) || address.startsWith(`${base}/w/`)) return;
      /** @type {Sent["tokens"]} */
      const tokens = [];
      const places = { address, headers: JSON.stringify([...new Headers(/** @type {any} */ (headers) || {})]), body: await textOf(body) };
      for (const [place, text] of Object.entries(places)) {
        const plain = `${text} ${opened(text)}`;
        for (const token of new Set(`${plain} ${unwrapped(plain)}`.match(TOKEN))) {
          const claims = claimsOf(token);
          if (claims) tokens.push({ place, claims });
        }
      }
      tell({ at: Date.now(), kind, address: address.split(/[?#]/)[0], tokens });
    } catch {
      // What is no address goes nowhere.
    }
  }

  /** @param {any} owner @param {string} name @param {(self: any, args: any[]) => void} look */
  function wrap(owner, name, look) {
    const known = owner[name];
    owner[name] = new Proxy(known, {
      apply(target, self, args) {
        look(self, args);
        return apply(target, self, args);
      },
    });
  }

  wrap(window, "fetch", (_, [input, init]) => {
    const isRequest = input instanceof Request;
    const headers = init?.headers || (isRequest ? input.headers : undefined);
    const body = init?.body ?? (isRequest && input.body && !input.bodyUsed ? input.clone().blob() : undefined);
    void Promise.resolve(body).then((held) => note("fetch", isRequest ? input.url : input, headers, held), () => {});
  });
  wrap(Navigator.prototype, "sendBeacon", (_, [address, body]) => void note("beacon", address, undefined, body));

  /** @type {WeakMap<XMLHttpRequest, { address: unknown, headers: [string, string][] }>} */
  const asked = new WeakMap();
  wrap(XMLHttpRequest.prototype, "open", (self, [, address]) => void asked.set(self, { address, headers: [] }));
  wrap(XMLHttpRequest.prototype, "setRequestHeader", (self, args) => void asked.get(self)?.headers.push(/** @type {any} */ (args)));
  wrap(XMLHttpRequest.prototype, "send", (self, [body]) => {
    const { address, headers } = asked.get(self) || {};
    void note("xhr", address, headers, body);
  });

  const began = performance.now();
  new PerformanceObserver((list) => {
    for (const { initiatorType, name, startTime } of /** @type {PerformanceResourceTiming[]} */ (list.getEntries())) {
      if (initiatorType === "img") void note("img", name, undefined, undefined);
      else if (startTime < began && EARLY.includes(initiatorType)) void note(`${initiatorType}, only its address`, name, undefined, undefined);
    }
  }).observe({ type: "resource", buffered: true });
}
