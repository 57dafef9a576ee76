/** Between the gate and the requests and answers of the Fetch standard, for workers at the edge. */
import { BODY_LIMIT_BYTES } from "./bodies.js";
import { readLimited } from "./fetching.js";

/** @import { TrackerRequest } from "./request.js" */

/**
 * A request of the Fetch standard as the gate takes it.
 *
 * @param {Request} request its body is read
 * @param {object} [how]
 * @param {string | null} [how.ip] the client's address, as the runtime knows it
 * @param {number} [how.bodyLimitBytes] as the gate has it; of a larger body so much is read that the gate refuses it
 * @returns {Promise<TrackerRequest>}
 */
export async function readRequest(request, { ip = null, bodyLimitBytes = BODY_LIMIT_BYTES } = {}) {
  const { pathname, search } = new URL(request.url);
  const receivedAt = new Date().toISOString();
  const headers = [...request.headers];
  const body = await readLimited(request.body, bodyLimitBytes).catch(() => new Uint8Array(bodyLimitBytes + 1));
  return { method: request.method, path: pathname + search, headers, body, receivedAt, ip };
}

/**
 * What the tracker expects to be answered, so that it does not send the same again for ever, whatever became of its
 * events.
 *
 * @param {import("./gate.js").Gate} gate
 * @param {TrackerRequest} request
 * @returns {Response} 404 where the tracker does not send
 */
export function answer(gate, request) {
  const [route] = gate.routes(request.method, /** @type {string} */ (request.path.split("?")[0])) ?? [];
  if (!route) return new Response(null, { status: 404 });
  const { status, headers, body } = route.answer;
  const data = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
  return new Response(data.length ? data : null, { status, headers: { ...headers, "cache-control": "no-store" } });
}
