import { describe, expect, it } from 'vitest';
import { runHostile } from '../../fixtures/run-hostile.ts';

/** `hostile.long.test.ts` sends 12,000, 500 at a time. */
const REQUESTS = 400;

describe(`${REQUESTS} requests through upstreams that mean harm`, () => {
  it('end in a whole answer or in a typed error, hold nobody up, tell no key, and cost no less than nothing', async () => {
    const report = await runHostile(REQUESTS, 42, 32);
    const { untyped, truncated, leaked, misbilled, elsewhereAsked, open } = report;
    expect({ untyped, truncated, leaked, misbilled, elsewhereAsked, open }).toEqual({
      untyped: [],
      truncated: [],
      leaked: [],
      misbilled: [],
      elsewhereAsked: 0,
      open: 0,
    });
    expect(Object.values(report.endings).reduce((sum, count) => sum + count, 0)).toBe(REQUESTS);
    expect(report.endings.answered).toBeGreaterThan(0.5 * REQUESTS);
    expect(report.kinds.filter((kind) => (report.played[kind] ?? 0) === 0)).toEqual([]);
    expect(report.longestPauseMs).toBeLessThan(250);
  }, 120_000);
});
