import { describe, expect, it } from 'vitest';
import { findRedis } from '../../fixtures/redis-server.ts';
import { runBudgetChaos } from '../../fixtures/run-budget-chaos.ts';
import { checkChaos } from './check-chaos.ts';

describe.skipIf(findRedis() === undefined)('two gateways and one Redis', () => {
  it('keep budgets within their bound while one of the three dies now and then', async () => {
    const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e6);
    const options = { durationMs: 1200, killEveryMs: 400, budgetUsd: 0.1, allowanceUsd: 0.01, seed } as const;
    const result = await runBudgetChaos({ ...options, onUnreachable: 'refuse' });
    checkChaos(result, { ...options, onUnreachable: 'refuse' });
    expect(result.kills).toBeGreaterThan(1);
  });
});
