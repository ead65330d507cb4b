import { describe, expect, it } from 'vitest';
import { findRedis } from '../../fixtures/redis-server.ts';
import { runGatewayChaos } from '../../fixtures/run-gateway-chaos.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { routerFolder } from '../gateway-fixture.ts';
import { checkChaos } from './check-chaos.ts';

const { path } = temporaryFolder();

describe.skipIf(findRedis() === undefined)('two gateways and one Redis', () => {
  it('keep budgets within their bound, and all feedback, while one of the three dies now and then', async () => {
    const options = {
      durationMs: 1200,
      killEveryMs: 400,
      budgetUsd: 0.1,
      allowanceUsd: 0.01,
      seed: Number(process.env.FUZZ_SEED ?? Date.now() % 1e6),
      onUnreachable: 'refuse',
      router: await routerFolder(),
      folder: path('logs'),
    } as const;
    const result = await runGatewayChaos(options);
    checkChaos(result, options);
    expect(result.kills).toBeGreaterThan(1);
  });
});
