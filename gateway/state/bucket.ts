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
