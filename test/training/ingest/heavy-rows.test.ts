import { readdir, readFile, writeFile } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { expect, test } from 'vitest';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import {
  defaultMemoryMb,
  MemoryLimitError,
  memoryMb,
  scratchError,
} from '../../../training/work/scratch-database.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { lines, row } from './heavy-lines.ts';

const { folder, path } = temporaryFolder();
const spilled = path('temporary');

test('where long rows come late, bad rows are told with their lines', async () => {
  const file = path('late.jsonl');
  const short = lines(9000, 150);
  short[4321] = '{"requestId":"bad","text":"What is it?","candidate":"m0","quality":1,"costUsd":-1}';
  await writeFile(file, [...short, ...lines(300, 30_000, 'long')].join('\n'));
  const report = await ingestOutcomes({ files: [file], out: path('late.parquet') });
  expect(report).toMatchObject({ rowsRead: 9300, rowsAccepted: 9299 });
  expect(report.rejected.map(({ examples }) => examples)).toEqual([[{ file, line: 4322 }]]);
});

test('what does not fit is an error that says what to do, and leaves what was there', async () => {
  const [file, out] = [path('huge.jsonl'), path('huge.parquet')];
  await writeFile(file, row(1, 200));
  await ingestOutcomes({ files: [file], out, temporaryFolder: spilled });
  const before = await readFile(out);
  const names = (await readdir(folder)).sort();
  await writeFile(file, row(2, 20e6));
  const failed = ingestOutcomes({ files: [file], out, memoryLimitMb: 128, temporaryFolder: spilled });
  await expect(failed).rejects.toThrow(MemoryLimitError);
  await expect(failed).rejects.toMatchObject({ code: 'MEMORY_LIMIT', limitMb: 128 });
  await expect(failed).rejects.toThrow(
    /do not fit into the 128 MB .*\d[\d.]* MiB more were needed when .* were in use.*--memory.*--append/,
  );
  expect(await readFile(out)).toEqual(before);
  expect((await readdir(folder)).sort()).toEqual(names);
  expect(await readdir(spilled)).toEqual([]);
});

test('a disk that is full of rows on their way is told as such', async () => {
  const spill = path('spill');
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '60MB',
    temp_directory: spill,
  });
  const connection = await instance.connect();
  await connection.run("SET max_temp_directory_size = '1MB'");
  const cause = await connection
    .run(
      'CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS a, md5((i + 1)::VARCHAR) AS b FROM range(5000000) AS t(i)',
    )
    .catch((error: unknown) => error);
  connection.closeSync();
  instance.closeSync();
  const told = scratchError(cause, 60, spill) as Error;
  expect(told).toBeInstanceOf(InvalidInputError);
  expect(told.message).toBe(
    `Rows that do not fit into 60 MB of memory cannot be put into the temporary folder ${folder}: there is no space left on the disk (ENOSPC). ` +
      'Make room, name a folder of a larger disk with --temporary-folder, or give more memory with --memory; what was there stays as it was.',
  );
  const written = new Error(
    `IO Error: Could not write file "${spill}/duckdb_temp-0.tmp": No space left on device`,
  );
  expect((scratchError(written, 60, spill) as Error).message).toBe(told.message);
  const elsewhere = new Error('IO Error: Could not write file "/data/out.parquet": No space left on device');
  expect(scratchError(elsewhere, 60, spill)).toBe(elsewhere);
  const other = new Error('Binder Error: no such column');
  expect(scratchError(other, 60, spill)).toBe(other);
});

test('no folder for rows on their way can be made in a file', async () => {
  const file = path('more.jsonl');
  await writeFile(file, row(5000, 200));
  const failed = ingestOutcomes({ files: [file], out: path('never.parquet'), temporaryFolder: file });
  await expect(failed).rejects.toThrow(
    `No temporary folder can be made in ${file}: a file of that name is in the way`,
  );
});

test('rows on their way may have a quarter of the memory of the machine, or of its container', () => {
  expect(memoryMb(24e9, 0)).toBe(24_000);
  expect(memoryMb(24e9, 2e9)).toBe(2000);
  // Where nothing limits it, some systems say more than there is.
  expect(memoryMb(24e9, 2 ** 63)).toBe(24_000);
  expect(defaultMemoryMb(24_000)).toBe(6000);
  expect(defaultMemoryMb(2000)).toBe(500);
  expect(defaultMemoryMb(400)).toBe(256);
});
