import { waitMs } from './bucket.ts';
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
