// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.
import ga4 from "./ga4.js";
import goatcounter from "./goatcounter.js";
import jitsu from "./jitsu.js";
import matomo from "./matomo.js";
import otlp from "./otlp.js";
import plain from "./plain.js";
import plausible from "./plausible.js";
import posthog from "./posthog.js";
import rudderstack from "./rudderstack.js";
import segment from "./segment.js";
import snowplow from "./snowplow.js";
import umami from "./umami.js";

export * from "./shared.js";

/** @type {Readonly<Record<string, import("../table.js").TrackerTable>>} */
export const TABLES = { ga4, goatcounter, jitsu, matomo, otlp, plain, plausible, posthog, rudderstack, segment, snowplow, umami };
