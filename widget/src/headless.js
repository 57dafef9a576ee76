/** The core alone, for pages with an interface of their own: what holds, decisions and tokens. Holds nothing, says nothing. */
import { start } from "./core.js";

start(__COOKIEGATE_CONFIG__, /** @type {any} */ (null));
