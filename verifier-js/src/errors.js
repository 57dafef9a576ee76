/** A key set or a status list that cannot be read or trusted; the sentence names it. */
export class SourceError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "SourceError";
  }
}
