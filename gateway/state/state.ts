import { PointsmanError } from 'pointsman';
import type { KeyRecord } from './key-record.ts';
import type { Memory } from './memory.ts';

/**
 * What a gateway remembers of keys and of what they used. One suite of tests runs over every implementation.
 *
 * Money is counted in billionths of a dollar, in whole numbers, so that sums are exact. Days and months are those of UTC.
 */
export interface GatewayState extends Memory {
  /** The record of a key; undefined for one that does not exist. */
  key(id: string): Promise<KeyRecord | undefined>;
  /** Keys by their ids, in order: those after one, or from the first. */
  keys(after: string | null, limit: number): Promise<KeyRecord[]>;
  /**
   * Writes a key, when what is there is of the version before; version 1 is a new one.
   * @returns whether it was written: false when somebody else was faster.
   */
  writeKey(record: KeyRecord): Promise<boolean>;
  /** @returns whether there was one. What it used stays in the books. */
  deleteKey(id: string): Promise<boolean>;
  /** Checks every limit of every account, and takes from all of them or from none. Asked twice with one id, it takes once. */
  reserve(request: ReserveRequest): Promise<ReserveResult>;
  /**
   * Puts what a request really took in the place of what was set aside for it.
   * @returns whether it was counted now: false for one that was settled before, or never reserved.
   */
  settle(settlement: Settlement): Promise<boolean>;
  /** What an account used, a row a day on which it used anything, the latest first. */
  usage(account: string, days: number): Promise<DayUse[]>;
  /** Whether a decision can be made now. */
  ready(): Promise<boolean>;
  /** Writes what waits, and lets go of files and connections. */
  close(): Promise<void>;
}

/** The account of all keys together. */
export const ALL_KEYS = '*';

/** What an account may use; null is no limit. */
export interface AccountLimits {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly nanoUsdPerDay: number | null;
  readonly nanoUsdPerMonth: number | null;
}

/** Whose use is counted: a key, by its id, or all keys together. */
export interface Account {
  readonly id: string;
  readonly limits: AccountLimits;
}

export interface ReserveRequest {
  /** Of this request and no other. */
  readonly id: string;
  /** The key must still be of this version; null where there is none. */
  readonly key: { readonly id: string; readonly version: number } | null;
  readonly accounts: readonly Account[];
  /** 1, or 0 for one that was counted before. */
  readonly requests: number;
  readonly tokens: number;
  readonly nanoUsd: number;
  /** Whether a settlement will follow; else it is counted as it is. */
  readonly isHeld: boolean;
  /** After this time without a settlement, whoever reserved it is taken to have died. */
  readonly leaseMs: number;
  /** What then becomes of the money: it counts as spent, or it is free again. A settlement that comes later still corrects it. */
  readonly onExpiry: 'charge' | 'release';
}

export type ReserveResult =
  | { readonly state: 'reserved'; readonly standings: readonly Standing[] }
  | { readonly state: 'refused'; readonly refusal: LimitRefusal; readonly standings: readonly Standing[] }
  /** The key is of another version, or is gone. */
  | { readonly state: 'key-changed' };

/** What an account has in use, what was just taken included. */
export interface Standing {
  readonly account: string;
  readonly requestsUsed: number;
  readonly tokensUsed: number;
  readonly dayNanoUsd: number;
  readonly monthNanoUsd: number;
}

export type LimitName = 'requests-per-minute' | 'tokens-per-minute' | 'budget-per-day' | 'budget-per-month';

/** The limit that keeps a request waiting for longest. */
export interface LimitRefusal {
  readonly account: string;
  readonly limit: LimitName;
  /** Until every limit lets it through, if nobody else asks; null when waiting is of no use. */
  readonly retryAfterMs: number | null;
}

export interface Settlement {
  readonly id: string;
  /** Null where nobody knows: then what was set aside counts. */
  readonly nanoUsd: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface DayUse {
  /** Such as `2026-11-29`, in UTC. */
  readonly day: string;
  /** Spent, and set aside for requests under way. */
  readonly nanoUsd: number;
  /** Of it, what is set aside. */
  readonly heldNanoUsd: number;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Requests that nobody settled in time: a gateway died. */
  readonly expired: number;
}

/** The state cannot be reached, or does not answer in time: nobody can say whether a request is within its limits. */
export class StateUnavailableError extends PointsmanError {
  override readonly name = 'StateUnavailableError';
  readonly code = 'STATE_UNAVAILABLE';
}
