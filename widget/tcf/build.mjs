/**
 * Bundles the files for IAB TCF and GPP into ../../static/tcf, which git ignores, with the licences of what is inside.
 *
 *   node build.mjs
 */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ROOT = new URL("./", import.meta.url);
const OUT = new URL("../../static/tcf/", ROOT);
const NAMES = ["tcf", "gpp"];

/** @param {string} name */
async function bundle(name) {
  const result = await build({
    entryPoints: [new URL(`src/${name}.js`, ROOT).pathname],
    bundle: true, write: false, minify: true, format: "esm", target: "es2020", charset: "utf8", metafile: true,
    legalComments: "none", absWorkingDir: ROOT.pathname, mainFields: ["module", "main"],
  });
  return { code: result.outputFiles[0].text, inputs: Object.keys(result.metafile.inputs) };
}

/** The packages that a bundle's modules come from. @param {string[]} inputs */
function packagesOf(inputs) {
  const names = inputs.map((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined).sort();
}

/** What a package says of itself, and the texts of its licence. @param {string} name */
async function notice(name) {
  const folder = new URL(`node_modules/${name}/`, ROOT);
  const facts = JSON.parse(await readFile(new URL("package.json", folder), "utf8"));
  if (facts.license !== "Apache-2.0") throw new Error(`${name} has the licence ${facts.license}: look before it is shipped`);
  const author = typeof facts.author === "object" ? facts.author.name : facts.author;
  const lines = [`${name} ${facts.version}`, `Licence: ${facts.license}`, `Author: ${author ?? "IAB Tech Lab"}`];
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), "utf8")));
  return [lines.join("\n"), ...texts.map((text) => text.trim())].join("\n\n");
}

await mkdir(OUT, { recursive: true });
const found = new Set();
const rows = {};
for (const name of NAMES) {
  const { code, inputs } = await bundle(name);
  for (const one of packagesOf(inputs)) found.add(one);
  const head = `/*! cookiegate: ${name}. Holds ${packagesOf(inputs).join(", ")} (Apache-2.0): THIRD-PARTY-NOTICES.txt */\n`;
  await writeFile(new URL(`${name}.js`, OUT), head + code);
  rows[`${name}.js`] = { raw: code.length, gzip: gzipSync(code, { level: 9 }).length };
}
const notices = await Promise.all([...found].sort().map(notice));
const own = await readFile(new URL("../../LICENSE", ROOT), "utf8");
const intro = "tcf.js and gpp.js hold code of these packages. All are under the Apache License 2.0, whose text is at the end.";
await writeFile(new URL("THIRD-PARTY-NOTICES.txt", OUT), `${[intro, ...notices, own.trim()].join(`\n\n${"-".repeat(80)}\n\n`)}\n`);
console.table(rows);
