// What somebody else's strict program says about the package's types; it is only checked, never run.
import { Gate, Verifier, REASONS, SourceError, type Reason, type TrackerRequest, type Verdict } from "@cookiegate/gate";

const verifier = new Verifier({ jwks: { keys: [] }, audience: "demo", status: [new URL("https://a.test/1"), "text"] });
const gate = new Gate(verifier, {
  purpose: "analytics",
  tracker: "snowplow",
  fields: { a: "event" },
  ipWhenRefused: "truncate",
});
// @ts-expect-error a purpose has to be declared
new Gate(verifier, { tracker: "snowplow" });
// @ts-expect-error there is no such rule
new Gate(verifier, { purpose: "analytics", ipWhenRefused: "keep" });

export async function use(request: TrackerRequest): Promise<Reason> {
  const verdict: Verdict = await gate.check("token");
  // @ts-expect-error a refused token has no claims
  verdict.claims.sub;
  if (verdict.ok) return verdict.claims.sub === "" ? "ok" : verdict.reason;
  const { accepted, counts } = await gate.filter(request);
  const first: string | null | undefined = accepted[0]?.body;
  const dropped: number | undefined = counts.dropped.get("withdrawn");
  const event: Record<string, unknown> | null = await gate.event({ event: first, dropped });
  const out: string[] = await gate.lines(["{}", new Uint8Array()]);
  if (event === null && out.length === 0) throw new SourceError("nothing");
  return REASONS.includes(verdict.reason) ? verdict.reason : "ok";
}
