/** Loads the script of a cookiegate service, once for a page. Types: index.d.ts. */

const SITE = /^[a-z0-9][a-z0-9-]{0,62}$/;
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;

/** @type {Promise<any> | undefined} */
let underWay;
/** @type {any} */
let policy;

/** An element with the id `cookiegate` may stand in for the name until the script is there. */
function found() {
  const { cookiegate } = /** @type {any} */ (window);
  return typeof cookiegate?.decide === "function" ? cookiegate : undefined;
}

/** @param {string} option @param {string} right @param {unknown} value */
const wrong = (option, right, value) => new TypeError(`${option} must be ${right}, not ${JSON.stringify(value)}`);

/** @param {import("./index.js").Options} options */
function addressOf({ service, site, lang, headless }) {
  if (!SITE.test(site)) throw wrong("site", 'the policy\'s id of the site, such as "shop"', site);
  if (lang && !LANGUAGE.test(lang)) throw wrong("lang", 'a language of the policy, such as "ja"', lang);
  const file = [site, ...(headless ? ["headless"] : []), ...(lang ? [lang] : [])].join(".");
  const address = new URL(`${String(service).replace(/\/+$/, "")}/w/${file}.js`, location.href);
  if (!/^https?:$/.test(address.protocol)) throw wrong("service", "an http(s) address", service);
  return address.href;
}

/** @param {HTMLScriptElement} script @param {string} address */
function setSource(script, address) {
  try {
    policy ??= /** @type {any} */ (window).trustedTypes?.createPolicy("cookiegate", { createScriptURL: String });
  } catch {
    // Not among the page's `trusted-types`: then it may do without.
  }
  script.src = policy ? policy.createScriptURL(address) : address;
}

/** @param {import("./index.js").Options} options */
async function request(options) {
  if (typeof document === "undefined") throw new Error("cookiegate runs in browsers: call load() on the client alone");
  if (found()) return found();
  const address = addressOf(options);
  const script = document.createElement("script");
  script.async = true;
  if (options.nonce) script.nonce = options.nonce;
  setSource(script, address);
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject(new Error(`${address} cannot be loaded: is the service there, and does script-src of the page name it?`));
    };
    document.head.append(script);
  });
  if (found()) return found();
  throw new Error(`${address} holds no script: declared robots get none`);
}

/** @param {import("./index.js").Options} options */
export function load(options) {
  if (!underWay) {
    underWay = request(options);
    underWay.catch(() => (underWay = undefined));
  }
  return underWay;
}

/**
 * @param {import("./index.js").Options} options
 * @param {(consent: any) => void} listener
 */
export function watch(options, listener) {
  let hasEnded = false;
  let end = () => {};
  load(options).then(
    (cookiegate) => {
      if (hasEnded) return;
      end = cookiegate.on("change", listener);
      listener(cookiegate.consent);
    },
    (error) => console.warn(String(error)),
  );
  return () => {
    hasEnded = true;
    end();
  };
}
