/** Names of fields that hold what must never be acquired without prior consent; the terms are shared with Python. */
import { SENSITIVE } from "./tables/index.js";

const PREFIX = "sensitive ";
const LONGEST_NAME = 256;
const KNOWN_LIMIT = 8192;
const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g;
const split = SENSITIVE.terms.map((term) => term.split("-"));
/** Written together too: `bloodtype`. */
const WORDS = new Set(split.map((words) => words.join("")));
const PHRASES = new Set(split.filter((words) => words.length > 1).map((words) => words.join("-")));

/** @type {Map<string, boolean>} */
const known = new Map();

/** @param {string} word */
const singular = (word) =>
  word.endsWith("s") && !WORDS.has(word) && WORDS.has(word.slice(0, -1)) ? word.slice(0, -1) : word;

/** @param {string} path */
function judge(path) {
  const name = [...path.slice(-2 * LONGEST_NAME)].slice(-LONGEST_NAME).join("").normalize("NFKC");
  if (SENSITIVE.japanese.some((term) => name.includes(term))) return true;
  const words = (name.match(WORD) ?? []).map((word) => singular(word.toLowerCase()));
  if (words.some((word) => WORDS.has(word)) || WORDS.has(singular(words.join("")))) return true;
  return words.some((word, place) => PHRASES.has(`${word}-${words[place + 1]}`));
}

/** Whether a field's name or dotted path names something sensitive. @param {string} path */
function isSensitive(path) {
  // Strangers choose names: long ones are not kept.
  if (path.length > LONGEST_NAME) return judge(path);
  let found = known.get(path);
  if (found === undefined) {
    if (known.size >= KNOWN_LIMIT) known.clear();
    known.set(path, (found = judge(path)));
  }
  return found;
}

/**
 * What a field needs to pass: its category, or for a sensitive one an allowance of its own.
 *
 * @param {string} path
 * @param {string} category
 */
export const ruleOf = (path, category) => (isSensitive(path) ? PREFIX + path : category);

/** How a stripped field is counted: a sensitive one is told apart. @param {string} name */
export const label = (name) => (!name.startsWith(PREFIX) && isSensitive(name) ? PREFIX + name : name);
