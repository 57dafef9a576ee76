// Loads the package in a context that has nothing but the language and the Web APIs of edge runtimes, and filters an event.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";

const index = new URL("../../verifier-js/src/index.js", import.meta.url);
const require = createRequire(index);
const WEB = [
  "AbortController",
  "AbortSignal",
  "Blob",
  "CryptoKey",
  "Headers",
  "ReadableStream",
  "Request",
  "Response",
  "TextDecoder",
  "TextEncoder",
  "URL",
  "URLSearchParams",
  "atob",
  "btoa",
  "crypto",
  "fetch",
  "structuredClone",
  // The Web APIs above belong to the outer realm, and so do the bytes that they make.
  "ArrayBuffer",
  "Uint8Array",
  "DataView",
];
const asked = JSON.parse(readFileSync(0, "utf8"));
const context = vm.createContext(Object.fromEntries(WEB.map((name) => [name, globalThis[name]])), {
  codeGeneration: { strings: false, wasm: false },
});
const modules = new Map();

async function load(url) {
  if (!modules.has(url.href)) {
    const source = readFileSync(fileURLToPath(url), "utf8");
    modules.set(url.href, new vm.SourceTextModule(source, { context, identifier: url.href }));
  }
  return modules.get(url.href);
}

async function link(specifier, { identifier }) {
  if (specifier === "jose") return load(pathToFileURL(require.resolve("jose")));
  if (!specifier.startsWith(".")) throw new Error(`${identifier} imports ${specifier}`);
  return load(new URL(specifier, identifier));
}

const module = await load(index);
await module.link(link);
await module.evaluate();
context.asked = asked;
context.gatePackage = module.namespace;
const run = `(async () => {
  const { Gate, Verifier } = gatePackage;
  const verifier = new Verifier({ ...asked.verifier, nowMs: () => asked.nowMs });
  await verifier.ready();
  const gate = new Gate(verifier, { purpose: "analytics" });
  const out = await gate.lines(asked.lines);
  return JSON.stringify({ out, counts: gate.counts, hasNode: typeof process !== "undefined" || typeof Buffer !== "undefined" });
})()`;
process.stdout.write(await vm.runInContext(run, context));
