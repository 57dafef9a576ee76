import type { Consent, Cookiegate } from "./cookiegate.js";

export type * from "./cookiegate.js";

export interface Options {
  /** Address of the service, without a path; empty where the page's own origin passes its addresses on. */
  readonly service: string;
  /** The policy's id of the site. */
  readonly site: string;
  /** A language of the policy, for pages that know their own. Without it: the page's `lang`, then the browser's. */
  readonly lang?: string;
  /** The core alone, for pages with an interface of their own. */
  readonly headless?: boolean;
  /** For pages whose content security policy names nonces. */
  readonly nonce?: string;
}

/** Without an interface there is nothing to open, and nothing is held. */
export type Headless = Omit<Cookiegate, "open" | "held">;

/**
 * Loads the script, once for a page: every further call gets the same promise, and a script tag that was there before
 * is found. Rejects with an `Error` that says why where it cannot be had (after which the next call tries again) and
 * with a `TypeError` where an option is wrong. Until it resolves, nothing is granted.
 */
export function load(options: Options & { readonly headless: true }): Promise<Headless>;
export function load(options: Options): Promise<Cookiegate>;

/**
 * Calls `listener` with what holds, once the script is there and after every change. A script that cannot be loaded is
 * a line in the console: nothing is granted then. Returns a function that ends it.
 */
export function watch(options: Options, listener: (consent: Consent) => void): () => void;
