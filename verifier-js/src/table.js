/** The shape of a tracker's table; the tables themselves are made from the ones in Python. */

/**
 * What a collector answers; the body is base64.
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {Readonly<Record<string, string>>} headers
 * @property {string} body
 */

/**
 * One level of a nested body: an object with a list in it, and what stands beside the list for all of its items.
 *
 * @typedef {{ list_at: string, shared: Readonly<Record<string, string>> }} Level
 */

/**
 * An address that the tracker sends to, and where the events are in such a request. Several routes may have one
 * address: the request's body tells which of them it is.
 *
 * @typedef {object} Route
 * @property {string} method
 * @property {string} path
 * @property {"body" | "query" | "form" | "lines"} events
 * @property {Answer} answer
 * @property {string | null} list_at
 * @property {boolean} many
 * @property {"object" | "query"} items
 * @property {Readonly<Record<string, string>>} envelope
 * @property {Readonly<Record<string, string>>} members
 * @property {readonly Level[]} levels
 * @property {string | null} packed_in
 * @property {Readonly<Record<string, string>>} query
 * @property {string | null} compression
 * @property {string | null} content_type
 */

/** @typedef {{ kind: string, base64: boolean, wrapper: string, of_type: string | null }} Document */
/** @typedef {{ path: string, unit: string, is_age: boolean }} TimeField */

/**
 * @typedef {object} TrackerTable
 * @property {string} name
 * @property {readonly Route[]} routes
 * @property {string} content_type
 * @property {Readonly<Record<string, string>>} fields
 * @property {Readonly<Record<string, string>>} headers
 * @property {Readonly<Record<string, string>>} cookies
 * @property {boolean} flat
 * @property {readonly string[]} attributes
 * @property {readonly string[]} values
 * @property {string | null} type_field
 * @property {readonly string[]} types
 * @property {readonly string[]} token_fields
 * @property {Readonly<Record<string, Document>>} documents
 * @property {Readonly<Record<string, Readonly<Record<string, string>>>>} schemas
 * @property {string | null} token_schema
 * @property {readonly TimeField[]} time_fields
 * @property {readonly string[]} binding_fields
 * @property {readonly string[]} binding_same
 */

export {};
