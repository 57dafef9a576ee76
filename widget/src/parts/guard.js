/**
 * Holds by itself what the policy's hosts would load or be sent, without a mark in the page.
 *
 * Elements become held markup, which the core shows or runs once their purpose is allowed. Calls fail as they do where a
 * content blocker stops them, which pages are used to: a request that stays open for ever is not. They are not made up
 * for later, since what was done before a yes is nobody's business after it.
 */

/** @import { Core, HeldCall } from "../types.js" */
/** @typedef {(target: any, self: any, args: any) => unknown} Trap as a proxy's handler has it */

/** What carries an address, and in which property. @type {[tag: string, kind: string, name: string][]} */
const CARRIERS = [
  ["script", "HTMLScriptElement", "src"],
  ["iframe", "HTMLIFrameElement", "src"],
  ["img", "HTMLImageElement", "src"],
  ["link", "HTMLLinkElement", "href"],
];
const HELD_TYPE = "text/plain";

const { apply, construct, defineProperty, getOwnPropertyDescriptor } = Reflect;
const { dispatchEvent } = EventTarget.prototype;

/** @param {() => void} work */
const soon = (work) => void setTimeout(work);

/**
 * A property as a method has it. Without a prototype: a page may have written to Object.prototype.
 *
 * @param {any} owner
 * @param {string} name
 * @param {unknown} value
 */
const set = (owner, name, value) =>
  defineProperty(owner, name, /** @type {any} */ ({ __proto__: null, value, writable: true, configurable: true }));

/**
 * Puts traps around functions of the browser, which keep their names, lengths and own properties.
 *
 * @param {any} owner
 * @param {string} name
 * @param {Record<string, Trap>} traps by the part of the property's descriptor
 * @param {{ from?: any, trap?: string }} [more] `from` = where the owner has it from
 */
function wrap(owner, name, traps, { from = owner, trap = "apply" } = {}) {
  /** @type {any} */
  const known = from && getOwnPropertyDescriptor(from, name);
  for (const part of Object.keys(traps)) {
    if (typeof known?.[part] !== "function") return;
    known[part] = new Proxy(known[part], /** @type {any} */ ({ __proto__: null, [trap]: traps[part] }));
  }
  defineProperty(owner, name, known);
  if (trap === "construct") {
    set(known.value.prototype, "constructor", known.value);
  }
}

/**
 * A WebSocket or an EventSource that never comes about.
 *
 * @param {Function} kind
 * @param {string} url
 * @param {number} closed the state in which it ends
 * @param {Event[]} ends
 */
function still(kind, url, closed, ends) {
  const made = construct(EventTarget, [], kind);
  const nothing = () => {};
  /** @type {Record<string, any>} */
  const own = {
    url, readyState: 0, protocol: "", extensions: "", bufferedAmount: 0, binaryType: "blob", withCredentials: false,
    onopen: null, onmessage: null, onerror: null, onclose: null, send: nothing, close: nothing,
  };
  for (const name of Object.keys(own)) set(made, name, own[name]);
  soon(() => {
    made.readyState = closed;
    for (const event of ends) {
      apply(dispatchEvent, made, [event]);
      made[`on${event.type}`]?.(event);
    }
  });
  return made;
}

/** @param {XMLHttpRequest} request */
function fail(request) {
  set(request, "readyState", 4);
  for (const type of ["readystatechange", "error", "loadend"]) {
    const event = type === "readystatechange" ? new Event(type) : new ProgressEvent(type);
    apply(dispatchEvent, request, [event]);
  }
}

/** @param {Core} core */
export default (core) => {
  const { config, page, api } = core;
  const { setAttribute, getAttribute, hasAttribute, removeAttribute, querySelectorAll } = page.elements;
  const hosts = new Map(Object.entries(config.guard ?? {}));
  const own = [location.host, new URL(core.base).host];
  /** @type {Map<string, HeldCall>} */
  const counted = new Map();
  /** Elements that were held by this. @type {WeakSet<Element>} */
  const mine = new WeakSet();
  let isWriting = false;

  /** @param {Element} element @param {string} name */
  const get = (element, name) => getAttribute.call(element, name);
  /** @param {Element} element @param {string} name @param {string} value */
  const put = (element, name, value) => setAttribute.call(element, name, value);
  /** @param {any} address */
  const parse = (address) => new URL(address, page.read("baseURI"));

  /**
   * The purpose that an address waits for; nothing where it may go.
   *
   * @param {any} kind
   * @param {any} address
   */
  function holds(kind, address) {
    try {
      const { protocol, host, hostname } = parse(address);
      if (own.includes(host) || !/^(https?|wss?):$/.test(protocol)) return undefined;
      let purpose = hosts.get(hostname);
      for (let rest = hostname; rest && !purpose; purpose = hosts.get(`*.${rest}`)) rest = rest.replace(/^[^.]*\.?/, "");
      if (!purpose || core.allows([purpose])) return undefined;
      const name = `${kind} ${hostname}`;
      counted.set(name, { kind, host: hostname, purpose, count: (counted.get(name)?.count ?? 0) + 1 });
      return purpose;
    } catch {
      return undefined; // the browser itself says what is wrong with it
    }
  }

  /** @param {Element} element */
  const isHeldScript = (element) => mine.has(element) && get(element, "type") === HELD_TYPE;

  /**
   * Makes held markup of an element that is given an address, or ordinary markup again.
   *
   * @param {string} tag
   * @param {Element} element
   * @param {string} name
   * @param {any} address
   */
  function take(tag, element, name, address) {
    const purpose = holds(tag, address);
    const type = get(element, purpose ? "type" : "data-type");
    // What the page has marked itself waits for what it says there.
    const isMarked = !mine.has(element) && hasAttribute.call(element, "data-consent");
    if (purpose) {
      if (tag !== "script") {
        put(element, `data-${name}`, parse(address).href);
      } else if (!isMarked && !isHeldScript(element)) {
        if (type !== null) put(element, "data-type", type);
        put(element, "type", HELD_TYPE);
      }
      if (isMarked) return tag !== "script";
      mine.add(element);
      put(element, "data-consent", purpose);
    } else if (mine.delete(element)) {
      if (type !== null) put(element, "type", type);
      else if (tag === "script") removeAttribute.call(element, "type");
      for (const mark of ["consent", "type", name]) removeAttribute.call(element, `data-${mark}`);
    }
    // A held script keeps its address: its type makes it harmless, and only the page may be able to make it anew.
    return purpose && tag !== "script";
  }

  for (const [tag, kind, name] of CARRIERS) {
    const { prototype } = /** @type {any} */ (window)[kind];

    /** @type {Trap} with `address` in place of its arguments' list */
    const give = (set, element, [address]) => {
      if (!take(tag, element, name, address)) return set();
      removeAttribute.call(element, name);
      // What is no part of the page would wait for ever.
      if (tag === "img") soon(() => element.isConnected || apply(dispatchEvent, element, [new Event("error")]));
      return undefined;
    };
    wrap(prototype, name, {
      get: (target, self, args) =>
        mine.has(self) && !hasAttribute.call(self, name) ? get(self, `data-${name}`) : apply(target, self, args),
      set: (target, self, args) => give(() => apply(target, self, args), self, args),
    });
    wrap(
      prototype,
      "setAttribute",
      {
        value(target, self, args) {
          const set = String(args[0]).toLowerCase();
          if (set === name) return give(() => apply(target, self, args), self, [args[1]]);
          return apply(target, self, set === "type" && isHeldScript(self) ? ["data-type", args[1]] : args);
        },
      },
      { from: page.elements },
    );
  }

  wrap(HTMLScriptElement.prototype, "type", {
    get: (target, self, args) => (isHeldScript(self) ? (get(self, "data-type") ?? "") : apply(target, self, args)),
    set: (target, self, args) => (isHeldScript(self) ? put(self, "data-type", args[0]) : apply(target, self, args)),
  });

  wrap(window, "fetch", {
    value(target, self, args) {
      const [input] = args;
      if (!holds("fetch", input instanceof Request ? input.url : input)) return apply(target, self, args);
      return Promise.reject(new TypeError("Failed to fetch"));
    },
  });

  wrap(Navigator.prototype, "sendBeacon", {
    value: (target, self, args) => !!holds("beacon", args[0]) || apply(target, self, args),
  });

  /** @type {WeakMap<XMLHttpRequest, any[]>} */
  const opened = new WeakMap();
  wrap(XMLHttpRequest.prototype, "open", {
    value(target, self, args) {
      const done = apply(target, self, args);
      delete self.readyState;
      opened.set(self, args);
      return done;
    },
  });
  wrap(XMLHttpRequest.prototype, "send", {
    value(target, self, args) {
      const [, address, isAsync = true] = opened.get(self) ?? [];
      if (!address || !holds("xhr", address)) return apply(target, self, args);
      if (!isAsync) throw new DOMException("Failed to load", "NetworkError");
      return soon(() => fail(self));
    },
  });

  /** @type {Trap} */
  const socket = (target, args, kind) =>
    holds("socket", args[0])
      ? still(kind, parse(args[0]).href, 3, [new Event("error"), new CloseEvent("close", { code: 1006 })])
      : construct(target, args, kind);
  wrap(window, "WebSocket", { value: socket }, { trap: "construct" });
  /** @type {Trap} */
  const source = (target, args, kind) =>
    holds("events", args[0])
      ? still(kind, parse(args[0]).href, 2, [new Event("error")])
      : construct(target, args, kind);
  wrap(window, "EventSource", { value: source }, { trap: "construct" });

  /** @param {Element} element that the parser has just put into the page */
  function seize(element) {
    const [tag, , name] = /** @type {string[]} */ (CARRIERS.find(([known]) => known === element.localName));
    const address = get(element, name);
    // A script that was started already is not to be had back.
    const isLate = tag === "script" && (isWriting || page.read("readyState") !== "loading" || element.nextSibling);
    if (isLate || !address || !take(tag, element, name, address)) return;
    removeAttribute.call(element, name);
    if (tag !== "iframe") return;
    const mark = new Comment();
    element.replaceWith(mark); // what it has begun to load ends
    mark.replaceWith(element);
  }

  const marks = CARRIERS.map(([tag, , name]) => `${tag}[${name}]:not([data-consent])`).join();
  /** @param {MutationRecord[]} records */
  const look = (records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) {
        if (!(node instanceof Element)) continue;
        if (page.elements.matches.call(node, marks)) page.guarded(seize)(node);
        for (const inner of querySelectorAll.call(node, marks)) page.guarded(seize)(inner);
      }
    }
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document, { childList: true, subtree: true });

  // What a page writes into itself is started before anybody can see it.
  for (const name of ["write", "writeln"]) {
    wrap(page.documents, name, {
      value(target, self, args) {
        look(watcher.takeRecords());
        const done = apply(target, self, args);
        isWriting = true;
        look(watcher.takeRecords());
        isWriting = false;
        return done;
      },
    });
  }

  api.held = () => Array.from(counted.values(), (call) => Object.freeze({ ...call }));
};
