import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readArtifactFolder } from 'pointsman/node';
import { expect, test } from 'vitest';
import { listVersions, pruneVersions, rollBack } from '../../../training/artifact/versions.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const { folder: root } = temporaryFolder();

/** A folder with so many versions, written a minute apart, the last in use. */
async function routerWith(name: string, count: number): Promise<{ folder: string; versions: string[] }> {
  const folder = join(root, name);
  const versions: string[] = [];
  for (let i = 0; i < count; i++) {
    const { version } = await writeArtifact(folder, await tinyArtifact({ seed: i + 1 }));
    const time = new Date(1_700_000_000_000 + i * 60_000);
    await utimes(join(folder, version, 'manifest.json'), time, time);
    versions.push(version);
  }
  return { folder, versions };
}

const inUse = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'current.json'), 'utf8')).version;

test('a challenger can be written without being pointed at', async () => {
  const { folder, versions } = await routerWith('challenger', 1);
  const { version } = await writeArtifact(folder, await tinyArtifact({ seed: 9 }), { point: false });
  expect(await inUse(folder)).toBe(versions[0]);
  expect((await readArtifactFolder(join(folder, version))).manifest.id).toContain(version.slice(2));
  expect((await listVersions(folder)).map(({ state }) => state).sort()).toEqual(['in use', 'kept']);
});

test('rolling back goes to the version before, again to the one before that, and says when there is none', async () => {
  const { folder, versions } = await routerWith('back', 3);
  expect(await rollBack(folder)).toEqual({ from: versions[2], to: versions[1] });
  expect(await inUse(folder)).toBe(versions[1]);
  expect((await listVersions(folder)).map(({ state }) => state)).toEqual(['withdrawn', 'in use', 'before']);
  expect(await rollBack(folder)).toEqual({ from: versions[1], to: versions[0] });
  await expect(rollBack(folder)).rejects.toThrow(/No version was in use before.*Choose one with --to/s);
  expect(await rollBack(folder, { to: versions[2] })).toEqual({ from: versions[0], to: versions[2] });
  expect((await listVersions(folder)).map(({ state }) => state)).toEqual([
    'in use',
    'withdrawn',
    'withdrawn',
  ]);
});

test('a rollback to a damaged version is refused, and nothing changes', async () => {
  const { folder, versions } = await routerWith('damaged', 2);
  await writeFile(join(folder, versions[0], 'weights.bin'), 'x');
  const before = await readFile(join(folder, 'current.json'), 'utf8');
  await expect(rollBack(folder)).rejects.toThrow('weights.bin');
  await expect(rollBack(folder, { to: 'v-000000000000' })).rejects.toThrow(
    'There is no version v-000000000000',
  );
  await expect(rollBack(folder, { to: versions[1] })).rejects.toThrow('in use already');
  expect(await readFile(join(folder, 'current.json'), 'utf8')).toBe(before);
  expect((await listVersions(folder)).find(({ version }) => version === versions[0])?.problem).toContain(
    'weights.bin',
  );
});

test('pruning keeps the last that were in use and the last that never were, in any case the one in use and before', async () => {
  const { folder, versions } = await routerWith('pruned', 6);
  const refused: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { version } = await writeArtifact(folder, await tinyArtifact({ seed: 20 + i }), { point: false });
    const time = new Date(1_800_000_000_000 + i * 60_000);
    await utimes(join(folder, version, 'manifest.json'), time, time);
    refused.push(version);
  }
  const left = async () => (await readdir(folder)).filter((name) => name.startsWith('v-')).sort();
  expect((await pruneVersions(folder, 3)).sort()).toEqual(versions.slice(0, 3).sort());
  expect(await left()).toEqual([...versions.slice(3), ...refused].sort());
  expect(await pruneVersions(folder, 1)).toEqual([versions[3], refused[1], refused[0]]);
  expect(await left()).toEqual([versions[4], versions[5], refused[2]].sort());
  expect(await inUse(folder)).toBe(versions[5]);
  expect(await rollBack(folder)).toEqual({ from: versions[5], to: versions[4] });
});

test('what a crash left half-written is cleared away after a day, and not before', async () => {
  const { folder } = await routerWith('crashed', 1);
  await writeFile(join(folder, '.writing-abandoned'), '');
  await pruneVersions(folder, 3);
  expect(await readdir(folder)).toContain('.writing-abandoned');
  await pruneVersions(folder, 3, Date.now() + 25 * 3_600_000);
  expect(await readdir(folder)).not.toContain('.writing-abandoned');
});

test('a folder without a pointer loses nothing', async () => {
  const { folder, versions } = await routerWith('unpointed', 2);
  await writeFile(join(folder, 'current.json'), 'not JSON');
  expect(await pruneVersions(folder, 1)).toEqual([]);
  expect((await readdir(folder)).filter((name) => name.startsWith('v-')).sort()).toEqual(
    [...versions].sort(),
  );
  await expect(rollBack(folder)).rejects.toThrow('no current.json that can be read');
});
