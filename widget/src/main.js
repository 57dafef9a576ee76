/** The script of the script tag: the core, and what the visitor sees. */
import { readCookies } from "./choice.js";
import { start } from "./core.js";
import { createUi } from "./ui.js";
import { whole } from "./whole.js";

const config = whole(__COOKIEGATE_CONFIG__);
// After this script and before any other: Chromium parses again what is on the stack when cookies are read.
queueMicrotask(() => {
  readCookies();
  start(config, createUi);
});
