import { expect, it } from 'vitest';
import { runCompactionChaos } from '../../fixtures/run-compaction-chaos.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();

it('compacted into a store by a process that is killed again and again, a log is there once, with its late ratings', async () => {
  expect((await runCompactionChaos(folder, 4)).killed).toBe(4);
});
