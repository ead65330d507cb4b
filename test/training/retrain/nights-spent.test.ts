import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { pointAtVersion } from '../../../training/artifact/write-artifact.ts';
import { GATE_FILE, readNightsSpent, writeNightsSpent } from '../../../training/retrain/run.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { path } = temporaryFolder();
let folder: string;
let folders = 0;
beforeEach(async () => {
  folder = path(`router-${folders++}`);
  await mkdir(folder);
});

test('what was spent is read back, and nothing is left beside the file', async () => {
  await writeNightsSpent(folder, { spent: 0.0025, version: 'v-1', at: '2026-01-01T00:00:00.000Z' });
  expect(await readNightsSpent(folder)).toBe(0.0025);
  expect(await readdir(folder)).toEqual([GATE_FILE]);
});

test('a router that had one version only has spent nothing, also one that was trained by hand', async () => {
  expect(await readNightsSpent(folder)).toBe(0);
  await pointAtVersion(folder, 'v-1');
  expect(await readNightsSpent(folder)).toBe(0);
});

test.each([
  ['is lost', null],
  ['is no JSON', '{"spent": 0'],
  ['says what cannot be', '{"schemaVersion":1,"spent":-3,"version":"v-2","at":"now"}'],
  ['is of a later version', '{"schemaVersion":2,"spent":0,"version":"v-2","at":"now"}'],
])('after promotions, a file that %s is not taken for a clean slate', async (_, text) => {
  await pointAtVersion(folder, 'v-1');
  await pointAtVersion(folder, 'v-2');
  if (text !== null) await writeFile(join(folder, GATE_FILE), text);
  expect(await readNightsSpent(folder)).toBeNull();
});
