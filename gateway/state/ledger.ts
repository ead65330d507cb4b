import { adjust, type Bucket, dayOf, drain, monthOf, refusalOf, take, withTaken } from './limits.ts';
import type { Account, DayUse, ReserveRequest, ReserveResult, Settlement, Standing } from './state.ts';

/** What was set aside for a request that is under way. */
export interface Held {
  readonly id: string;
  /** Each account with the place of its tokens in its bucket. */
  readonly accounts: readonly { readonly id: string; readonly place: number }[];
  /** The day that it is counted on, whenever it ends. */
  readonly day: string;
  readonly tokens: number;
  readonly nanoUsd: number;
  readonly expiresAtMs: number;
  readonly onExpiry: 'charge' | 'release';
  isExpired: boolean;
}

/** The two buckets of an account. */
export interface Buckets {
  readonly requests: Bucket;
  readonly tokens: Bucket;
}

export type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

/** What an account has in use. */
export interface Book {
  readonly buckets: Buckets;
  readonly days: Map<string, Mutable<DayUse>>;
  readonly months: Map<string, number>;
}

/** What has changed since it was last asked, for whoever writes it down. */
export interface LedgerChanges {
  readonly accounts: ReadonlySet<string>;
  readonly days: ReadonlyMap<string, ReadonlySet<string>>;
  readonly held: ReadonlySet<string>;
}

/** How long an expired reservation still waits for a late settlement. */
export const LATE_MS = 24 * 60 * 60 * 1000;

/** Days that are kept in memory: the month, and the one before. */
const KEPT_DAYS = 62;

/**
 * Accounts and what is in use of their limits, in memory: each call is one step that no other comes between. The Lua of
 * `redis-scripts.ts` is the same in Redis.
 */
export class Ledger {
  readonly books = new Map<string, Book>();
  readonly held = new Map<string, Held>();
  #nextExpiryMs = Infinity;
  #changes = noChanges();

  /** Takes up what was written down. */
  restoreHeld(held: Held): void {
    this.held.set(held.id, held);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, held.expiresAtMs);
  }

  /** @see GatewayState.reserve, which has checked the key. */
  reserve(request: ReserveRequest, nowMs: number): Exclude<ReserveResult, { state: 'key-changed' }> {
    this.expire(nowMs);
    const day = dayOf(nowMs);
    const before = request.accounts.map((account) => this.#standing(account, day, nowMs));
    if (this.held.has(request.id)) return { state: 'reserved', standings: before };
    const refusal = refusalOf(request, before, nowMs);
    if (refusal !== null) return { state: 'refused', refusal, standings: before };
    const accounts = request.accounts.map(({ id }) => {
      const { buckets } = this.books.get(id)!;
      take(buckets.requests, request.requests);
      const place = take(buckets.tokens, request.tokens);
      const use = this.#day(id, day);
      use.requests += request.requests;
      if (request.isHeld) use.heldNanoUsd += request.nanoUsd;
      this.#spend(id, day, request.nanoUsd);
      return { id, place };
    });
    const standings = before.map((standing) => withTaken(standing, request));
    if (!request.isHeld) return { state: 'reserved', standings };
    const { id, nanoUsd, onExpiry, tokens } = request;
    const expiresAtMs = nowMs + request.leaseMs;
    this.restoreHeld({ id, accounts, day, tokens, nanoUsd, expiresAtMs, onExpiry, isExpired: false });
    this.#changes.held.add(id);
    return { state: 'reserved', standings };
  }

  /** @see GatewayState.settle */
  settle({ id, inputTokens, nanoUsd, outputTokens }: Settlement): boolean {
    const held = this.held.get(id);
    if (held === undefined) return false;
    const counted = held.isExpired && held.onExpiry === 'release' ? 0 : held.nanoUsd;
    for (const account of held.accounts) {
      const { buckets } = this.book(account.id);
      adjust(buckets.tokens, held.tokens, inputTokens + outputTokens, account.place);
      const use = this.#day(account.id, held.day);
      use.inputTokens += inputTokens;
      use.outputTokens += outputTokens;
      if (!held.isExpired) use.heldNanoUsd -= held.nanoUsd;
      this.#spend(account.id, held.day, (nanoUsd ?? held.nanoUsd) - counted);
    }
    this.held.delete(id);
    this.#changes.held.add(id);
    return true;
  }

  /** Reservations whose time is over: whoever made them died. */
  expire(nowMs: number): void {
    if (nowMs < this.#nextExpiryMs) return;
    let next = Infinity;
    for (const held of this.held.values()) {
      if (held.isExpired && nowMs >= held.expiresAtMs + LATE_MS) {
        this.held.delete(held.id);
        this.#changes.held.add(held.id);
      } else if (!held.isExpired && nowMs >= held.expiresAtMs) this.#expireOne(held);
      if (this.held.has(held.id))
        next = Math.min(next, held.isExpired ? held.expiresAtMs + LATE_MS : held.expiresAtMs);
    }
    this.#nextExpiryMs = next;
  }

  /** What has changed since this was last asked. */
  takeChanges(): LedgerChanges {
    const changes = this.#changes;
    this.#changes = noChanges();
    return changes;
  }

  /** Gives back changes that could not be written down. */
  restoreChanges({ accounts, days, held }: LedgerChanges): void {
    for (const id of accounts) this.#changes.accounts.add(id);
    for (const id of held) this.#changes.held.add(id);
    for (const [id, ofAccount] of days) for (const day of ofAccount) setOf(this.#changes.days, id).add(day);
  }

  hasChanges(): boolean {
    return this.#changes.accounts.size > 0 || this.#changes.held.size > 0;
  }

  #expireOne(held: Held): void {
    held.isExpired = true;
    this.#changes.held.add(held.id);
    for (const { id } of held.accounts) {
      const use = this.#day(id, held.day);
      use.expired += 1;
      use.heldNanoUsd -= held.nanoUsd;
      this.#spend(id, held.day, held.onExpiry === 'release' ? -held.nanoUsd : 0);
    }
  }

  #standing({ id, limits }: Account, day: string, nowMs: number): Standing {
    const { buckets, days, months } = this.book(id);
    drain(buckets.requests, limits.requestsPerMinute, nowMs);
    drain(buckets.tokens, limits.tokensPerMinute, nowMs);
    return {
      account: id,
      requestsUsed: buckets.requests.used,
      tokensUsed: buckets.tokens.used,
      dayNanoUsd: days.get(day)?.nanoUsd ?? 0,
      monthNanoUsd: months.get(monthOf(day)) ?? 0,
    };
  }

  #spend(id: string, day: string, nanoUsd: number): void {
    const { months } = this.book(id);
    const month = monthOf(day);
    months.set(month, (months.get(month) ?? 0) + nanoUsd);
    this.#day(id, day).nanoUsd += nanoUsd;
  }

  #day(id: string, day: string): Mutable<DayUse> {
    const { days, months } = this.book(id);
    setOf(this.#changes.days, id).add(day);
    const found = days.get(day);
    if (found !== undefined) return found;
    const use = emptyDay(day);
    days.set(day, use);
    // Days come in their order, but for a clock that goes back.
    if (days.size > KEPT_DAYS) {
      const oldest = [...days.keys()].sort()[0];
      days.delete(oldest);
      if (![...days.keys()].some((kept) => monthOf(kept) === monthOf(oldest))) months.delete(monthOf(oldest));
    }
    return use;
  }

  book(id: string): Book {
    this.#changes.accounts.add(id);
    const found = this.books.get(id);
    if (found !== undefined) return found;
    const book: Book = {
      buckets: { requests: emptyBucket(), tokens: emptyBucket() },
      days: new Map(),
      months: new Map(),
    };
    this.books.set(id, book);
    return book;
  }
}

export function emptyDay(day: string): Mutable<DayUse> {
  return {
    day,
    nanoUsd: 0,
    heldNanoUsd: 0,
    requests: 0,
    inputTokens: 0,
    outputTokens: 0,
    expired: 0,
  };
}

const emptyBucket = (): Bucket => ({ used: 0, served: 0, atMs: 0 });

function noChanges() {
  return { accounts: new Set<string>(), days: new Map<string, Set<string>>(), held: new Set<string>() };
}

function setOf(sets: Map<string, Set<string>>, id: string): Set<string> {
  let found = sets.get(id);
  if (found === undefined) {
    found = new Set();
    sets.set(id, found);
  }
  return found;
}
