import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRouter } from 'pointsman/node';
import { beforeAll, expect, test } from 'vitest';
import { parseTrainConfig } from '../../../training/config.ts';
import { trainFromFiles } from '../../../training/train/train-router.ts';
import { runCli } from '../../documents/run-cli.ts';
import { useShortStatic } from '../../fixtures/short-static.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { smallTraffic } from '../../package/small-traffic.ts';
import { tableRows } from './formats/log-fixture.ts';

useShortStatic();
const { path, write } = temporaryFolder();
let traffic = '';
let config = '';
beforeAll(() => {
  traffic = write('traffic.jsonl', smallTraffic(300));
  config = write('train.yaml', 'resamples: 100\nfolds: 3\nheads: [linear]\n');
});
const settings = (): string[] => ['--config', config, '--work', path('work'), '--quiet'];

test('a table of hashes and embeddings trains a router that looks at the embedding alone', async () => {
  const table = path('hashed.parquet');
  const ingested = await runCli(['ingest', traffic, '--keep', 'hashes', '--out', table]);
  expect(ingested.code, ingested.stderr).toBe(0);
  const rows = await tableRows(table);
  expect(rows.some((row) => 'text' in row || 'messages' in row)).toBe(false);

  const out = path('router');
  const { code, stderr } = await runCli(['train', table, '--out', out, ...settings()]);
  expect(code, stderr).toBe(0);
  const router = await loadRouter(out);
  expect(router.manifest.features.blocks.map(({ kind }) => kind)).toEqual(['embedding']);
  const best = { sum: 'small', translate: 'medium', code: 'large' };
  const asked = [
    ['sum', 'What is 123 plus 777? Answer with a number.'],
    ['translate', 'Translate to French: 44 boats and 8 old lamps'],
    ['code', 'Write a function that swaps items 4 and 9 of a list.'],
  ] as const;
  for (const [task, text] of asked) expect((await router.route({ text })).candidate).toBe(best[task]);
  // No request is needed, only the vector.
  const embedding = JSON.parse(JSON.stringify(rows[0].embedding)) as number[];
  expect(router.routeEmbedding(embedding).candidate).toBe(
    (await router.route({ text: textOf(rows[0]) })).candidate,
  );

  const measured = await runCli(['evaluate', out, table, '--work', path('work'), '--json']);
  expect(measured.code, measured.stderr).toBe(0);
});

test('one command goes from traffic to a router, and leaves no word behind', async () => {
  const out = path('private');
  const { code, stderr } = await runCli(['train', traffic, '--keep', 'hashes', '--out', out, ...settings()]);
  expect(code, stderr).toBe(0);
  for (const folder of [path('work'), out]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const held = await readFile(join(entry.parentPath, entry.name), 'latin1');
      expect([entry.name, /boats|swaps/.test(held)]).toEqual([entry.name, false]);
    }
  }
});

test('a training keeps what answers look like, also in its store, and not one of their words', async () => {
  const answered = smallTraffic(300)
    .trim()
    .split('\n')
    .map((line, i) =>
      JSON.stringify({ ...JSON.parse(line), response: `Zbigniew answers ${i}, as the lighthouse.` }),
    );
  const [file, out, work] = [
    write('answered.jsonl', answered.join('\n')),
    path('answered'),
    path('answered-work'),
  ];
  const options = ['--config', config, '--work', work, '--quiet', '--append'];
  const { code, stderr } = await runCli(['train', file, '--out', out, ...options]);
  expect(code, stderr).toBe(0);
  let tables = 0;
  for (const folder of [work, out]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const place = join(entry.parentPath, entry.name);
      const isTable = entry.name.endsWith('.parquet');
      // What is in Parquet is compressed.
      const rows = isTable ? await tableRows(place) : [];
      const held = isTable ? JSON.stringify(rows) : await readFile(place, 'latin1');
      expect([entry.name, /zbigniew|lighthouse/i.test(held)]).toEqual([entry.name, false]);
      if (!isTable) continue;
      tables++;
      expect(rows.filter(({ answerChecks }) => answerChecks !== undefined)).toHaveLength(answered.length);
    }
  }
  expect(tables).toBe(1);
});

test('a router with another embedder is not trained on them', async () => {
  const rows = (await tableRows(path('hashed.parquet'))).map((row) => ({
    ...row,
    metadata: { embedder: 'another' },
  }));
  const options = {
    files: [write('another.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))],
    out: path('never'),
    name: 'never',
    workFolder: path('work'),
    config: parseTrainConfig({}),
  };
  await expect(trainFromFiles(options)).rejects.toThrow(/keeps embeddings of "another".*--embedder/);
  const short = rows.map((row) => ({ ...row, embedding: [1, 2], metadata: {} }));
  const files = [write('short.jsonl', short.map((row) => `${JSON.stringify(row)}\n`).join(''))];
  await expect(trainFromFiles({ ...options, files })).rejects.toThrow(/an embedding of 2 numbers/);
});

/** The words of a prompt, which the table has not, from the traffic that it was made of. */
function textOf({ requestId }: Record<string, unknown>): string {
  const line = smallTraffic(300)
    .split('\n')
    .find((each) => each.includes(`"requestId":"${requestId}"`));
  return JSON.parse(line ?? '{}').text;
}
