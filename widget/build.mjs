/**
 * Bundles the widget into ../static/widget and writes a manifest that ties the bundle to its sources.
 *
 *   node build.mjs           writes the files and prints their sizes
 *   node build.mjs --check   writes nothing; fails where the committed files differ from what the sources give
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";

const ROOT = new URL("./", import.meta.url);
const OUT = new URL("../static/widget/", ROOT);
const PLACEHOLDER = "__COOKIEGATE_CONFIG__";
/** Stands for code that few sites need: an expression, or null. */
const BINDINGS = "__COOKIEGATE_BINDINGS__";
/** Japanese takes three bytes a character and so a little more. */
const BUDGET_GZIP_BYTES = { "en.json": 11_000, "ja.json": 11_700 };
const TARGET = "es2020";

/** What the widget reads of a notice. The server leaves out the rest, and no text that is not named here is sent. */
const READS = JSON.parse(await readFile(new URL("reads.json", ROOT), "utf8"));

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A style sheet, minified. @param {string | URL} path */
async function sheet(path) {
  const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
  return code.trim();
}

/** Imports a .css file as the text of its minified self. */
const styles = {
  name: "styles",
  setup(bundler) {
    bundler.onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await sheet(path), loader: "text" }));
  },
};

async function bundle() {
  const result = await build({
    entryPoints: [new URL("src/main.js", ROOT).pathname],
    bundle: true, write: false, minify: true, format: "iife", target: TARGET,
    charset: "utf8", legalComments: "none", plugins: [styles],
  });
  // A second pass over the bundle: 3 % less after gzip.
  const compress = { passes: 3, ecma: 2020, hoist_funs: true };
  const { code } = await minify(result.outputFiles[0].text, { ecma: 2020, toplevel: true, compress });
  for (const name of [PLACEHOLDER, BINDINGS]) {
    const places = code.split(name).length - 1;
    if (places !== 1) throw new Error(`the bundle holds ${name} ${places} times; the server needs it once`);
  }
  return code;
}

/** The part that binds tokens, as one expression. */
async function bindings() {
  const result = await build({
    entryPoints: [new URL("src/bindings.js", ROOT).pathname],
    bundle: true, write: false, format: "iife", globalName: "binder", target: TARGET, charset: "utf8",
  });
  // Whatever is asked of the bundle's exports, its default is what it gives.
  const wrapped = `(() => { ${result.outputFiles[0].text}; return binder.default })()`;
  const { code } = await minify(wrapped, { ecma: 2020, compress: { passes: 3, ecma: 2020, expression: true } });
  return code.replace(/;$/, "");
}

async function sources() {
  const names = ["build.mjs", "package-lock.json", "package.json", "reads.json", "tsconfig.json"];
  for (const name of await readdir(new URL("src/", ROOT))) names.push(`src/${name}`);
  const hashes = {};
  for (const name of names.sort()) hashes[name] = sha256(await readFile(new URL(name, ROOT)));
  return hashes;
}

async function outputs() {
  const files = {
    "cookiegate.js": await bundle(),
    "bindings.js": await bindings(),
    // The same styles on their own: the service keeps with them what the widget looks like.
    "cookiegate.css": await sheet(new URL("src/style.css", ROOT)),
    "cookiegate.d.ts": await readFile(new URL("src/cookiegate.d.ts", ROOT), "utf8"),
  };
  const hashes = Object.fromEntries(Object.keys(files).sort().map((name) => [name, sha256(files[name])]));
  const manifest = { placeholder: PLACEHOLDER, bindings: BINDINGS, reads: READS, sources: await sources(), outputs: hashes };
  files["manifest.json"] = `${JSON.stringify(manifest, null, 2)}\n`;
  return files;
}

function measure(text) {
  const bytes = Buffer.from(text);
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli.length };
}

/** The part of a value that a shape names: a list of keys, or by key the shape of what it holds. */
function pick(value, shape) {
  if (Array.isArray(value)) return value.map((item) => pick(item, shape));
  if (shape === true || value === null) return value;
  return Object.fromEntries(Object.keys(shape).filter((key) => key in value).map((key) => [key, pick(value[key], shape[key])]));
}

/** As the server sends it: with a site's policy and texts in place. */
async function report(whole, binding) {
  const code = whole.replace(BINDINGS, () => "null");
  const rows = { "code alone": measure(code), "with bindings": measure(whole.replace(BINDINGS, () => binding)) };
  for (const [name, budget] of Object.entries(BUDGET_GZIP_BYTES)) {
    const config = JSON.parse(await readFile(new URL(`sample/${name}`, ROOT), "utf8"));
    rows[name] = measure(code.replace(PLACEHOLDER, () => JSON.stringify(pick(config, READS))));
    if (rows[name].gzip > budget) throw new Error(`${name}: ${rows[name].gzip} bytes gzip, the budget is ${budget}`);
  }
  console.table(rows);
}

/** Every text that the sources name is one that the server is told to send. */
async function checkReads() {
  for (const name of (await readdir(new URL("src/", ROOT))).filter((file) => file.endsWith(".js"))) {
    const source = await readFile(new URL(`src/${name}`, ROOT), "utf8");
    for (const [, key] of source.matchAll(/\btexts\.(\w+)/g)) {
      if (!READS.notice.texts[key]) throw new Error(`reads.json does not name the text ${key} of ${name}`);
    }
  }
}

async function check(files) {
  for (const [name, text] of Object.entries(files)) {
    const committed = await readFile(new URL(name, OUT), "utf8").catch(() => "");
    if (committed !== text) throw new Error(`static/widget/${name} is not what the sources give: run npm run build`);
  }
}

await checkReads();
const files = await outputs();
if (process.argv.includes("--check")) {
  await check(files);
} else {
  await mkdir(OUT, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(new URL(name, OUT), text);
}
await report(files["cookiegate.js"], files["bindings.js"]);
