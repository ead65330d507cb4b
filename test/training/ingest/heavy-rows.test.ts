import { readdir, readFile, writeFile } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { OutcomeStore, readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import {
  defaultMemoryMb,
  MemoryLimitError,
  memoryMb,
  scratchError,
} from '../../../training/work/scratch-database.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder, path } = temporaryFolder();
const spilled = path('temporary');

const random = createRandom(7);
const words = Array.from({ length: 2000 }, () => random.integer(2 ** 31).toString(36));

function promptOf(characters: number): string {
  const chosen: string[] = [];
  for (let length = 0; length < characters; length += 7) chosen.push(words[random.integer(words.length)]);
  return chosen.join(' ');
}

/** Ids in no order, and prompts in each of the shapes that are read in other ways. */
function row(i: number, characters: number, requestId = `r${(i * 7919) % 10007}`): string {
  const words = promptOf(characters);
  const prompt =
    i % 3 === 0
      ? { text: words }
      : { messages: [{ role: 'user', content: i % 3 === 1 ? words : [{ type: 'text', text: words }] }] };
  return JSON.stringify({
    requestId,
    candidate: `m${i % 2}`,
    quality: i % 2,
    ...prompt,
  });
}

const lines = (count: number, characters: number, name = 'r'): string[] =>
  Array.from({ length: count }, (_, i) => row(i, characters, `${name}${(i * 7919) % 100_003}`));

test('prompts that come to far more than the memory are read within it, as with much of it', async () => {
  const file = path('heavy.jsonl');
  await writeFile(file, lines(250, 45_000).join('\n'));
  const read = async (memoryLimitMb: number) => {
    const out = path(`heavy-${memoryLimitMb}.parquet`);
    const report = await ingestOutcomes({ files: [file], out, memoryLimitMb, temporaryFolder: spilled });
    return { report, matrix: await readOutcomeMatrix(out, { memoryLimitMb, temporaryFolder: spilled }) };
  };
  const [narrow, wide] = [await read(300), await read(2500)];
  expect(narrow.report).toMatchObject({ rowsRead: 250, rowsAccepted: 250, rejected: [] });
  expect(narrow.report.fingerprint).toBe(wide.report.fingerprint);
  expect(narrow.matrix).toEqual(wide.matrix);
  expect(await readdir(spilled)).toEqual([]);
  const store = new OutcomeStore(path('store'), { memoryLimitMb: 300, temporaryFolder: spilled });
  expect(await store.add(path('heavy-300.parquet'), null)).toBe(250);
  const more = path('more.jsonl');
  await writeFile(more, row(5000, 200));
  await ingestOutcomes({ files: [more], out: path('more.parquet') });
  await store.add(path('more.parquet'), null);
  await store.copyTo(path('copied.parquet'));
  expect((await readOutcomeMatrix(path('copied.parquet'))).prompts).toHaveLength(251);
}, 120_000);

test('where long rows come late, bad rows are told with their lines', async () => {
  const file = path('late.jsonl');
  const short = lines(9000, 150);
  short[4321] = '{"requestId":"bad","text":"What is it?","candidate":"m0","quality":1,"costUsd":-1}';
  await writeFile(file, [...short, ...lines(300, 30_000, 'long')].join('\n'));
  const report = await ingestOutcomes({ files: [file], out: path('late.parquet') });
  expect(report).toMatchObject({ rowsRead: 9300, rowsAccepted: 9299 });
  expect(report.rejected.map(({ examples }) => examples)).toEqual([[{ file, line: 4322 }]]);
});

test('a file that was read twice does not move the lines of the next', async () => {
  const [twice, next] = [path('twice.jsonl'), path('next.jsonl')];
  const broken = '{"requestId": "cut", "te';
  // A line that is cut keeps it from being read at one go, and a name that comes late has it read again.
  const cells = lines(20_000, 300);
  const late = '{"requestId":"late","text":"Who?","candidate":"m","score":1}';
  await writeFile(twice, [broken, ...cells, late].join('\n'));
  const good = '{"requestId":"n1","text":"Who is it?","candidate":"m0","quality":1}';
  await writeFile(
    next,
    `${good}\n{"requestId":"n2","text":"Who?","candidate":"m0","quality":1,"costUsd":-1}\n`,
  );
  const report = await ingestOutcomes({ files: [twice, next], out: path('two.parquet') });
  expect(report.rejected.flatMap(({ examples }) => examples)).toEqual(
    expect.arrayContaining([
      { file: twice, line: 1 },
      { file: next, line: 2 },
    ]),
  );
});

test('what does not fit is an error that says what to do, and leaves what was there', async () => {
  const [file, out] = [path('huge.jsonl'), path('huge.parquet')];
  await writeFile(file, row(1, 200));
  await ingestOutcomes({ files: [file], out });
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
