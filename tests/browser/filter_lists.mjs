/**
 * Reads filter lists as a content blocker does.
 *
 *   node filter_lists.mjs FOLDER < IN > OUT     FOLDER has the packages
 *
 * In: `{ lists: [path], asked: [{ url, page, type }] }`. Out: `{ filters, stopped: [{ url, filter }], selectors: [css] }`:
 * what would be blocked and by what, and every selector by which elements are hidden on any site.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { FiltersEngine, Request, parseFilters } = createRequire(`${process.argv[2]}/package.json`)("@ghostery/adblocker");

const { lists, asked } = JSON.parse(readFileSync(0, "utf8"));
/** A rule for the one host that it names in full, or for what is on one site: neither is about ours. */
const ELSEWHERE = /^!|^(?:@@)?(?:\|\|)?(?:[\w-]+\.)+[a-z]{2,}(?:[\^/:?$].*)?$|^[^#$/|*!@]+#[@$%?]*#/i;
const lines = lists.flatMap((path) => readFileSync(path, "utf8").split(/\r?\n/)).filter((line) => line && !ELSEWHERE.test(line));
const text = lines.join("\n");

const engine = FiltersEngine.parse(text, { loadCosmeticFilters: false });
const stopped = asked.flatMap(({ url, page, type }) => {
  const { match, filter } = engine.match(Request.fromRawDetails({ url, sourceUrl: page, type }));
  return match ? [{ url, filter: String(filter) }] : [];
});
const { cosmeticFilters } = parseFilters(text, { loadNetworkFilters: false });
const everywhere = cosmeticFilters.filter((each) => !each.hasHostnameConstraint() && !each.isUnhide() && !each.isScriptInject());
const selectors = [...new Set(everywhere.map((each) => each.getSelector()))];
process.stdout.write(JSON.stringify({ filters: lines.length, stopped, selectors }));
