import { RefusalError } from '../errors.ts';
import type { KeyRecord } from '../state/key-record.ts';
import { toUsd } from '../state/key-record.ts';
import { type Account, ALL_KEYS, type LimitName, type LimitRefusal, type Standing } from '../state/state.ts';

interface Refused {
  readonly refusal: LimitRefusal;
  readonly standings: readonly Standing[];
}

/** What a refusal is called in an error, and why. */
export function limitRefusal(
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
export function standingHeaders(key: KeyRecord, standing: Standing): Record<string, string> {
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
