/**
 * Loads the page anew after a withdrawal, where scripts of the purpose ran in it and nothing else stops them. Never
 * while the visitor has typed something: then the scripts end with the page, and the gate refuses what they send.
 */

/** @import { Part } from "../types.js" */

/** A withdrawal that the service has not acknowledged by then is sent from the next page. */
const PATIENCE_MS = 5000;

/** @type {Part} */
const part = (core) => {
  const { on, page: { all, elements } } = core;
  let typed = false;
  let isDue = false;

  const reload = () => {
    if (!isDue || typed) return;
    isDue = false; // once, whatever comes of it
    location.reload();
  };

  on.refused((purposes) => {
    const unstopped = purposes.filter((key) => !core.stops?.has(key));
    isDue ||= all("script[data-consent]:not([type='text/plain'],[data-stops])").some((script) =>
      (script.getAttribute("data-consent") || "").split(/[\s,]+/).some((key) => unstopped.includes(key)),
    );
    if (isDue) setTimeout(reload, PATIENCE_MS);
  });
  on.changed(({ pending }) => pending || setTimeout(reload)); // after what else listens

  addEventListener(
    "input",
    ({ target, isTrusted }) => {
      typed ||= isTrusted && !(target instanceof Element && elements.closest.call(target, ".cg-root"));
    },
    true,
  );
};

export default part;
