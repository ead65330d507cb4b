/**
 * How long to wait before the same call is sent again. What the endpoint asks for, and up to a tenth more, so that
 * those it turned away do not come back at once; else exponential with full jitter (Brooker, "Exponential Backoff and
 * Jitter", 2015): uniform between 0 and `firstMs` · 2^retry.
 *
 * @param retry 0 before the second attempt.
 * @param draw uniform in [0, 1).
 */
export function retryDelayMs(askedMs: number | null, retry: number, firstMs: number, draw: number): number {
  return askedMs === null ? draw * firstMs * 2 ** retry : askedMs * (1 + 0.1 * draw);
}
