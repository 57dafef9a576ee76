/**
 * The gate in JavaScript: only events that a consent token grants pass, and of them only what was granted.
 *
 *     import { Gate, Verifier } from "@cookiegate/gate";
 *
 *     const verifier = new Verifier({ jwks: "https://…/.well-known/jwks.json", status: "https://…/status/1", audience: "demo" });
 *     const gate = new Gate(verifier, { purpose: "analytics" });
 *     const kept = await gate.event({ consent_token: token, event: "page_view", url, user_agent: agent });
 */
export { Counts } from "./counts.js";
export { SourceError } from "./errors.js";
export { Gate } from "./gate.js";
export { AcceptedRequest } from "./request.js";
export { CATEGORIES, REASONS } from "./tables/index.js";
export { Verifier } from "./verifier.js";
export { answer, readRequest } from "./web.js";

/** @typedef {import("./claims.js").Claims} Claims */
/** @typedef {import("./gate.js").GateOptions} GateOptions */
/** @typedef {import("./request.js").Filtered} Filtered */
/** @typedef {import("./request.js").TrackerRequest} TrackerRequest */
/** @typedef {import("./verdicts.js").Reason} Reason */
/** @typedef {import("./verifier.js").Verdict} Verdict */
/** @typedef {import("./verifier.js").VerifierOptions} VerifierOptions */
