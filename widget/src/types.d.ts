/** The shapes that pass between the modules and come from the service. Types only: nothing of this is in the bundle. */

import type { Service } from "./service.js";
import type { Tokens } from "./tokens.js";

export type { Action, Choice as Wish, Consent, Cookiegate } from "./cookiegate.js";

export interface Recipient {
  name: string;
  kind_text: string;
  country_name: string;
  url: string | null;
}

export interface Purpose {
  key: string;
  title: string;
  description: string;
  always_on: boolean;
  acquire: string[];
  retention_text: string;
  recipients: Recipient[];
}

export interface Category {
  key: string;
  title: string;
  description: string;
  optional: boolean;
}

/** The body of GET /v1/sites/<site>/notice. */
export interface Notice {
  notice: string;
  policy_version: number;
  locale: string;
  dir: string;
  controller: { name: string };
  purposes: Purpose[];
  acquire: Category[];
  ask_again_days: number;
  texts: Record<string, string>;
  theme: Record<string, string>;
  links: { policy: string | null };
  holds_since?: number;
}

/** What the server writes in place of `__COOKIEGATE_CONFIG__`. */
export interface Config {
  site: string;
  api: string;
  notice: Notice;
  holds_since: number;
  token_ttl_s: number;
  /** The trackers to whose client ids tokens are bound. */
  bind?: string[];
  /** SHA-256 of what banner and dialog look like. Not known for a notice that came after the script. */
  ui?: string | undefined;
}

/** What is allowed: sets of keys of optional purposes and of categories. */
export interface Grant {
  purposes: Set<string>;
  acquire: Set<string>;
}

/** The visitor's last choice as the cookie `cg_choice` tells it. */
export interface Choice extends Grant {
  state: "undecided" | "granted" | "refused";
  version: number | null;
  /** YYYYMMDD, UTC. */
  day: string;
  epoch: number | null;
}

/** The body of POST /v1/sites/<site>/decisions. */
export interface Decision {
  notice: string;
  ui?: string | undefined;
  action: string;
  purposes?: Record<string, boolean>;
  acquire?: Record<string, boolean>;
  epoch?: number;
  bind?: Record<string, string> | undefined;
}

/** A decision that the service has not acknowledged yet. `sent` = its body may be known there: it must not change. */
export interface Pending {
  key: string;
  body: Decision;
  sent: boolean;
}

/** CONSENT, as the service answers it. */
export interface ServedConsent {
  state: "undecided" | "granted" | "refused";
  policy_version: number | null;
  epoch: number;
  purposes: Record<string, boolean>;
  acquire: Record<string, boolean>;
  decided_at: string | null;
}

export interface Answer {
  /** 0 where no answer came in time. */
  status: number;
  body: any;
  /** What Retry-After asked for, 0 where it did not. */
  retry_after_ms: number;
}

/** What may stand in place of `__COOKIEGATE_BINDINGS__`: the code that binds tokens to trackers' clients. */
export type Binder = (config: Config, service: Service, tokens: Tokens, read: (name: "cookie") => string) => void;

declare global {
  const __COOKIEGATE_CONFIG__: Config;
  const __COOKIEGATE_BINDINGS__: Binder | null;
  interface Navigator {
    readonly globalPrivacyControl?: boolean;
  }
}
