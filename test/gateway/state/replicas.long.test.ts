import { describe, expect, it } from 'vitest';
import { findRedis } from '../../fixtures/redis-server.ts';
import { runGatewayChaos } from '../../fixtures/run-gateway-chaos.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { routerFolder } from '../gateway-fixture.ts';
import { checkChaos } from './check-chaos.ts';

const { path } = temporaryFolder();

describe.skipIf(findRedis() === undefined)('two gateways and one Redis, for a minute', () => {
  it('keep budgets within their bound, count nothing twice and lose no feedback while one of the three dies all the time, whatever they do without Redis', async () => {
    const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e6);
    const router = await routerFolder();
    const runs = (['refuse', 'allow'] as const).map(async (onUnreachable) => {
      const options = {
        durationMs: 60_000,
        killEveryMs: 700,
        budgetUsd: 1.2,
        allowanceUsd: 0.02,
        seed,
        onUnreachable,
        router,
        folder: path(onUnreachable),
      };
      return { options, result: await runGatewayChaos(options) };
    });
    for (const { options, result } of await Promise.all(runs)) {
      checkChaos(result, options);
      expect(result.kills).toBeGreaterThan(1);
      expect(result.keys.map(({ refusals }) => refusals > 0)).toEqual([true, true, false]);
    }
  });
});
