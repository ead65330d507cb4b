import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { expect, test } from 'vitest';
import { rollBack } from '../../../training/artifact/versions.ts';
import {
  changeVersionPointer,
  pointAtVersion,
  readVersionPointer,
  writeArtifact,
} from '../../../training/artifact/write-artifact.ts';
import { bundledScript } from '../../fixtures/bundled-script.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const { folder: root } = temporaryFolder();

async function newFolder(name: string): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  return folder;
}

/** All versions that a folder remembers, and how often each. */
async function remembered(folder: string): Promise<string[]> {
  const { version, previous } = (await readVersionPointer(folder))!;
  return [version, ...previous].sort();
}

test('of versions that come into use at once in one process each is remembered, by any path to the folder', async () => {
  const folder = await newFolder('one');
  await symlink(folder, join(root, 'link'));
  const versions = Array.from({ length: 12 }, (_, i) => `v-${String(i).padStart(2, '0')}`);
  await Promise.all(
    versions.map((version, i) => pointAtVersion(i % 2 === 0 ? folder : join(root, 'link'), version)),
  );
  expect(await remembered(folder)).toEqual(versions);
});

test('of versions that three processes bring into use at once each is remembered', async () => {
  const folder = await newFolder('three');
  const script = await bundledScript(new URL('point-often.ts', import.meta.url));
  const of = (process: number) => Array.from({ length: 8 }, (_, i) => `v-${process}${i}`);
  const children = [0, 1, 2].map((i) => fork(script, [folder, ...of(i)], { execArgv: [] }));
  await Promise.all(children.map((child) => once(child, 'message')));
  const ends = children.map((child: ChildProcess) => once(child, 'exit'));
  for (const child of children) child.send('go');
  expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 0, 0]);
  expect(await remembered(folder)).toEqual([0, 1, 2].flatMap(of));
});

test('a change that fails writes nothing, and the next one is not held up', async () => {
  const folder = await newFolder('failing');
  await pointAtVersion(folder, 'v-1');
  const change = changeVersionPointer(folder, () => Promise.reject(new Error('No.')));
  await expect(change).rejects.toThrow('No.');
  expect(await readVersionPointer(folder)).toEqual({ version: 'v-1', previous: [], withdrawn: [] });
  await pointAtVersion(folder, 'v-2');
  expect(await remembered(folder)).toEqual(['v-1', 'v-2']);
});

test('a rollback beside a promotion loses neither', async () => {
  const folder = await newFolder('rollback');
  const sealed = await Promise.all([1, 2, 3].map((seed) => tinyArtifact({ seed })));
  const [first, second, third] = sealed.map(({ version }) => version);
  for (const one of sealed.slice(0, 2)) await writeArtifact(folder, one);
  await Promise.all([rollBack(folder), writeArtifact(folder, sealed[2])]);
  const { version, previous, withdrawn } = (await readVersionPointer(folder))!;
  // Whichever came first, the second saw what it had done.
  if (version === third) expect([previous, withdrawn]).toEqual([[first], [second]]);
  else expect([version, previous, withdrawn]).toEqual([second, [first], [third]]);
});

test('nothing is made in a folder that is no router, nor where there is none', async () => {
  const folder = await newFolder('other');
  await writeFile(join(folder, 'note.txt'), 'mine');
  await expect(rollBack(folder)).rejects.toThrow(InvalidInputError);
  await expect(rollBack(join(root, 'none'))).rejects.toThrow(/There is no router in/);
  expect(await readdir(folder)).toEqual(['note.txt']);
});
