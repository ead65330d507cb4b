import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ingestOutcomes } from '../../../training/outcomes/ingest.ts';
import { writeHeavyRows } from '../../fixtures/heavy-rows.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-heavy-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('two gigabytes of prompts of 20 to 100 kB are read with 512 MB', async () => {
  const file = join(folder, 'heavy.jsonl');
  const rows = await writeHeavyRows(file, { bytes: 2e9, fewest: 20_000, most: 100_000 });
  const temporaryFolder = join(folder, 'temporary');
  const out = join(folder, 'heavy.parquet');
  const report = await ingestOutcomes({ files: [file], out, memoryLimitMb: 512, temporaryFolder });
  expect(report).toMatchObject({ rowsRead: rows, rowsAccepted: rows, rejected: [] });
  expect(await readdir(temporaryFolder)).toEqual([]);
}, 900_000);

test('prompts of half the longest line that is read need a few gigabytes', async () => {
  const file = join(folder, 'longest.jsonl');
  const rows = await writeHeavyRows(file, { bytes: 4e8, fewest: 20_000_000, most: 30_000_000 });
  const report = await ingestOutcomes({
    files: [file],
    out: join(folder, 'longest.parquet'),
    memoryLimitMb: 6000,
  });
  expect(report).toMatchObject({ rowsRead: rows, rowsAccepted: rows, rejected: [] });
}, 900_000);
