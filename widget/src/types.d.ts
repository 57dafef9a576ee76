/** The shapes that pass between the modules and come from the service. Types only: nothing of this is in the bundle. */

import type { Consent, Choice as Wish } from "./cookiegate.js";
import type { ConsentState } from "./consent.js";
import type { Journal } from "./journal.js";
import type { Service } from "./service.js";
import type { Tokens } from "./tokens.js";

export type { Action, Choice as Wish, Consent, Cookiegate, HeldCall } from "./cookiegate.js";

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
  /** What is lost by saying no. */
  loss_text?: string;
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
  /** Where a refusal counts for longer. */
  refused_days?: number;
  texts: Record<string, string>;
  theme: Record<string, string>;
  links?: { policy: string | null };
  holds_since?: number;
}

/** What the server writes in place of `__COOKIEGATE_CONFIG__`. */
export interface Config {
  site: string;
  api?: string;
  notice: Notice;
  holds_since: number;
  token_ttl_s: number;
  /** The domain whose sub-domains share a choice. */
  share?: string;
  /** For the part of that name: the trackers to whose client ids tokens are bound. */
  bindings?: string[];
  /** For the part of that name: hosts that are held by themselves, and the purpose that each waits for. */
  guard?: Record<string, string>;
  /** For the part of that name: what a signal switches off, and whether Do Not Track counts. */
  signal?: { affects: string[]; dnt?: boolean };
  /** For the part of that name: text, path at the service, label. */
  region?: [string, string, string][];
  /**
   * For the part of that name: the languages of the policy by what a page may call them, null where none is meant; and
   * which code has their texts drawn on the record.
   */
  language?: { offers: Record<string, string | null>; code: string };
  /** For the part of that name: what vendors are told. */
  iab?: FrameworksConfig;
  /** For the part of that name: where the developer panel may be shown, and the SHA-256 of its file. */
  debug?: { origins: string[]; file: string };
  /** For the part of that name: on which sites the choice counts, too. */
  shared?: string;
  /** The texts, or a choice made elsewhere, are still to come; nothing is drawn. */
  waits?: boolean;
  /** A browser signal has answered all that would be asked. */
  answered?: boolean;
  /** SHA-256 of the second file, and of the third. */
  second?: string;
  covers?: string;
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
  /** The browser signal in spite of which purposes were allowed by name. */
  despite?: string | undefined;
}

/** The body of POST /v1/sites/<site>/decisions. */
export interface Decision {
  notice: string;
  ui?: string | undefined;
  action: string;
  purposes?: Record<string, boolean>;
  acquire?: Record<string, boolean>;
  epoch?: number;
  signal?: string;
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
  despite?: string | null;
}

export interface Answer {
  /** 0 where no answer came in time. */
  status: number;
  body: any;
  /** What Retry-After asked for, 0 where it did not. */
  retry_after_ms: number;
}

/** Where marks are looked for: each gives what a selector finds there. */
export type Places = ((selector: string) => NodeListOf<Element>)[];

/** A text or its key: alone, or followed by a link. */
export type Note = string | [text: string, href: string, label: string];

/** What a part is given. See "Parts" in the README. */
export interface Core {
  config: Config;
  /** Address of the service, without a slash at its end. */
  base: string;
  service: Service;
  tokens: Tokens;
  consent: ConsentState;
  journal: Journal;
  page: Pick<typeof import("./page.js"), "read" | "guarded" | "documents" | "parsed"> &
    /* not without an interface */ Pick<typeof import("./page.js"), "all" | "elements" | "webAddress">;
  /** The script tag that this came by, if the browser tells. */
  script: HTMLScriptElement | null;
  /** Not for pages with an interface of their own. */
  make: typeof import("./elements.js").make;
  /** Not before the part has returned. `shown` = digest of what the visitor decided on. */
  decide(choice: string | Wish, shown?: string): Promise<Consent>;
  /** Says how something went. Not before the part has returned. @param key of the text */
  say(key: string): void;
  /** Draws again what the visitor sees, after the notice changed. Not before the part has returned. */
  redraw(): void;
  /** Whether every one of them is in effect; false for none. */
  allows(purposes: string[]): boolean;
  /** Purposes whose trackers adapters stop, as far as the page has attached them. */
  stops?: Set<string>;
  /** A part may set it: called when the dialog opens, and when it closes. */
  opened?: (isOpen: boolean) => void;
  /** Becomes `window.cookiegate`; a part may add members. */
  api: any;
  on: {
    /** After every change. The first state is no change. */
    changed(listener: (now: Consent) => void): () => void;
    /** Purposes that were in effect in this page and are no more, when the page knows that. */
    refused(listener: (purposes: string[]) => void): () => void;
    /** The banner appears. */
    asked(listener: (reason: string) => void): () => void;
  };
  /** Ask these what else banner and dialog have to say, each time that they are drawn. */
  notes: ((layer: "banner" | "dialog") => Note[])[];
}

/** What the second file gives, and the third. */
export type Second = typeof import("./second.js");
export type Covers = typeof import("./covers.js");

/** What the first file lends to the second. */
export type Kit = Pick<typeof import("./choice.js"), "endsAt" | "madeAt" | "wanted"> &
  Pick<typeof import("./elements.js"), "button" | "iconButton" | "link" | "rootOf"> &
  Pick<typeof import("./layers.js"), "CROSS" | "authority" | "paragraphs"> &
  Pick<typeof import("./styles.js"), "addSheet">;

/** What the dialog is given. */
export interface DialogAct {
  /** Address of the policy. */
  policy: string;
  /** That of a page of the service, and of one below it. */
  address(page: string, more?: string): string;
  notes: Note[];
  decide(choice: string | Wish): void;
}

/** Code that few sites need: `parts/<name>.js`. Its config is `config[<name>]`. */
export type Part = (core: Core) => void;

/** What a visitor can do about a held box: show it this once, or grant what it needs. */
export interface CoverAct {
  once(): void;
  always(): void;
}

/** What the part `clean` removes while none of the purposes is granted: names, in which `*` stands for any text. */
export interface CleaningRule {
  purposes: string[];
  cookies?: string[];
  storage?: string[];
  databases?: string[];
  caches?: string[];
}

/** What the part `google` is given: the purpose of each of Google's consent types, and what else its tags are told. */
export interface GoogleConfig {
  types: Record<string, string>;
  options?: { wait_for_update?: number; region?: string[] };
  set?: Record<string, boolean>;
}

/** What TC strings are made from: numbers of the framework by purposes of the policy. */
export interface TcfConfig {
  /** SHA-256 of the file. */
  file: string;
  cmp_id: number;
  cmp_version: number;
  purposes: Record<string, number[]>;
  special_features: Record<string, number[]>;
  country: string;
  service_specific: boolean;
  standard_texts: boolean;
  /** Address of the vendor list, where it is not the service's own. */
  gvl?: string;
  /** The purpose under which the string is kept as a cookie. */
  cookie?: string;
}

/** What GPP strings are made from: for each opt-out the purposes that it stands for. */
export interface GppConfig {
  file: string;
  cmp_id: number;
  cmp_version: number;
  sections: string[];
  opt_outs: Record<string, string[]>;
}

/** What the part `iab` is given. `days` = how long a choice counts. */
export interface FrameworksConfig {
  days: number;
  tcf?: TcfConfig;
  gpp?: GppConfig;
}

/** What the files of the frameworks are told. */
export interface FrameworkState {
  /** The visitor is asked: nothing is answered yet. */
  asks: boolean;
  /** The dialog is open over an answer. */
  shows: boolean;
  /** Purposes in effect. */
  granted: string[];
  /** Of the choice: YYYYMMDD; empty where there is none. */
  day: string;
  language: string;
  gpc: boolean;
}

/** What the visitor sees of the core. */
export interface Face {
  render(): void;
  /** @param key of the text that says how it went */
  say(key: string): void;
  open(): void;
  /** Shows held boxes, or what stands in for them. */
  boxes(): void;
  /** A new choice as a whole ends what was shown once. */
  end(): void;
  /** Called whenever the page adds something. */
  follow(): void;
}

declare global {
  const __COOKIEGATE_CONFIG__: Config;
  const __COOKIEGATE_PARTS__: Part[];
  /** Whether this is the script without an interface. Settled by the build. */
  const __HEADLESS__: boolean;
  interface Navigator {
    readonly globalPrivacyControl?: boolean;
  }
}
