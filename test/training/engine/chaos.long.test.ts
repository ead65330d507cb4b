import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runChaos } from '../../fixtures/run-chaos.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();

it('trains the same router, byte for byte, twenty times, whoever is killed on the way', async () => {
  const { alone, redisRestarts, sampled, whole, workersKilled } = await runChaos(
    await mkdtemp(join(folder, 'chaos-')),
    {
      rounds: 20,
      seed: 13,
      workers: 3,
    },
  );
  expect(new Set(whole)).toEqual(new Set([alone[0]]));
  expect(new Set(sampled)).toEqual(new Set([alone[1]]));
  expect(alone[0]).not.toBe(alone[1]);
  expect([whole.length, sampled.length]).toEqual([10, 10]);
  // Each round has one at least, and a quarter of them are of Redis.
  expect(workersKilled + redisRestarts).toBeGreaterThanOrEqual(20);
  expect(redisRestarts).toBeGreaterThan(0);
});
