import { expect, it } from 'vitest';
import { retryDelayMs } from '../../../src/embedder/openai.ts';

it('waits half a second, doubled each time, and at most a minute', () => {
  expect([0, 1, 2, 9].map((attempt) => retryDelayMs(null, attempt, 0))).toEqual([500, 1000, 2000, 60_000]);
});

it('waits as long as Retry-After asks, in seconds or until a date', () => {
  expect(retryDelayMs('7', 3, 0)).toBe(7000);
  const now = Date.UTC(2026, 0, 1);
  expect(retryDelayMs('Thu, 01 Jan 2026 00:00:20 GMT', 0, now)).toBe(20_000);
  expect(retryDelayMs('Wed, 31 Dec 2025 23:59:00 GMT', 0, now)).toBe(0);
  expect(retryDelayMs('soon', 1, now)).toBe(1000);
});
