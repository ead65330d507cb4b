/** What an endpoint asks of whoever it turned away. */
interface RetryAdvice {
  /** Milliseconds to wait; null for none said. */
  readonly retryAfterMs: number | null;
  /** Whether the same request is worth another try; null for none said. */
  readonly shouldRetry: boolean | null;
}

/**
 * Reads the headers of a refusal: `retry-after-ms` of OpenAI and Azure before `Retry-After`, and `x-should-retry`,
 * which overrules the status.
 *
 * @param header gives a header's value by its name in lower case.
 * @param wallNowMs milliseconds since 1970, against which a date is read.
 */
export function readRetryAdvice(
  header: (name: string) => string | null | undefined,
  wallNowMs: number,
): RetryAdvice {
  const milliseconds = [header('retry-after-ms'), header('x-ms-retry-after-ms')].map(
    (value) => value?.trim() ?? '',
  );
  const ms = milliseconds.find((value) => /^\d+(\.\d+)?$/.test(value));
  const should = header('x-should-retry')?.trim().toLowerCase();
  return {
    retryAfterMs: ms === undefined ? readRetryAfter(header('retry-after') ?? null, wallNowMs) : Number(ms),
    shouldRetry: should === 'true' ? true : should === 'false' ? false : null,
  };
}

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
