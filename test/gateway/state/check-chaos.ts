import { expect } from 'vitest';
import type { ChaosOptions, ChaosResult } from '../../fixtures/run-budget-chaos.ts';

/** Rounding of some thousand costs to billionths of a dollar. */
const ROUNDING = 1e-5;

/** Of one request. */
const MOST_EXPECTED_USD = 0.009;

/** What `docs/keys-and-budgets.md` promises of budgets when anything dies at any time. */
export function checkChaos({ keys, kills }: ChaosResult, options: ChaosOptions): void {
  expect(kills).toBeGreaterThan(0);
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
    // Nobody was refused while the books had room: what was set aside for them, 12 requests a gateway, cost less in the end.
    if (key.refusals > 0)
      expect(key.bookedUsd).toBeGreaterThan(key.budgetUsd! - MOST_EXPECTED_USD * 9 - allowed);
  }
}
