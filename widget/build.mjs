/**
 * Bundles the widget into ../static/widget and writes a manifest that ties the bundles to their sources.
 *
 *   node build.mjs           writes the files and prints their sizes
 *   node build.mjs --check   writes nothing; fails where the committed files differ from what the sources give
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";

const ROOT = new URL("./", import.meta.url);
const OUT = new URL("../static/widget/", ROOT);
const PLACEHOLDER = "__COOKIEGATE_CONFIG__";
/** Stands for the list of parts that a site needs: an array of expressions. */
const PARTS = "__COOKIEGATE_PARTS__";
const TARGET = "es2020";
/** Names of properties that only our own bundles use: these are made short, the same in all of one build. */
const INTERNAL = new RegExp(
  "^(isWaiting|purposeHolds|isConfirmed|isPending|adoptServed|retry_after_ms|missing|fetched|ensure|poke|drop|render" +
    "|CROSS|addSheet|authority|endsAt|iconButton|madeAt|paragraphs|rootOf)$",
);
/** What became of them. */
const short = { props: {} };
const SAMPLES = ["en.json", "ja.json"];

/** Tells Chromium to compile all at once: nothing here waits for a second call. Counts only as the very first bytes. */
const HINT = "//# allFunctionsCalledOnLoad\n";

/** Each file that is served, with its source, and what it may weigh with a sample's policy: bytes of gzip -9. */
const BUNDLES = {
  cookiegate: { entry: "main.js", format: "iife", places: [PLACEHOLDER, PARTS], budget: 11_000 },
  second: { entry: "second.js", format: "esm", places: [PLACEHOLDER], budget: 4_500 },
  covers: { entry: "covers.js", format: "esm", places: [PLACEHOLDER], budget: 4_000 },
  headless: { entry: "headless.js", format: "iife", places: [PLACEHOLDER, PARTS], budget: 5_000 },
  panel: { entry: "panel.js", format: "esm", places: [], budget: 5_000 },
};

/** What each bundle reads of its config. The server leaves out the rest, and no text that is not named here is sent. */
const READS = JSON.parse(await readFile(new URL("reads.json", ROOT), "utf8"));

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A style sheet, minified. @param {string | URL} path */
async function sheet(path) {
  const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
  // What a custom property holds is text to esbuild.
  return code.trim().replace(/(--[\w-]+:) /g, "$1").replace(/(var\(--[\w-]+,) /g, "$1");
}

/** Imports a .css file as the text of its minified self. */
const styles = {
  name: "styles",
  setup(bundler) {
    bundler.onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await sheet(path), loader: "text" }));
  },
};

async function bundle(name) {
  const { entry, format, places } = BUNDLES[name];
  const result = await build({
    entryPoints: [new URL(`src/${entry}`, ROOT).pathname],
    bundle: true, write: false, minify: true, format, target: TARGET, metafile: true,
    charset: "utf8", legalComments: "none", plugins: [styles], absWorkingDir: ROOT.pathname,
    tsconfigRaw: {}, define: { __HEADLESS__: String(name === "headless") },
  });
  await checkReads(name, Object.keys(result.metafile.inputs));
  // A second pass over the bundle: 3 % less after gzip.
  const compress = {
    passes: 3, ecma: 2020, hoist_funs: true, unsafe: true, unsafe_arrows: true, pure_getters: true,
  };
  const names = { props: short.props };
  const { code } = await minify(result.outputFiles[0].text, {
    ecma: 2020, toplevel: true, module: format === "esm", compress,
    mangle: { properties: { regex: INTERNAL } }, nameCache: names,
  });
  short.props = names.props;
  for (const place of places) {
    const count = code.split(place).length - 1;
    if (count !== 1) throw new Error(`${name}.js holds ${place} ${count} times; the server needs it once`);
  }
  return name === "cookiegate" ? HINT + code : code;
}

/** Every text that a bundle's sources name is one that the server is told to send with it, or with the first. */
async function checkReads(bundleName, inputs) {
  for (const input of inputs.filter((file) => file.endsWith(".js"))) {
    const source = await readFile(new URL(input, ROOT), "utf8");
    for (const [, key] of source.matchAll(/\btexts\.(\w+)/g)) {
      const isRead = [bundleName, "cookiegate"].some((name) => READS[name].notice?.texts?.[key]);
      if (!isRead) console.warn(`reads.json: ${bundleName} does not name the text ${key} of ${input}`);
    }
  }
}

/** What is built by itself knows nothing of names that were made short. @param {string} name @param {string} code */
function checkNames(name, code) {
  const short = code.replace(/\/\*[^]*?\*\/|\/\/ .*/g, "").match(/\w+/g)?.find((word) => INTERNAL.test(word));
  if (short) throw new Error(`${name} uses ${short}, which the bundles keep to themselves`);
}

/** A part as one expression: a function that the core is given to. @param {string} name */
async function part(name) {
  const result = await build({
    entryPoints: [new URL(`src/parts/${name}`, ROOT).pathname],
    bundle: true, write: false, format: "esm", target: TARGET, charset: "utf8",
    define: { __HEADLESS__: "true" }, // what it brings of ours is a copy of its own, as small as can be
  });
  checkNames(`parts/${name}`, result.outputFiles[0].text);
  // A module that exports its default alone, as a function that returns it.
  const module = /export \{\s*([\w$]+) as default\s*\};?\s*$/;
  if (!module.test(result.outputFiles[0].text)) throw new Error(`parts/${name} must export its default alone`);
  const wrapped = `(() => { ${result.outputFiles[0].text.replace(module, "return $1;")} })()`;
  const { code } = await minify(wrapped, { ecma: 2020, compress: { passes: 3, ecma: 2020, expression: true } });
  return code.replace(/;$/, "");
}

/** The files of a folder and its folders, by their names below it. @param {URL} folder */
async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile());
  return found.map((entry) => relative(folder.pathname, join(entry.parentPath ?? entry.path, entry.name))).sort();
}

async function sources() {
  const names = ["build.mjs", "package-lock.json", "package.json", "reads.json", "tsconfig.json"];
  for (const name of await filesIn(new URL("src/", ROOT))) names.push(`src/${name}`);
  const hashes = {};
  for (const name of names.sort()) hashes[name] = sha256(await readFile(new URL(name, ROOT)));
  return hashes;
}

async function outputs() {
  const files = {};
  for (const name of Object.keys(BUNDLES)) files[`${name}.js`] = await bundle(name);
  for (const name of await filesIn(new URL("src/parts/", ROOT))) files[`parts/${name}`] = await part(name);
  // The same styles on their own: the service keeps with them what the widget looks like.
  for (const name of ["style", "dialog", "cover"]) files[`${name}.css`] = await sheet(new URL(`src/${name}.css`, ROOT));
  files["cookiegate.d.ts"] = await readFile(new URL("src/cookiegate.d.ts", ROOT), "utf8");
  const hashes = Object.fromEntries(Object.keys(files).sort().map((name) => [name, sha256(files[name])]));
  const manifest = { placeholder: PLACEHOLDER, parts: PARTS, reads: READS, sources: await sources(), outputs: hashes };
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

/** As the server sends them: with a site's policy and texts in place. @param {Record<string, string>} files */
async function report(files) {
  const filled = (name, list = "") => files[`${name}.js`].replace(PARTS, () => `[${list}]`);
  const rows = {};
  for (const name of Object.keys(BUNDLES)) rows[`${name}, code alone`] = measure(filled(name));
  for (const name of Object.keys(files).filter((file) => file.startsWith("parts/"))) {
    rows[`cookiegate, code with ${name}`] = measure(filled("cookiegate", files[name]));
  }
  const heavy = [];
  for (const sample of SAMPLES) {
    const config = JSON.parse(await readFile(new URL(`sample/${sample}`, ROOT), "utf8"));
    for (const [name, { budget }] of Object.entries(BUNDLES)) {
      const size = measure(filled(name).replace(PLACEHOLDER, () => JSON.stringify(pick(config, READS[name]))));
      rows[`${name}, ${sample}`] = { ...size, budget };
      if (size.gzip > budget) heavy.push(`${name}.js with ${sample}: ${size.gzip} bytes gzip, the budget is ${budget}`);
    }
  }
  console.table(rows);
  if (heavy.length) throw new Error(heavy.join("\n"));
}

async function check(files) {
  for (const [name, text] of Object.entries(files)) {
    const committed = await readFile(new URL(name, OUT), "utf8").catch(() => "");
    if (committed !== text) throw new Error(`static/widget/${name} is not what the sources give: run npm run build`);
  }
}

const files = await outputs();
if (process.argv.includes("--check")) {
  await check(files);
} else {
  await mkdir(new URL("parts/", OUT), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(new URL(name, OUT), text);
  for (const name of await filesIn(OUT)) if (!(name in files)) await rm(new URL(name, OUT));
}
await report(files);
