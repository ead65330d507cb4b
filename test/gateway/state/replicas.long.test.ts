import { describe, it } from 'vitest';
import { findRedis } from '../../fixtures/redis-server.ts';
import { runBudgetChaos } from '../../fixtures/run-budget-chaos.ts';
import { checkChaos } from './check-chaos.ts';

describe.skipIf(findRedis() === undefined)('two gateways and one Redis, for half a minute each', () => {
  it.each(['refuse', 'allow'] as const)(
    'keep budgets within their bound while one of the three dies all the time: %s',
    async (onUnreachable) => {
      const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e6);
      const options = {
        durationMs: 30_000,
        killEveryMs: 700,
        budgetUsd: 1.2,
        allowanceUsd: 0.02,
        seed,
      } as const;
      const result = await runBudgetChaos({ ...options, onUnreachable });
      checkChaos(result, { ...options, onUnreachable });
    },
  );
});
