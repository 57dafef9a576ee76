/** A key set or a status list that cannot be read or trusted; the sentence names it. */
export class SourceError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "SourceError";
  }
}

/**
 * An option that nobody reads would leave undone what it was given for.
 *
 * @param {object} options
 * @param {readonly string[]} known
 * @throws {TypeError} naming the first that is not known
 */
export function refuseUnknown(options, known) {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`there is no option ${unknown}; there are ${known.join(", ")}`);
}
