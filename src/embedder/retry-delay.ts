const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 60_000;

/**
 * How long to wait before the next attempt: what `Retry-After` asks for (RFC 9110 §10.2.3: seconds or a date), else
 * half a second, doubled each time; a minute at most.
 *
 * @param attempt 0 after the first failure.
 * @param nowMs the current time, against which a date is read.
 */
export function retryDelayMs(retryAfter: string | null, attempt: number, nowMs: number): number {
  const asked = retryAfter === null ? Number.NaN : askedDelayMs(retryAfter.trim(), nowMs);
  const delay = Number.isNaN(asked) ? FIRST_DELAY_MS * 2 ** attempt : Math.max(0, asked);
  return Math.min(delay, LONGEST_DELAY_MS);
}

function askedDelayMs(retryAfter: string, nowMs: number): number {
  return /^\d+(\.\d+)?$/.test(retryAfter) ? 1000 * Number(retryAfter) : Date.parse(retryAfter) - nowMs;
}
