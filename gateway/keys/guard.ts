/**
 * Where keys, limits and budgets come in: every route asks the guard before it does anything, and tells it what came of
 * it. Nothing else in the gateway knows of keys.
 */
export interface Guard {
  /**
   * Asked first of all, before a body is read: whether there is such a key at all.
   *
   * @param token the key as it came, without `Bearer`; null where there was none.
   * @returns what the key may be told of.
   * @throws RefusalError when there is none.
   */
  identify(token: string | null): Promise<Scope>;
  /**
   * Asked before the router decides.
   *
   * @throws RefusalError when the request must not go on.
   */
  admit(asked: Admission): Promise<Grant>;
  /** Whether requests can be decided on: the state of keys can be reached. For `/ready`. */
  ready(): Promise<boolean>;
  /** Writes what waits, and lets go of its state. */
  close(): Promise<void>;
}

/** What a client wants to do. */
export type Action =
  /** To have a model called: an answer, an embedding. */
  | 'answer'
  /** To have a decision made, and nothing called. */
  | 'decide'
  /** To read what was decided. */
  | 'read'
  /** To say how good an answer was. */
  | 'feedback';

/** What is known of a request before anything is decided. */
export interface Admission {
  readonly action: Action;
  /** The key as it came, without `Bearer`; null where there was none. Never logged, and never sent on. */
  readonly token: string | null;
  /** The router that is asked; null where a candidate is named or none is needed. */
  readonly router: string | null;
  /** The candidate that is named; null where a router is to choose. */
  readonly candidate: string | null;
  /** An estimate of the tokens that are sent; 0 where no model is called. */
  readonly inputTokens: number;
}

/** What of the gateway a key may use, and so what it is told of. */
export interface Scope {
  /** Routers that may be asked; null for all. */
  readonly routers: readonly string[] | null;
  /** Candidates that may be called; null for all. */
  readonly candidates: readonly string[] | null;
  /** Whether a request may name this candidate, or model of embeddings, and not leave the choice to a router. */
  mayName(candidate: string): boolean;
}

/** Whether a key is told of a candidate: it may be chosen for it, or be named by it. */
export function mayKnow({ candidates, mayName }: Scope, candidate: string): boolean {
  return (candidates?.includes(candidate) ?? true) || mayName(candidate);
}

/** What a key may do, and the way to pay for it. */
export interface Grant extends Scope {
  /** Whose it is, for logs and metrics; null without keys. No secret. */
  readonly keyId: string | null;
  /** The `tier` signal, where the key has one: what the request says of itself does not count then. */
  readonly tier: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /**
   * What is to happen when the budget does not cover the expected cost: the cheapest candidates within the limits are
   * taken, if it covers them, or the request is refused.
   */
  readonly onBudget: 'degrade' | 'refuse';
  /**
   * Asked once it is decided who is to be called, before anything is sent.
   *
   * @throws RefusalError, of the kind `over-budget` when a budget does not cover it, of the kind `rate-limited` when
   * there are too many tokens a minute. May be asked again with less.
   */
  reserve(expected: ExpectedUse): Promise<Reservation>;
}

/** What a request is expected to take. */
export interface ExpectedUse {
  readonly candidate: string;
  /** US dollars of the dearest thing that is likely to happen; null where no price is known. */
  readonly costUsd: number | null;
  readonly inputTokens: number;
}

/** Money and tokens that are set aside for one request. */
export interface Reservation {
  /** What is left of each limit of the key, as headers of the answer; empty where there is none. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * What it really took, once and in every case: of a request that nothing was sent for, nothing. Never throws: what
   * cannot be written down at once is the guard's to keep.
   */
  settle(used: Used): Promise<void>;
}

/** What a request has taken. */
export interface Used {
  /** US dollars of every attempt together; null where nobody knows: then what was reserved counts. */
  readonly costUsd: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Lets everybody do everything: a gateway without keys. */
export function createOpenGuard(): Guard {
  const reservation: Reservation = { headers: {}, settle: async () => {} };
  const grant: Grant = {
    keyId: null,
    tier: null,
    tags: {},
    routers: null,
    candidates: null,
    mayName: () => true,
    onBudget: 'refuse',
    reserve: async () => reservation,
  };
  return {
    identify: async () => grant,
    admit: async () => grant,
    ready: async () => true,
    close: async () => {},
  };
}
