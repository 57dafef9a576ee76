/**
 * IAB TCF and GPP: stubs that queue from the first moment, then the files with the framework's own libraries, which are
 * told of every change. Nothing is kept but the cookie `euconsent-v2`, and that only where the policy and the visitor say so.
 */
import { fetchFile } from "../files.js";
import { make } from "../elements.js";
import { stubGpp, stubTcf } from "../stubs.js";

/** @import { Core, FrameworkState, FrameworksConfig, Part, TcfConfig } from "../types.js" */

const COOKIE = "euconsent-v2";
const DAY_S = 86400;
const PATIENCE_MS = 2000;

/** The page's own files come first: `load` waits for none of ours. */
const quiet = (/** @type {Core["page"]["read"]} */ read) =>
  new Promise((resolve) => {
    addEventListener("load", resolve);
    setTimeout(resolve, read("readyState") === "complete" ? 0 : PATIENCE_MS);
  });

/** @type {Part} */
const part = (core) => {
  const { config, service, consent, allows, on } = core;
  const { documents, guarded, read } = core.page;
  const { tcf, gpp, days } = /** @type {FrameworksConfig} */ (config.iab);
  const { notice } = config;
  if (tcf) stubTcf({ make, guarded, read });
  if (gpp) stubGpp(gpp, { make, guarded, read });

  /** @param {TcfConfig} wish */
  async function fetchList({ gvl }) {
    if (!gvl) {
      const { status, body } = await service.call("list", { cache: "default", credentials: "omit" });
      if (status === 200) return body;
      throw Error("no vendor list");
    }
    return (await fetch(gvl, { credentials: "omit" })).json();
  }

  const files = quiet(read).then(async () => {
    const [first, second] = await Promise.all([tcf, gpp].map((one) => one && fetchFile(core, one.file)));
    return {
      tcf: first && tcf && first.default(tcf, () => fetchList(tcf)),
      gpp: second && second.default(gpp),
    };
  });
  files.catch(() => {}); // then the stubs stay: nobody hears a yes

  const keep = guarded((/** @type {string} */ text) => {
    const may = tcf?.cookie && text && allows([tcf.cookie]);
    const is = new RegExp(`(?:^|; *)${COOKIE}=`).test(read("cookie"));
    if (!may && !(is && tcf?.cookie)) return;
    const secure = location.protocol === "https:" ? ";Secure" : "";
    const life = `path=/;SameSite=Lax;max-age=${may ? days * DAY_S : 0}${secure}`;
    Reflect.set(documents, "cookie", `${COOKIE}=${may ? text : ""};${life}`, document);
  });

  const keys = notice.purposes.filter((purpose) => !purpose.always_on).map((purpose) => purpose.key);
  let isOpen = false;
  /** What was told last. @type {FrameworkState | undefined} */
  let told;
  /** One after the other, in the order in which they happened. @type {Promise<unknown>} */
  let queue = files;

  /** What vendors may hear now; none where the page has to wait for an answer. @returns {FrameworkState | undefined} */
  function state() {
    const { ask, pending, gpc } = consent.snapshot();
    const { day, purposes } = consent.choice();
    let granted = keys.filter((key) => allows([key]));
    if (pending) {
      // What narrows counts at once; what widens, when the service has answered.
      if (!told || told.asks) return;
      granted = told.granted.filter((key) => purposes.has(key));
      if (granted.length === told.granted.length) return;
    }
    return { asks: ask && !pending, shows: isOpen && !ask, granted, day, gpc, language: config.notice.locale };
  }

  const tell = guarded(() => {
    const now = state();
    if (!now || JSON.stringify(now) === JSON.stringify(told)) return;
    told = now;
    queue = queue
      .then(() => files)
      .then(async (file) => {
        const text = (await file.tcf?.update(now)) ?? "";
        file.gpp?.update(now, text);
        keep(text);
      })
      .catch((error) => {
        keep(""); // nobody hears a yes, so nobody may read one
        if (told === now) told = undefined; // the next change tries anew
        console.error("cookiegate:", error);
      });
  });
  on.changed(tell);
  core.opened = guarded((open) => {
    isOpen = /** @type {boolean} */ (open);
    tell();
  });
  // What the visitor chose is read when all parts have been put together.
  void Promise.resolve().then(tell);
};

export default part;
