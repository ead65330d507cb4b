import { readdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { OutcomeStore, readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { lines, row } from './heavy-lines.ts';

const { path } = temporaryFolder();
const spilled = path('temporary');

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
