import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readDecisionLog } from '@pointsman/training';
import { createFileLog, createRandom } from 'pointsman/internal';
import { expect, it } from 'vitest';
import { compactLog } from '../../../training/log-store/compact.ts';
import { listLogFiles } from '../../../training/log-store/read.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../../src/log/a-decision.ts';

const { folder } = temporaryFolder();

/** Lets another process compact the log, and kills it once so many files are done. */
async function compactUntilKilled(files: number): Promise<void> {
  const script = fileURLToPath(new URL('compacting-process.ts', import.meta.url));
  const child = fork(script, [folder], { execArgv: ['--import', 'tsx'] });
  child.on('message', (done) => {
    if (Number(done) >= files) child.kill('SIGKILL');
  });
  expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
}

async function read(): Promise<string[]> {
  const lines: string[] = [];
  for await (const record of readDecisionLog(folder)) lines.push(JSON.stringify(record));
  return lines;
}

it('compacting that is killed at any moment loses no record and doubles none', async () => {
  const log = createFileLog(folder, { maxBytes: 20_000, batch: 8, fsync: 'never' });
  for (let i = 0; i < 600; i++) log.decided(aDecision(), { text: `prompt ${i}` });
  await log.close();
  const before = await read();
  const files = (await listLogFiles(folder)).length;
  expect(files).toBeGreaterThan(16);
  const random = createRandom(11);
  for (let round = 0; round < 3; round++) {
    await compactUntilKilled(1 + random.integer(4));
    expect(await read()).toEqual(before);
  }
  const formats = new Set((await listLogFiles(folder)).map(({ format }) => format));
  expect(formats).toEqual(new Set(['jsonl', 'parquet']));
  await compactLog({ folder });
  expect(await read()).toEqual(before);
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  expect(names).toHaveLength(files);
  expect(names.every((name) => name.endsWith('.parquet'))).toBe(true);
});
