import { expect } from 'vitest';
import { AT_ONCE, type ChaosOptions, type ChaosResult } from '../../fixtures/run-gateway-chaos.ts';

/** Rounding of some thousand costs to billionths of a dollar. */
const ROUNDING = 1e-5;

/** Of one request: 800 tokens of output, and its input. */
const MOST_EXPECTED_USD = 0.0085;

/** What `docs/keys-and-budgets.md` promises of budgets when anything dies at any time, and `docs/gateway.md` of feedback. */
export function checkChaos(result: ChaosResult, options: ChaosOptions): void {
  const { acknowledged, endings, keys, kills, lost, twice } = result;
  expect(kills).toBeGreaterThan(0);
  expect(acknowledged).toBeGreaterThan(0);
  expect([lost, twice]).toEqual([0, 0]);
  // 0: the gateway was killed. 404 is of a decision that another gateway has made, and 502 of a client's own.
  const known = ['0', '200', '402', '503', 'feedback 0', 'feedback 201', 'feedback 503'];
  expect(Object.keys(endings).filter((ending) => !known.includes(ending))).toEqual([]);
  for (const key of keys) {
    expect(key.calls).toBeGreaterThan(0);
    // Each gateway, and each that took the place of one that was killed, may let through its allowance.
    const allowed = options.onUnreachable === 'allow' ? (2 + kills) * options.allowanceUsd : 0;
    const beyond = allowed + key.underWayUsd + ROUNDING;
    if (key.budgetUsd === null) expect(key.refusals).toBe(0);
    else expect(key.takenUsd).toBeLessThanOrEqual(key.budgetUsd + beyond);
    // Nothing twice: without what is still set aside, the books hold no more than was taken.
    expect(key.bookedUsd - key.heldUsd).toBeLessThanOrEqual(key.takenUsd + ROUNDING);
    // Nothing lost, but what was under way when its gateway died.
    expect(key.bookedUsd).toBeGreaterThanOrEqual(key.takenUsd - beyond);
    if (options.onUnreachable === 'refuse') expect(key.bookedRequests).toBeGreaterThanOrEqual(key.calls);
    // Nobody was refused while the books had room: what was set aside for those under way cost less in the end.
    if (key.refusals > 0)
      expect(key.bookedUsd).toBeGreaterThan(key.budgetUsd! - MOST_EXPECTED_USD * AT_ONCE - allowed);
  }
}
