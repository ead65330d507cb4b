import { expect, it } from 'vitest';
import { runCompactionChaos } from '../../fixtures/run-compaction-chaos.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();

it('compacted into a store by a process that is killed twenty times, a log is there once, with its late ratings', async () => {
  const { killed, merging, midway } = await runCompactionChaos(folder, 20);
  expect(killed).toBe(20);
  expect(midway).toBeGreaterThan(3);
  expect(merging).toBeGreaterThan(3);
});
