/**
 * What the cookiegate script gives a page: `window.cookiegate`.
 *
 * Nothing here throws or rejects: while the service cannot be reached nothing is granted, and `token()` gives null.
 */

/** What holds in this page now. Frozen; a new one is made for every change. */
export interface Consent {
  /** What the visitor chose last; `undecided` also where the choice is too old or the policy has widened since. */
  readonly state: "undecided" | "granted" | "refused";
  /** Whether the visitor is to be asked. */
  readonly ask: boolean;
  readonly ask_reason: "undecided" | "policy_changed" | "expired" | null;
  /** Purpose key → in effect now. A grant takes effect once the service has acknowledged it, a refusal at once. */
  readonly purposes: Readonly<Record<string, boolean>>;
  /** Acquisition category → in effect now. */
  readonly acquire: Readonly<Record<string, boolean>>;
  /** The policy version that the choice was made under, or null. */
  readonly policy_version: number | null;
  /** Rises with every change of a granted consent; null where nothing is granted. */
  readonly epoch: number | null;
  /** A choice waits for the service's acknowledgement; it is sent again by itself. */
  readonly pending: boolean;
  /** The browser sends Global Privacy Control. */
  readonly gpc: boolean;
}

export type Action = "accept" | "reject" | "withdraw";

/** A choice by purpose and category. Keys that are left out are refused. */
export interface Choice {
  readonly purposes: Readonly<Record<string, boolean>>;
  readonly acquire?: Readonly<Record<string, boolean>>;
}

/** What was held by itself: how often, and for whom. */
export interface HeldCall {
  readonly kind: "script" | "iframe" | "img" | "link" | "fetch" | "xhr" | "beacon" | "socket" | "events";
  readonly host: string;
  readonly purpose: string;
  readonly count: number;
}

export interface Cookiegate {
  /** Resolves once the state is known and, where something is granted, the first token has come or failed to come. */
  readonly ready: Promise<Consent>;
  readonly consent: Consent;
  /**
   * The signed token, fresh enough to send; null unless something is granted.
   *
   * @param purpose ask for null unless this purpose is granted
   */
  token(purpose?: string): Promise<string | null>;
  /** Records a choice that the visitor made in your own interface. Resolves after the first attempt to save it. */
  decide(choice: Action | Choice): Promise<Consent>;
  /** Opens the dialog. */
  open(): void;
  /** What the policy's `attach` names. */
  readonly attach?: Attach;
  /** Calls `listener` after every change. Returns a function that ends that. */
  on(event: "change", listener: (consent: Consent) => void): () => void;
  /** What was held in this page by the policy's list of hosts; there only where it has one. */
  held?(): readonly HeldCall[];
}

/**
 * Adapters for trackers that the policy's `attach` names. Each gives its tracker the token, stops it and empties its
 * queue when the purpose is refused, and starts it again. Nothing else of the tracker is touched.
 */
export interface Attach {
  /** `newTracker("shop", COLLECTOR, attach.snowplow({ appId: "shop" }))` */
  snowplow?<Configuration extends object>(configuration?: Configuration): Configuration;
  /** `attach.matomo()`, before or after matomo.js is there. */
  matomo?(): void;
  /** `attach.posthog(posthog)`, right after `posthog.init(…)`. */
  posthog?(posthog: object): void;
  /** `attach.segment(analytics)`, right after `AnalyticsBrowser.load(…)`. */
  segment?(analytics: object): void;
  /** `attach.rudder(rudderanalytics)`, once the SDK is there. */
  rudder?(rudderanalytics: object): void;
  /** `attach.ga4("G-XXXXXXXX")`, before `gtag("config", …)`. */
  ga4?(...measurementIds: string[]): void;
  /** `init(attach.plausible({ domain, endpoint }))` */
  plausible?<Options extends object>(options: Options): Options;
  /** `window.beforeSend = attach.umami()`, with `data-before-send="beforeSend"` on Umami's script tag. */
  umami?(own?: (type: string, payload: any) => any): (type: string, payload: any) => Promise<any>;
}

declare global {
  interface Window {
    readonly cookiegate: Cookiegate;
  }
  interface DocumentEventMap {
    /** The same as `on("change")`, for pages that load the script later. */
    "cookiegate:change": CustomEvent<Consent>;
  }
}
