import { readFile, stat, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { runDemo } from '../../data/demo.ts';
import { ensureSampleFile } from '../../data/sample-file.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { capturedIo } from '../training/cli/captured-io.ts';

const { path } = temporaryFolder();

const data = path('sample/traffic.jsonl');

it('goes from nothing to a router, five answers and a report', async () => {
  const io = capturedIo();
  const argv = ['--prompts', '90', '--data', data, '--out', path('demo'), '--work', path('work')];
  expect(await runDemo(argv, io)).toBe(0);
  const { out } = io.said;
  expect(out).toMatch(/^Best single: \w+/m);
  expect(out).toMatch(
    /^What day of the week was 14 July 1789\? +[\w-]+ +[01]\.\d\d +\$[\d.e-]+ +[\d.]+ ms +\S/m,
  );
  const report = /open (\S+report\.html)/.exec(out)![1];
  expect((await stat(report)).size).toBeGreaterThan(10_000);
  expect(JSON.parse(await readFile(path('demo/current.json'), 'utf8')).version).toMatch(/^v-/);
  expect(out.split('\n').filter((line) => line.length > 100 && !line.includes(path('demo')))).toEqual([]);
  expect(io.said.err).toContain('asking every solver 90 prompts\n');
});

it('keeps sample traffic that is as it was made, and makes anew what was changed or asked otherwise', async () => {
  const out = path('small.jsonl');
  const options = { prompts: 15, seed: 4, out };
  expect(await ensureSampleFile(options)).toBe(true);
  expect(await ensureSampleFile(options)).toBe(false);
  await writeFile(out, (await readFile(out, 'utf8')).replace('"quality":0', '"quality":1'));
  expect(await ensureSampleFile(options)).toBe(true);
  expect(await ensureSampleFile({ ...options, seed: 5 })).toBe(true);
});
