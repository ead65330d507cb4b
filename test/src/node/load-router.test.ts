import { execFileSync } from 'node:child_process';
import { mkdir, open, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArtifactError } from 'pointsman';
import { folderFiles, manifestDigest, manifestId, resolveVersion, webSha256 } from 'pointsman/internal';
import { loadRouter, readArtifactFolder } from 'pointsman/node';
import { expect, test } from 'vitest';
import { readVersionPointer, writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const { folder: root } = temporaryFolder();

test('a router loads from its folder, from its version, and routes', async () => {
  const folder = join(root, 'whole');
  const { path, version } = await writeArtifact(folder, await tinyArtifact());
  expect(await resolveVersion(folder)).toBe(path);
  expect(await resolveVersion(path)).toBe(path);
  const router = await loadRouter(folder, { embedder: fakeEmbedder });
  const decision = await router.route({ text: 'hello' });
  expect(decision.artifactId).toBe(`tiny-${version.slice(2)}`);
});

test('code that only some policies need is loaded with them, whichever file they come from', async () => {
  const folder = join(root, 'rules');
  const rules = [{ when: 'tokens < 3', then: 'm1' }];
  const policy = { kind: 'rules', rules, otherwise: { kind: 'utility' } };
  await writeArtifact(folder, await tinyArtifact({ manifest: { policy } }));
  const router = await loadRouter(folder, { embedder: fakeEmbedder });
  expect((await router.route({ text: 'hello' })).candidate).toBe('m1');
  const given = await loadRouter(folder, {
    embedder: fakeEmbedder,
    policy: { kind: 'threshold', weak: 'm0', strong: 'm2', threshold: 1 },
  });
  expect((await given.route({ text: 'hello' })).policyPath).toEqual(['threshold:weak']);
  const broken = { ...policy, rules: [{ name: 'short', when: 'tokens <', then: 'm1' }] };
  await writeArtifact(join(root, 'broken'), await tinyArtifact({ manifest: { policy: broken } }));
  await expect(loadRouter(join(root, 'broken'), { embedder: fakeEmbedder })).rejects.toThrow(
    /`policy` of manifest.json cannot be used: `when` of rule "short" cannot be used/,
  );
});

test('what was checked is what is used: files changed after loading change nothing', async () => {
  const folder = join(root, 'changed');
  const { path } = await writeArtifact(folder, await tinyArtifact());
  const router = await loadRouter(folder, { embedder: fakeEmbedder });
  const before = await router.predict({ text: 'hello' });
  await writeFile(join(path, 'weights.bin'), 'x');
  expect(await router.predict({ text: 'hello' })).toEqual(before);
  await expect(loadRouter(folder, { embedder: fakeEmbedder })).rejects.toBeInstanceOf(ArtifactError);
});

test.each([
  ['an empty folder', undefined, /neither manifest.json nor current.json.*pointsman train --out/s],
  ['a pointer that is no JSON', 'v-1', /must be \{"version": "<folder name>"\}. Got "v-1"/],
  ['a pointer out of the folder', '{"version":"../whole"}', /must be \{"version"/],
  ['a pointer to nothing', '{"version":"v-123"}', /names v-123, and .* has no manifest.json/],
])('%s is refused with what to do', async (name, pointer, expected) => {
  const folder = join(root, name.replaceAll(' ', '-'));
  await mkdir(folder);
  if (pointer !== undefined) await writeFile(join(folder, 'current.json'), pointer);
  await expect(loadRouter(folder)).rejects.toThrow(expected);
  await expect(loadRouter(folder)).rejects.toBeInstanceOf(ArtifactError);
});

test('a folder that is not there is refused', async () => {
  await expect(readArtifactFolder(join(root, 'nowhere'))).rejects.toBeInstanceOf(ArtifactError);
});

test('a link that leads out of the folder is refused, one that stays inside is not', async () => {
  const folder = join(root, 'links');
  const { path } = await writeArtifact(folder, await tinyArtifact());
  await writeFile(join(root, 'secret'), 'secret');
  await symlink(join(root, 'secret'), join(path, 'out'));
  await symlink(join(path, 'weights.bin'), join(path, 'in'));
  const files = folderFiles(path);
  await expect(files.read('out', 1e6)).rejects.toThrow('leads out of the artifact');
  expect((await files.read('in', 1e6)).length).toBeGreaterThan(0);
  await rm(join(path, 'weights.bin'));
  await symlink(join(root, 'secret'), join(path, 'weights.bin'));
  await expect(loadRouter(folder, { embedder: fakeEmbedder })).rejects.toThrow(
    /weights.bin of the artifact cannot be read/,
  );
});

test.each<[string, (path: string) => Promise<unknown> | unknown]>([
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a folder', (path) => mkdir(path)],
  ['a link to a device', (path) => symlink('/dev/zero', path)],
  ['a link to itself', (path) => symlink(path, path)],
  ['a link to a file elsewhere', (path) => symlink(join(root, 'whole', 'current.json'), path)],
  ['a file of gigabytes', (path) => sparse(path, 2 ** 32)],
])('%s in the place of current.json, the manifest or the weights is refused at once', async (what, make) => {
  for (const name of ['current.json', 'manifest.json', 'weights.bin']) {
    const folder = join(root, `${what} as ${name}`.replaceAll(' ', '-'));
    const { path } = await writeArtifact(folder, await tinyArtifact());
    const place = join(name === 'current.json' ? folder : path, name);
    await rm(place);
    await make(place);
    await expect(loadRouter(folder, { embedder: fakeEmbedder })).rejects.toBeInstanceOf(ArtifactError);
    await expect(loadRouter(folder, { embedder: fakeEmbedder, watch: true })).rejects.toBeInstanceOf(
      ArtifactError,
    );
    if (name === 'current.json') expect(await readVersionPointer(folder)).toBeNull();
  }
});

test('four files of 1 GiB that take no room on disk are refused before they are read', async () => {
  const folder = join(root, 'sparse');
  const sealed = await tinyArtifact();
  const giants = [1, 2, 3, 4].map((i) => ({
    path: `giant-${i}.bin`,
    bytes: 2 ** 30,
    sha256: '0'.repeat(64),
  }));
  const manifest = { ...structuredClone(sealed.manifest), files: [...sealed.manifest.files, ...giants] };
  const id = await manifestId(manifest, webSha256);
  const digest = await manifestDigest({ ...manifest, id }, webSha256);
  await writeArtifact(folder, sealed);
  const path = await resolveVersion(folder);
  await writeFile(join(path, 'manifest.json'), JSON.stringify({ ...manifest, id, digest }));
  for (const giant of giants) await sparse(join(path, giant.path), giant.bytes);
  const before = process.memoryUsage().rss;
  await expect(loadRouter(folder, { embedder: fakeEmbedder })).rejects.toThrow('bytes together');
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
});

/** A file of so many bytes that takes none on disk. */
async function sparse(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  await file.truncate(bytes);
  await file.close();
}

test('a pipe, a folder, a file that is too large: refused without waiting and without reading', async () => {
  const folder = join(root, 'odd');
  await mkdir(join(folder, 'sub'), { recursive: true });
  await writeFile(join(folder, 'large'), 'x'.repeat(100));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const files = folderFiles(folder);
  await expect(files.read('pipe', 10)).rejects.toThrow('"pipe" is not a file');
  await expect(files.read('sub', 10)).rejects.toThrow('"sub" is not a file');
  await expect(files.read('large', 99)).rejects.toThrow('"large" is 100 bytes long; it must be at most 99');
  await expect(files.read('../whole/current.json', 99)).rejects.toThrow('is not a path inside');
});
