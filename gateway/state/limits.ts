import type { Account, LimitName, LimitRefusal, ReserveRequest, Standing } from './state.ts';

/** Which day a moment belongs to, such as `2026-11-29`, in UTC. */
export function dayOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}

export const monthOf = (day: string): string => day.slice(0, 7);

const DAY_MS = 86_400_000;

const untilTomorrow = (nowMs: number): number => DAY_MS - (((nowMs % DAY_MS) + DAY_MS) % DAY_MS);

function untilNextMonth(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - nowMs;
}

/**
 * The limit that keeps a request waiting for longest, so that whoever waits as long as it says is let through.
 * @param standings what each account has in use before this request, drained up to now.
 * @returns null when every limit lets it through.
 */
export function refusalOf(
  request: Pick<ReserveRequest, 'accounts' | 'requests' | 'tokens' | 'nanoUsd'>,
  standings: readonly Standing[],
  nowMs: number,
): LimitRefusal | null {
  let worst: LimitRefusal | null = null;
  request.accounts.forEach((account, i) => {
    for (const [limit, wait] of waits(account, standings[i], request, nowMs)) {
      if (wait === 0) continue;
      if (worst === null || (wait ?? Infinity) > (worst.retryAfterMs ?? Infinity))
        worst = { account: account.id, limit, retryAfterMs: wait };
    }
  });
  return worst;
}

/** What an account has in use once a request has taken what it asks for. */
export function withTaken(
  standing: Standing,
  { nanoUsd, requests, tokens }: Pick<ReserveRequest, 'requests' | 'tokens' | 'nanoUsd'>,
): Standing {
  return {
    account: standing.account,
    requestsUsed: standing.requestsUsed + requests,
    tokensUsed: standing.tokensUsed + tokens,
    dayNanoUsd: standing.dayNanoUsd + nanoUsd,
    monthNanoUsd: standing.monthNanoUsd + nanoUsd,
  };
}

/** Each limit of an account with the milliseconds until it lets a request through. */
function waits(
  { limits }: Account,
  standing: Standing,
  { nanoUsd, requests, tokens }: Pick<ReserveRequest, 'requests' | 'tokens' | 'nanoUsd'>,
  nowMs: number,
): [LimitName, number | null][] {
  const found: [LimitName, number | null][] = [];
  const { nanoUsdPerDay, nanoUsdPerMonth, requestsPerMinute, tokensPerMinute } = limits;
  if (requestsPerMinute !== null && requests > 0)
    found.push(['requests-per-minute', waitMs(standing.requestsUsed, requestsPerMinute, requests)]);
  if (tokensPerMinute !== null && tokens > 0)
    found.push(['tokens-per-minute', waitMs(standing.tokensUsed, tokensPerMinute, tokens)]);
  const budget = (limit: LimitName, used: number, most: number | null, untilNext: number) => {
    if (most === null || nanoUsd === 0 || used + nanoUsd <= most) return;
    found.push([limit, nanoUsd > most ? null : untilNext]);
  };
  budget('budget-per-day', standing.dayNanoUsd, nanoUsdPerDay, untilTomorrow(nowMs));
  budget('budget-per-month', standing.monthNanoUsd, nanoUsdPerMonth, untilNextMonth(nowMs));
  return found;
}

/**
 * How much of a limit a minute is in use: it grows by what requests take, and drains evenly, the whole limit in a minute.
 * So a key may use its limit at once, and after that as much as has drained; no minute begins anew for everybody at once.
 * The Lua of `redis-scripts.ts` counts in the same way.
 */
export interface Bucket {
  /** In use now. May be above the limit, when a request took more than was set aside for it. */
  used: number;
  /** All that ever drained or was given back, by which a later settlement knows what of its own is still in use. */
  served: number;
  /** When it was last drained, in ms since 1970. */
  atMs: number;
}

const MINUTE_MS = 60_000;

/** Rounding in the seventh digit turns nobody away. */
const SLACK = 1e-6;

/**
 * Lets go of what has drained. A clock that went back drains nothing, and from then on counts from where it is.
 * @param perMinute null for no limit: then everything drains at once.
 */
export function drain(bucket: Bucket, perMinute: number | null, nowMs: number): void {
  const most = perMinute === null ? Infinity : (perMinute / MINUTE_MS) * Math.max(0, nowMs - bucket.atMs);
  const drained = Math.min(bucket.used, most);
  bucket.used -= drained;
  bucket.served += drained;
  bucket.atMs = nowMs;
}

/** Milliseconds until `amount` more fits: 0 when it fits now, null when it never will. */
export function waitMs(used: number, perMinute: number, amount: number): number | null {
  const over = used + amount - perMinute;
  if (over <= SLACK * Math.max(1, perMinute)) return 0;
  return amount > perMinute ? null : Math.ceil((over / perMinute) * MINUTE_MS);
}

/**
 * Takes an amount.
 * @returns the place of its first unit among all that was ever taken, for `adjust`.
 */
export function take(bucket: Bucket, amount: number): number {
  const place = bucket.served + bucket.used;
  bucket.used += amount;
  return place;
}

/**
 * Makes of an amount that was taken what it really was. What is too much is given back as far as it has not drained already,
 * first in, first out: else a minute would hold more than its limit.
 */
export function adjust(bucket: Bucket, taken: number, real: number, place: number): void {
  const drained = Math.min(taken, Math.max(0, bucket.served - place));
  const back = Math.min(taken - real, taken - drained, bucket.used);
  bucket.used -= back;
  bucket.served += Math.max(0, back);
}
