import type { KeyRecord } from './key-record.ts';
import { Ledger } from './ledger.ts';
import { dayOf } from './limits.ts';
import { createMemory, type Memo, type Memory } from './memory.ts';
import type { Charge, RedisState } from './redis-state.ts';
import {
  type Account,
  type DayUse,
  type GatewayState,
  type ReserveRequest,
  type ReserveResult,
  type Settlement,
  StateUnavailableError,
} from './state.ts';

export interface OutageOptions {
  /** What happens to requests while Redis does not answer: none is let through, or those that an allowance covers. @default 'refuse' */
  readonly onUnreachable?: 'refuse' | 'allow';
  /** Billionths of a dollar that each gateway may let each account that has a budget spend a day while Redis does not answer. @default 1e9 */
  readonly allowanceNanoUsd?: number;
  /** Milliseconds between looks whether it answers again. @default 250 */
  readonly probeEveryMs?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

/** What Redis is to be told when it answers again. */
type Waiting =
  | { readonly kind: 'settle'; readonly settlement: Settlement }
  | { readonly kind: 'charge'; readonly charge: Charge };

/** Beyond it nothing more is let through: what cannot be remembered cannot be counted. */
const MOST_WAITING = 100_000;

const AT_ONCE = 64;

/** Milliseconds that closing waits for Redis. */
const CLOSE_MS = 2_000;

/**
 * A Redis that may be gone for a while. What is not said in time is not said at all: requests are refused, or let through on an
 * allowance of this gateway alone. All that was settled meanwhile is told to Redis when it is back, each request once, under the id that
 * it may have been reserved with.
 */
export class OutageState implements GatewayState {
  readonly #redis: RedisState;
  readonly #allows: boolean;
  readonly #allowanceNanoUsd: number;
  readonly #probeEveryMs: number;
  readonly #clock: () => number;
  /** Kept from one outage to the next, so that many short ones allow no more than a long one. */
  readonly #local = new Ledger();
  readonly #waiting: Waiting[] = [];
  readonly #memory: Memory;
  #probe: NodeJS.Timeout | null = null;
  #catchingUp: Promise<void> | null = null;
  #isOut = false;
  #isClosed = false;

  constructor(redis: RedisState, options: OutageOptions = {}) {
    this.#redis = redis;
    this.#allows = options.onUnreachable === 'allow';
    this.#allowanceNanoUsd = options.allowanceNanoUsd ?? 1e9;
    this.#probeEveryMs = options.probeEveryMs ?? 250;
    this.#clock = options.clock ?? Date.now;
    this.#memory = createMemory(this.#clock);
  }

  key(id: string): Promise<KeyRecord | undefined> {
    return this.#asked(() => this.#redis.key(id));
  }

  keys(after: string | null, limit: number): Promise<KeyRecord[]> {
    return this.#asked(() => this.#redis.keys(after, limit));
  }

  writeKey(record: KeyRecord): Promise<boolean> {
    return this.#asked(() => this.#redis.writeKey(record));
  }

  deleteKey(id: string): Promise<boolean> {
    return this.#asked(() => this.#redis.deleteKey(id));
  }

  usage(account: string, days: number): Promise<DayUse[]> {
    return this.#asked(() => this.#redis.usage(account, days));
  }

  /** What this gateway remembers by itself, while Redis does not answer. */
  async recall(keys: readonly string[]): Promise<(string | undefined)[]> {
    if (this.#isOut) return this.#memory.recall(keys);
    return this.#asked(() => this.#redis.recall(keys)).catch(() => this.#memory.recall(keys));
  }

  async remember(memos: readonly Memo[], ttlMs: number): Promise<void> {
    await this.#memory.remember(memos, ttlMs);
    if (!this.#isOut) await this.#asked(() => this.#redis.remember(memos, ttlMs)).catch(() => {});
  }

  async reserve(request: ReserveRequest): Promise<ReserveResult> {
    if (this.#isOut) return this.#reserveHere(request);
    try {
      return await this.#asked(() => this.#redis.reserve(request));
    } catch (error) {
      if (!(error instanceof StateUnavailableError)) throw error;
      let result: ReserveResult | null = null;
      try {
        result = this.#tryHere(request);
      } finally {
        // Its settlement tells Redis, where there will be one.
        if (result?.state !== 'reserved' || !request.isHeld) this.#giveUp(request);
      }
      if (result === null) throw error;
      return result;
    }
  }

  async settle(settlement: Settlement): Promise<boolean> {
    const held = this.#local.held.get(settlement.id);
    if (held !== undefined) {
      this.#local.settle(settlement);
      const accounts = held.accounts.map(({ id }) => id);
      const nanoUsd = settlement.nanoUsd ?? held.nanoUsd;
      this.#tellLater({
        kind: 'charge',
        charge: { settlement: { ...settlement, nanoUsd }, accounts, day: held.day, requests: 1 },
      });
      return true;
    }
    if (!this.#isOut)
      try {
        return await this.#asked(() => this.#redis.settle(settlement));
      } catch (error) {
        if (!(error instanceof StateUnavailableError)) throw error;
      }
    this.#tellLater({ kind: 'settle', settlement });
    return true;
  }

  async ready(): Promise<boolean> {
    return this.#allows || (!this.#isOut && (await this.#redis.ready()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#probe !== null) clearTimeout(this.#probe);
    const until = Date.now() + CLOSE_MS;
    await this.#catchingUp;
    while (this.#waiting.length > 0 && Date.now() < until && (await this.#redis.ready()))
      await this.#catchUp();
    await this.#redis.close();
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof StateUnavailableError) {
        this.#isOut = true;
        this.#lookAgain();
      }
      throw error;
    }
  }

  #reserveHere(request: ReserveRequest): ReserveResult {
    const result = this.#tryHere(request);
    if (result === null)
      throw new StateUnavailableError('Redis does not answer, and nothing is let through without it.');
    return result;
  }

  /**
   * On the allowance, which bounds what has a budget; null when nothing is let through without Redis.
   * @throws StateUnavailableError when the allowance is used up.
   */
  #tryHere(request: ReserveRequest): ReserveResult | null {
    if (!this.#allows || this.#waiting.length >= MOST_WAITING) return null;
    const accounts = request.accounts.map((account) => this.#allowed(account));
    const result = this.#local.reserve({ ...request, accounts }, this.#clock());
    if (result.state !== 'refused' || !result.refusal.limit.startsWith('budget')) return result;
    throw new StateUnavailableError(
      'Redis does not answer, and what this gateway may let through without it is used up.',
    );
  }

  #allowed({ id, limits }: Account): Account {
    const { nanoUsdPerDay, nanoUsdPerMonth } = limits;
    if (nanoUsdPerDay === null && nanoUsdPerMonth === null) return { id, limits };
    const most = Math.min(nanoUsdPerDay ?? Infinity, nanoUsdPerMonth ?? Infinity, this.#allowanceNanoUsd);
    return { id, limits: { ...limits, nanoUsdPerDay: most } };
  }

  /** Whatever Redis may have made, or may yet make, of a request that goes no further counts nothing. */
  #giveUp({ accounts, id }: ReserveRequest): void {
    this.#tellLater({
      kind: 'charge',
      charge: {
        settlement: { id, nanoUsd: 0, inputTokens: 0, outputTokens: 0 },
        accounts: accounts.map((account) => account.id),
        day: dayOf(this.#clock()),
        requests: 0,
      },
    });
  }

  #tellLater(waiting: Waiting): void {
    // What is dropped here stays counted in Redis at what was set aside.
    if (this.#waiting.length < 2 * MOST_WAITING) this.#waiting.push(waiting);
    this.#lookAgain();
  }

  #lookAgain(): void {
    if (this.#isClosed) return;
    this.#probe ??= setTimeout(async () => {
      const isBack = await this.#redis.ready();
      if (isBack) await this.#catchUp();
      this.#probe = null;
      if (isBack) this.#isOut = false;
      if (this.#isOut || this.#waiting.length > 0) this.#lookAgain();
    }, this.#probeEveryMs).unref();
  }

  /** Tells Redis what waits, until it does not answer. */
  #catchUp(): Promise<void> {
    const tell = async () => {
      while (this.#waiting.length > 0) {
        const some = this.#waiting.slice(0, AT_ONCE);
        // Each counts once, however often it is told.
        await Promise.all(
          some.map((one) =>
            one.kind === 'settle' ? this.#redis.settle(one.settlement) : this.#redis.charge(one.charge),
          ),
        );
        this.#waiting.splice(0, some.length);
      }
    };
    this.#catchingUp ??= tell()
      .catch(() => {})
      .finally(() => {
        this.#catchingUp = null;
      });
    return this.#catchingUp;
  }
}
