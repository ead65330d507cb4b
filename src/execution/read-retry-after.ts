/**
 * Milliseconds that a `Retry-After` asks to wait (RFC 9110 §10.2.3: seconds or a date); 0 for a date that is past,
 * null for none or nonsense.
 *
 * @param wallNowMs milliseconds since 1970, against which a date is read.
 */
export function readRetryAfter(header: string | null, wallNowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  const ms = /^\d+(\.\d+)?$/.test(text) ? 1000 * Number(text) : Date.parse(text) - wallNowMs;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
