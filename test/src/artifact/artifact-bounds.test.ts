import {
  ArtifactError,
  type ArtifactFiles,
  createRouter,
  type Manifest,
  memoryFiles,
  readArtifact,
} from 'pointsman';
import { manifestDigest, manifestId, webSha256 } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { addReports } from '../../../training/artifact/build-artifact.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { floatBytes, tinyArtifact } from '../../fixtures/tiny-artifact.ts';

type Json = Record<string, never>;

const sealed = await tinyArtifact();
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** A manifest changed by someone who knows how to seal it again. */
async function resealed(change: (manifest: Json) => void, from: Manifest = sealed.manifest) {
  const manifest = structuredClone(from) as unknown as Json;
  change(manifest);
  Object.assign(manifest, { id: await manifestId(manifest, webSha256) });
  Object.assign(manifest, { digest: await manifestDigest(manifest, webSha256) });
  return manifest as unknown as Manifest;
}

/** Files of whatever size they are said to have, counting the bytes that are read. */
function countingFiles(manifest: Manifest): ArtifactFiles & { bytes: number } {
  return {
    bytes: 0,
    async read(path) {
      if (path === 'manifest.json') return encode(manifest);
      this.bytes += [...manifest.files, ...manifest.reports].find((file) => file.path === path)!.bytes;
      return sealed.files.get(path) ?? new Uint8Array();
    },
  };
}

const withFile = (path: string, bytes: Uint8Array) => tinyArtifact({ files: new Map([[path, bytes]]) });

describe('sizes', () => {
  test.each<[string, (manifest: Json) => void]>([
    ['four files of 1 GiB', (m) => giant(m, 4, 2 ** 30)],
    ['a hundred files of 10 MiB', (m) => giant(m, 90, 10 * 2 ** 20)],
    ['one file over the limit', (m) => giant(m, 1, 2 ** 29 + 1)],
  ])('%s are refused before the first byte is read', async (_, change) => {
    const files = countingFiles(await resealed(change));
    await expect(readArtifact(files)).rejects.toThrow(/at most 536870912 bytes together.*declares \d+/);
    expect(files.bytes).toBe(0);
  });

  test('reports of gigabytes do not matter where they are not read', async () => {
    const manifest = await resealed((m) =>
      (m.reports as unknown as object[]).push({
        path: 'report.html',
        bytes: 2 ** 30,
        sha256: '0'.repeat(64),
      }),
    );
    const files = countingFiles(manifest);
    expect((await readArtifact(files)).manifest.id).toBe(manifest.id);
    await expect(readArtifact(files, { reports: true })).rejects.toThrow('bytes together');
  });

  test('the limit can be moved', async () => {
    const sum = sealed.manifest.files.reduce((total, { bytes }) => total + bytes, 0);
    const files = memoryFiles(sealed.files);
    await expect(readArtifact(files, { maxBytes: sum })).resolves.toBeDefined();
    await expect(readArtifact(files, { maxBytes: sum - 1 })).rejects.toThrow('Allow more by `maxBytes`');
  });
});

function giant(manifest: Json, count: number, bytes: number): void {
  const files = manifest.files as unknown as object[];
  for (let i = 0; i < count; i++) files.push({ path: `giant-${i}.bin`, bytes, sha256: '0'.repeat(64) });
}

describe('reports', async () => {
  const reported = await addReports(
    sealed,
    { routedQuality: 0.7 },
    new Map([
      ['CARD.md', new TextEncoder().encode('# one\n')],
      ['report.html', new TextEncoder().encode('<p>one')],
    ]),
  );
  const serving = new Map(reported.files);
  serving.delete('report.html');
  serving.set('CARD.md', new TextEncoder().encode('# one\r\n'));

  test('an artifact whose card has other line ends, or whose report is not shipped, serves', async () => {
    const artifact = await readArtifact(memoryFiles(serving));
    const decision = await createRouter(artifact, { embedder: fakeEmbedder }).route({ text: 'hello' });
    expect(decision.artifactId).toBe(sealed.manifest.id);
    expect(artifact.reports).toBeUndefined();
  });

  test('asked for, they are checked, and what changed is named', async () => {
    const { reports } = await readArtifact(memoryFiles(serving), { reports: true });
    expect([...reports!.files.keys()]).toEqual([]);
    expect(reports!.changed.get('CARD.md')).toMatch(/"CARD.md" is larger than 6 bytes/);
    expect(reports!.changed.get('report.html')).toContain('There is no file "report.html"');
    const whole = await readArtifact(memoryFiles(reported.files), { reports: true });
    expect([...whole.reports!.files.keys()]).toEqual(['CARD.md', 'report.html']);
    expect(whole.reports!.changed.size).toBe(0);
  });

  test('what decides is still needed', async () => {
    serving.delete('weights.bin');
    await expect(readArtifact(memoryFiles(serving))).rejects.toThrow('weights.bin of the artifact');
  });
});

test('an artifact whose candidates are all retired is refused when it is read', async () => {
  const manifest = await resealed((m) => {
    for (const candidate of m.candidates as unknown as { retired?: boolean }[]) candidate.retired = true;
  });
  await expect(readArtifact(countingFiles(manifest))).rejects.toThrow(
    '`candidates` of manifest.json must be a list with one at least that is not retired. Got 3 that all are.',
  );
});

describe('weights that are finite and huge', () => {
  const huge = 3e38;
  const length = sealed.files.get('weights.bin')!.length / 4;
  const weights = new Float32Array(sealed.files.get('weights.bin')!.slice().buffer);
  const changedAt = (...places: readonly number[]) =>
    floatBytes(Array.from(weights, (weight, i) => (places.includes(i) ? huge : weight)));

  test.each<[string, Uint8Array]>([
    ['everywhere', floatBytes(Array(length).fill(huge))],
    ['everywhere, with either sign', floatBytes(Array.from({ length }, (_, i) => (i % 2 ? huge : -huge)))],
    ['in one place of the choice head', changedAt(0)],
    ['in one place of the success head', changedAt(8 * 3 + 3)],
    ['in a bias and a weight', changedAt(4, 24)],
  ])('%s are refused at load', async (_, bytes) => {
    const artifact = await readArtifact(memoryFiles((await withFile('weights.bin', bytes)).files));
    expect(() => createRouter(artifact, { embedder: fakeEmbedder })).toThrow(ArtifactError);
    expect(() => createRouter(artifact, { embedder: fakeEmbedder })).toThrow(
      /must give finite numbers whatever the features. `heads.\w+` gives -?Infinity|NaN for m\d/,
    );
  });

  const member = { weight: 1e308, head: { kind: 'layers', output: 'success' } };
  test.each<[string, (manifest: Json) => void]>([
    ['a member of a stack', (m) => set(m, 'heads', 'success', 'head', 'head', 'members', 0, member)],
    [
      'a scale of what heads say',
      (m) =>
        set(m, 'heads', 'cost', 'head', { kind: 'spread', head: member.head, level: 1e308, deviation: 1 }),
    ],
  ])('%s that weighs too much is refused at load', async (_, change) => {
    const manifest = await resealed(change);
    const artifact = await readArtifact(
      memoryFiles(new Map([...sealed.files, ['manifest.json', encode(manifest)]])),
    );
    expect(() => createRouter(artifact, { embedder: fakeEmbedder })).toThrow('must give finite numbers');
  });
});

/** Sets a value deep inside: the last argument at the path before it. */
function set(target: unknown, ...path: readonly unknown[]): void {
  let object = target as Record<PropertyKey, unknown>;
  for (const step of path.slice(0, -2)) object = object[step as string] as Record<PropertyKey, unknown>;
  object[path.at(-2) as string] = path.at(-1);
}

describe('models that grow from a few bytes', () => {
  const topology = () =>
    JSON.parse(new TextDecoder().decode(sealed.files.get('model.json'))) as {
      modelTopology: { config: { layers: object[] } };
    };

  test('layers that each read the one before twice are refused before they take memory', async () => {
    const model = topology();
    for (let i = 0; i < 60; i++) {
      const from = i === 0 ? 'features' : `twice-${i - 1}`;
      model.modelTopology.config.layers.push({
        class_name: 'Concatenate',
        name: `twice-${i}`,
        config: {},
        inbound_nodes: [
          [
            [from, 0, 0, {}],
            [from, 0, 0, {}],
          ],
        ],
      });
    }
    const artifact = await readArtifact(memoryFiles((await withFile('model.json', encode(model))).files));
    expect(() => createRouter(artifact, { embedder: fakeEmbedder })).toThrow(
      /layers of model.json must hold at most 10000000 numbers. They hold more with layer "twice-/,
    );
  });

  test('a stack of thousands of heads is refused', async () => {
    const stack = (head: object, count: number) => ({
      kind: 'stack',
      members: Array.from({ length: count }, () => ({ weight: 0, head })),
    });
    const many = stack(stack({ kind: 'layers', output: 'choice' }, 100), 100);
    const manifest = await resealed((m) => set(m, 'heads', 'choice', 'head', many));
    await expect(readArtifact(countingFiles(manifest))).rejects.toThrow(
      '`heads` of manifest.json must be at most 1000 heads. Got 10',
    );
  });

  test('neighbours by the million are refused', async () => {
    const manifest = await resealed((m) =>
      set(m, 'heads', 'success', 'head', 'head', 'members', 2, 'head', 'neighbours', 1_000_000),
    );
    await expect(readArtifact(countingFiles(manifest))).rejects.toThrow(
      /neighbours` of manifest.json must be a number <= 1000/,
    );
  });
});
