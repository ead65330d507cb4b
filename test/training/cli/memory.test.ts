import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import { megabytes } from '../../../training/cli/terminal/options.ts';
import { adviceOf } from '../../../training/work/scratch-database.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from './captured-io.ts';

const { path } = temporaryFolder();

async function run(...argv: string[]) {
  const io = capturedIo();
  return { code: await main(argv, io), ...io.said };
}

beforeAll(async () => {
  const huge = { requestId: 'r', candidate: 'm', quality: 1, text: 'words '.repeat(3e6) };
  await writeFile(path('huge.jsonl'), JSON.stringify(huge));
  const config = { router: path('router'), work: path('work'), logs: { files: [path('huge.jsonl')] } };
  await writeFile(path('retrain.yaml'), JSON.stringify(config));
});

it.each([
  ['4GB', 4000],
  ['800mb', 800],
  ['1.5 GB', 1500],
  ['512', 512],
  ['0.2TB', 200_000],
])('takes %j of memory as %d MB', (text, size) => {
  expect(megabytes(text)).toBe(size);
});

it.each([
  [128, 24_000, 'such as --memory 1GB,'],
  [5500, 24_000, 'such as --memory 11GB,'],
  [8000, 24_000, 'such as --memory 16GB,'],
  [12_000, 24_000, 'had. Split the files'],
  [500, 600, 'had. Split the files'],
])('advises more than %d MB where %d MB can be had', (limit, available, advice) => {
  expect(adviceOf(limit, available)).toContain(`${available} MB can be `);
  expect(adviceOf(limit, available)).toContain(advice);
});

it.each(['lots', '', '-4GB', '64MB', '4 gigabytes', '4GB8', '1e9GB'])('takes %j for no size', (text) => {
  expect(() => megabytes(text)).toThrow('Give a size of at least 128MB');
});

it.each([
  ['ingest', path('huge.jsonl'), '-o', path('out.parquet')],
  ['train', path('huge.jsonl'), '-o', path('router'), '--work', path('work'), '--quiet'],
  ['retrain', '-c', path('retrain.yaml'), '--quiet'],
])('%s takes no more memory than it is given, says so and leaves nothing', async (...argv) => {
  const room = ['--memory', '128MB', '--temporary-folder', path('room')];
  const { code, out } = await run(...argv, ...room, '--json');
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    error: { code: 'MEMORY_LIMIT', message: expect.stringMatching(/the 128 MB of memory.*--memory 1GB/) },
  });
  expect(readdirSync(path('room'))).toEqual([]);
  expect(existsSync(path('out.parquet'))).toBe(false);
  for (const runs of [path('work/runs')].filter(existsSync))
    expect(readdirSync(runs).filter((name) => !name.startsWith('.'))).toEqual([]);
  expect((await run(...argv, '--memory', 'lots')).err).toContain('such as 800MB or 4GB');
});
