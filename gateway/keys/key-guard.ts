import { randomUUID } from 'node:crypto';
import { InvalidInputError } from 'pointsman';
import { RefusalError } from '../problem.ts';
import type { KeyRecord } from '../state/key-record.ts';
import { toNanoUsd, toUsd } from '../state/key-record.ts';
import {
  type Account,
  ALL_KEYS,
  type GatewayState,
  type LimitName,
  type LimitRefusal,
  type ReserveRequest,
  type Standing,
  StateUnavailableError,
} from '../state/state.ts';
import type { Action, Admission, ExpectedUse, Grant, Guard, Reservation, Scope, Used } from './guard.ts';
import { idOfSecret, isSecretOf } from './secret.ts';

/** What all keys together may use, in the words of a key; null or left out is not limited. */
export interface SharedLimits {
  readonly requestsPerMinute?: number | null;
  readonly tokensPerMinute?: number | null;
  readonly budgetUsdPerDay?: number | null;
  readonly budgetUsdPerMonth?: number | null;
}

/** What a guard of keys goes by. */
export interface KeyGuardOptions {
  /** Where keys are kept, and what they used. Closed with the guard. */
  readonly state: GatewayState;
  /** Limits of all keys together. @default none */
  readonly allKeys?: SharedLimits;
  /** Milliseconds after which whoever reserved something is taken to have died. @default 600000 */
  readonly leaseMs?: number;
  /** What a request counts as whose gateway died: what was set aside, or nothing. @default 'charge' */
  readonly onExpiry?: 'charge' | 'release';
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
  /** Told what could not be counted as it was. */
  readonly onError?: (error: unknown) => void;
}

/** Keys that are remembered between requests. Each decision checks that they are still what they were. */
const MOST_REMEMBERED = 20_000;

const UNAVAILABLE_RETRY_MS = 1_000;

/** How often a decision begins anew because the key was changed meanwhile. */
const MOST_CHANGES = 5;

const COUNTED: ReadonlySet<Action> = new Set(['answer', 'decide']);

/** The guard of a gateway with keys: the one place that decides who may do what, and who pays. */
export function createKeyGuard(options: KeyGuardOptions): Guard {
  const guard = new KeyGuard(options);
  return {
    identify: (token) => guard.identify(token),
    admit: (asked) => guard.admit(asked),
    ready: () => options.state.ready(),
    close: () => guard.close(),
  };
}

/** What a key is asked for. */
type Wish = Pick<Admission, 'token' | 'router' | 'candidate'>;

class KeyGuard {
  readonly #state: GatewayState;
  readonly #allKeys: Account | null;
  readonly #leaseMs: number;
  readonly #onExpiry: 'charge' | 'release';
  readonly #clock: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #remembered = new Map<string, KeyRecord>();
  readonly #settling = new Set<Promise<void>>();

  constructor({ allKeys, clock, leaseMs, onError, onExpiry, state }: KeyGuardOptions) {
    this.#state = state;
    this.#allKeys = allKeys === undefined ? null : accountOf(ALL_KEYS, allKeys);
    this.#leaseMs = leaseMs ?? 600_000;
    this.#onExpiry = onExpiry ?? 'charge';
    this.#clock = clock ?? Date.now;
    this.#onError = onError ?? (() => {});
  }

  async identify(token: string | null): Promise<Scope> {
    return scopeOf(await this.#authenticate({ token, router: null, candidate: null }));
  }

  async admit(asked: Admission): Promise<Grant> {
    const key = await this.#authenticate(asked);
    // What calls a model is counted when it is known what it will cost, in one step with it.
    if (asked.action !== 'answer') await this.#take(asked, key, { tokens: 0, nanoUsd: 0, isHeld: false });
    return {
      keyId: key.id,
      tier: key.tier,
      tags: key.tags,
      ...scopeOf(key),
      onBudget: key.onBudget,
      reserve: (expected) => this.#reserve(asked, key, expected),
    };
  }

  async #reserve(asked: Admission, key: KeyRecord, expected: ExpectedUse): Promise<Reservation> {
    const { candidate, costUsd, inputTokens } = expected;
    if (key.candidates !== null && !key.candidates.includes(candidate))
      throw new RefusalError('forbidden', `This key may not use the candidate \`${candidate}\`.`);
    if (costUsd === null) this.#checkUnpriced(key, candidate);
    const { id, standing } = await this.#take(asked, key, {
      tokens: Math.ceil(inputTokens),
      nanoUsd: toNanoUsd(costUsd ?? 0, `The expected cost of \`${candidate}\``),
      isHeld: true,
    });
    let isSettled = false;
    return {
      headers: standing === undefined ? {} : standingHeaders(key, standing),
      settle: async (used) => {
        if (isSettled) return;
        isSettled = true;
        const settling = this.#settle(id, used).finally(() => this.#settling.delete(settling));
        this.#settling.add(settling);
        await settling;
      },
    };
  }

  /** What nobody knows the price of cannot be kept within a budget. */
  #checkUnpriced(key: KeyRecord, candidate: string): void {
    const limits = [accountOf(key.id, key).limits, this.#allKeys?.limits];
    if (limits.every((of) => (of?.nanoUsdPerDay ?? null) === null && (of?.nanoUsdPerMonth ?? null) === null))
      return;
    throw new RefusalError(
      'over-budget',
      `No price of \`${candidate}\` is known, so that no budget can cover it. Give its prices, 0 where it is free.`,
    );
  }

  /** Takes what is asked from every limit at once. @throws RefusalError of the limit that keeps it waiting for longest. */
  async #take(
    asked: Admission,
    admitted: KeyRecord,
    amount: Pick<ReserveRequest, 'tokens' | 'nanoUsd' | 'isHeld'>,
  ): Promise<{ id: string; standing: Standing | undefined }> {
    const id = randomUUID();
    let key = admitted;
    for (let tries = 0; tries < MOST_CHANGES; tries++) {
      const accounts = [accountOf(key.id, key), ...(this.#allKeys === null ? [] : [this.#allKeys])];
      const result = await this.#reachable(() =>
        this.#state.reserve({
          id,
          key: { id: key.id, version: key.version },
          accounts,
          requests: COUNTED.has(asked.action) ? 1 : 0,
          ...amount,
          leaseMs: this.#leaseMs,
          onExpiry: this.#onExpiry,
        }),
      );
      if (result.state === 'reserved') return { id, standing: result.standings[0] };
      if (result.state === 'refused') throw limitRefusal(result, accounts, amount, key);
      this.#remembered.delete(key.id);
      key = await this.#authenticate(asked);
    }
    throw new RefusalError('unavailable', 'This key is being changed. Ask again.', UNAVAILABLE_RETRY_MS);
  }

  /** What is being settled is, first: else what was set aside would count until its lease is over. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#settling);
    await this.#state.close();
  }

  async #settle(id: string, { costUsd, inputTokens, outputTokens }: Used): Promise<void> {
    try {
      let nanoUsd: number | null = null;
      try {
        nanoUsd = costUsd === null ? null : toNanoUsd(costUsd, 'The cost of a request');
      } catch (error) {
        // What it cost is not known then, and what was set aside counts.
        this.#onError(error);
      }
      await this.#state.settle({
        id,
        nanoUsd,
        inputTokens: wholeTokens(inputTokens),
        outputTokens: wholeTokens(outputTokens),
      });
    } catch (error) {
      this.#onError(error);
    }
  }

  /** The key that a request brought, when it may do what is asked. @throws RefusalError else. */
  async #authenticate(asked: Wish): Promise<KeyRecord> {
    const { token } = asked;
    if (token === null)
      throw new RefusalError(
        'unauthenticated',
        'A key is needed: send it as `Authorization: Bearer pm-...`.',
      );
    const id = idOfSecret(token);
    const remembered = id === null ? undefined : this.#remembered.get(id);
    // What is remembered may let a request go on, since a decision checks it; it may not turn one away.
    if (remembered !== undefined && this.#objection(token, asked, remembered) === null) return remembered;
    const key = id === null ? undefined : await this.#readKey(id);
    const objection = this.#objection(token, asked, key);
    if (key === undefined || objection !== null) throw objection!;
    return key;
  }

  /** Why a key may not do what is asked. */
  #objection(token: string, asked: Wish, key: KeyRecord | undefined): RefusalError | null {
    const { candidate, router } = asked;
    // The same sentence, and the same work, whether it does not exist, is wrong, has run out or is disabled.
    const isRight = isSecretOf(token, key, this.#clock());
    if (key === undefined || !isRight || key.disabled || this.#isOver(key))
      return new RefusalError('unauthenticated', 'This key is not known, has expired, or is disabled.');
    if (router !== null && key.routers !== null && !key.routers.includes(router))
      return new RefusalError('forbidden', `This key may not use the router \`${router}\`.`);
    if (candidate !== null && !mayName(key, candidate))
      return new RefusalError('forbidden', `This key may not use the candidate \`${candidate}\`.`);
    return null;
  }

  #isOver({ expiresAt }: KeyRecord): boolean {
    return expiresAt !== null && this.#clock() >= Date.parse(expiresAt);
  }

  async #readKey(id: string): Promise<KeyRecord | undefined> {
    const key = await this.#reachable(() => this.#state.key(id));
    if (key === undefined) {
      this.#remembered.delete(id);
      return undefined;
    }
    if (this.#remembered.size >= MOST_REMEMBERED)
      this.#remembered.delete(this.#remembered.keys().next().value!);
    this.#remembered.set(id, key);
    return key;
  }

  async #reachable<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      if (!(cause instanceof StateUnavailableError)) throw cause;
      this.#onError(cause);
      const message = 'Keys and budgets cannot be read just now. Ask again.';
      throw new RefusalError('unavailable', message, UNAVAILABLE_RETRY_MS, { cause });
    }
  }
}

function scopeOf(key: KeyRecord): Scope {
  const { candidates, routers } = key;
  return { candidates, routers, mayName: (candidate) => mayName(key, candidate) };
}

/** A key that is kept to some routers names no candidate but those it lists. */
function mayName({ candidates, routers }: KeyRecord, candidate: string): boolean {
  return candidates === null ? routers === null : candidates.includes(candidate);
}

/** @throws InvalidInputError for limits that are no numbers. */
function accountOf(id: string, limits: SharedLimits): Account {
  const perMinute = (value: number | null | undefined, what: string) => {
    if (value === null || value === undefined) return null;
    if (!Number.isFinite(value) || value < 0)
      throw new InvalidInputError(`${what} must be a number ≥ 0. Got ${value}.`);
    return value;
  };
  const budget = (value: number | null | undefined, what: string) =>
    value === null || value === undefined ? null : toNanoUsd(value, what);
  return {
    id,
    limits: {
      requestsPerMinute: perMinute(limits.requestsPerMinute, 'Requests a minute'),
      tokensPerMinute: perMinute(limits.tokensPerMinute, 'Tokens a minute'),
      nanoUsdPerDay: budget(limits.budgetUsdPerDay, 'A budget a day'),
      nanoUsdPerMonth: budget(limits.budgetUsdPerMonth, 'A budget a month'),
    },
  };
}

const wholeTokens = (tokens: number): number =>
  Number.isFinite(tokens) && tokens > 0 ? Math.min(Math.ceil(tokens), 1e12) : 0;

interface Refused {
  readonly refusal: LimitRefusal;
  readonly standings: readonly Standing[];
}

/** What a refusal is called in an error, and why. */
function limitRefusal(
  { refusal, standings }: Refused,
  accounts: readonly Account[],
  { nanoUsd, tokens }: { readonly nanoUsd: number; readonly tokens: number },
  key: KeyRecord,
): RefusalError {
  const at = accounts.findIndex(({ id }) => id === refusal.account);
  const { limits } = accounts[at];
  const standing = standings[at];
  const whose = refusal.account === ALL_KEYS ? 'All keys together' : 'This key';
  const budget = (period: string, most: number, used: number) =>
    `${whose} may spend $${usd(most)} a ${period} of UTC. $${usd(used)} of it is spent or set aside, and this request is expected ` +
    `to cost $${usd(nanoUsd)}.`;
  const sentences: Record<LimitName, () => string> = {
    'requests-per-minute': () => `${whose} may make ${limits.requestsPerMinute} requests a minute, and has.`,
    'tokens-per-minute': () =>
      `${whose} may use ${limits.tokensPerMinute} tokens a minute. ${Math.ceil(standing.tokensUsed)} are in use, and this ` +
      `request is ${tokens} at least.`,
    'budget-per-day': () => budget('day', limits.nanoUsdPerDay!, standing.dayNanoUsd),
    'budget-per-month': () => budget('month', limits.nanoUsdPerMonth!, standing.monthNanoUsd),
  };
  const { limit, retryAfterMs } = refusal;
  const when =
    retryAfterMs === null
      ? 'Waiting is of no use: it is more than the whole limit.'
      : `Ask again in ${duration(retryAfterMs)}.`;
  return new RefusalError(
    limit.startsWith('budget') ? 'over-budget' : 'rate-limited',
    `${sentences[limit]()} ${when}`,
    retryAfterMs,
    { limit, headers: { ...standingHeaders(key, standings[0]), 'x-pointsman-limit': limit } },
  );
}

/** What is left of the limits of a key, under the names that OpenAI gave them; of budgets, under ours. */
function standingHeaders(key: KeyRecord, standing: Standing): Record<string, string> {
  const headers: Record<string, string> = {};
  const rate = (what: string, most: number | null, used: number) => {
    if (most === null) return;
    headers[`x-ratelimit-limit-${what}`] = String(most);
    headers[`x-ratelimit-remaining-${what}`] = String(Math.max(0, Math.floor(most - used + 1e-6)));
    headers[`x-ratelimit-reset-${what}`] = `${((60 * Math.max(0, used)) / most).toFixed(3)}s`;
  };
  rate('requests', key.requestsPerMinute, standing.requestsUsed);
  rate('tokens', key.tokensPerMinute, standing.tokensUsed);
  const budget = (period: string, most: number | null, usedNanoUsd: number) => {
    if (most === null) return;
    headers[`x-pointsman-budget-${period}-usd`] = String(most);
    headers[`x-pointsman-budget-${period}-left-usd`] = usd(Math.max(0, 1e9 * most - usedNanoUsd));
  };
  budget('day', key.budgetUsdPerDay, standing.dayNanoUsd);
  budget('month', key.budgetUsdPerMonth, standing.monthNanoUsd);
  return headers;
}

/** Without an exponent, and without zeros that say nothing. */
const usd = (nanoUsd: number): string =>
  toUsd(nanoUsd)
    .toFixed(9)
    .replace(/\.?0+$/, '');

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}
