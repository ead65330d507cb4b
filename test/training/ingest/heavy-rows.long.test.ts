import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { writeHeavyRows } from '../../fixtures/heavy-rows.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { path } = temporaryFolder();

test('two gigabytes of prompts of 20 to 100 kB are read with 512 MB', async () => {
  const file = path('heavy.jsonl');
  const rows = await writeHeavyRows(file, { bytes: 2e9, fewest: 20_000, most: 100_000 });
  const spilled = path('temporary');
  const out = path('heavy.parquet');
  const report = await ingestOutcomes({ files: [file], out, memoryLimitMb: 512, temporaryFolder: spilled });
  expect(report).toMatchObject({ rowsRead: rows, rowsAccepted: rows, rejected: [] });
  expect(await readdir(spilled)).toEqual([]);
}, 900_000);

test('prompts of half the longest line that is read need a few gigabytes', async () => {
  const file = path('longest.jsonl');
  const rows = await writeHeavyRows(file, { bytes: 4e8, fewest: 20_000_000, most: 30_000_000 });
  const report = await ingestOutcomes({
    files: [file],
    out: path('longest.parquet'),
    memoryLimitMb: 6000,
  });
  expect(report).toMatchObject({ rowsRead: rows, rowsAccepted: rows, rejected: [] });
}, 900_000);
