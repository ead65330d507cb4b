import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { ingestBothWays, LONG_ROWS, longRow, WIDE_ROWS } from '../../fixtures/ingest-both-ways.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder, path, write } = temporaryFolder();
const jsonl = (rows: readonly string[], name: string) => write(name, `${rows.join('\n')}\n`);

it('is on shards what it is as a whole: its report, each bad row told by its line, and the digest of its rows', async () => {
  const odd = [
    '',
    ...LONG_ROWS.slice(0, 9),
    '  ',
    '{"broken',
    ...LONG_ROWS.slice(7),
    longRow(50, { costUsd: 0.5, model_name: 'x' }),
  ];
  const files = [jsonl(odd, 'odd.jsonl'), write('zipped.jsonl.gz', gzipSync(WIDE_ROWS.join('\n')))];
  const { parts, ran, whole } = await ingestBothWays(folder, { files }, 1000);
  expect(parts).toEqual(whole);
  expect(ran.filter((step) => step === 'stage').length).toBeGreaterThanOrEqual(4);
});

it('cuts a file at the ends of lines, looks at the parts of a table once, and makes the same shards each time', async () => {
  const options = { files: [jsonl(LONG_ROWS, 'again.jsonl')] };
  const [first, second] = [
    await ingestBothWays(folder, options, 1000),
    await ingestBothWays(folder, options, 1000),
  ];
  const bytes = (await readFile(path('again.jsonl'))).length;
  const looked = first.ran.filter((step) => step === 'look').length;
  expect(looked).toBeGreaterThanOrEqual(Math.floor(bytes / 1100));
  expect(first.ran.filter((step) => step === 'stage')).toHaveLength(looked);
  const shards = async ({ store }: { readonly store: string }) =>
    (await readdir(store, { recursive: true })).filter((name) => name.startsWith('shards')).sort();
  expect(await shards(second)).toEqual(await shards(first));
});
