import { createRouter, InvalidInputError, memoryFiles, type PolicySpec, readArtifact } from 'pointsman';
import { describe, expect, test } from 'vitest';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const CANDIDATES = 3;
const LENGTH = 8;

/** A router that is unsure, and which files of it were read. */
async function made(policy: PolicySpec = { kind: 'utility' }) {
  const numbers = [1, ...[0.09, 0, 0], ...[0, 0.09, 0], ...[0, 0, 0.09]];
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  const plain = await tinyArtifact({ success: 'linear' });
  const { success } = plain.manifest.heads;
  const built = await tinyArtifact({
    success: 'linear',
    manifest: {
      policy,
      heads: {
        ...plain.manifest.heads,
        success: { ...success, head: { kind: 'logit', prior: [0.5, 0.52, 0.5], head: success.head } },
      },
      uncertainty: {
        file: 'uncertainty.bin',
        components: 0,
        difficulty: { outcomes: 500, penalty: 10, variance: 0.05 },
        advantage: { outcomes: [500, 500, 20], penalty: 10 },
      },
    },
    files: new Map([['uncertainty.bin', bytes]]),
  });
  const read: string[] = [];
  const files = memoryFiles(built.files);
  return {
    built,
    read,
    files: {
      read: (path: string, maxBytes: number) => {
        read.push(path);
        return files.read(path, maxBytes);
      },
    },
  };
}

const embedding = Float32Array.from({ length: LENGTH }, (_, i) => 0.1 + 0.02 * i);
const options = { embedder: fakeEmbedder };

describe('a router that knows how unsure it is', () => {
  test('reads the file only where something asks for it', async () => {
    const { files, read } = await made();
    const artifact = await readArtifact(files);
    expect(read).not.toContain('uncertainty.bin');
    expect(artifact.uncertainty).toBeUndefined();
    expect(() => artifact.file('uncertainty.bin')).toThrow(/no file/);
    const router = createRouter(artifact, options);
    expect(router.routeEmbedding(embedding).predictions[0]).not.toHaveProperty('standardError');
    expect(() => router.routeEmbedding(embedding, undefined, { uncertainty: true })).toThrow(
      /trained and read with \{ uncertainty: true \}/,
    );
    await readArtifact(files, { uncertainty: true });
    expect(read.filter((path) => path === 'uncertainty.bin')).toHaveLength(1);
  });

  test('says it of each prediction, and of its difference to the chosen one', async () => {
    const { files } = await made();
    const router = createRouter(await readArtifact(files, { uncertainty: true }), options);
    const { predictions } = router.routeEmbedding(embedding, undefined, { uncertainty: true });
    expect(predictions[0].differenceError).toBe(0);
    const byName = Object.fromEntries(predictions.map((row) => [row.candidate, row]));
    expect(predictions).toHaveLength(CANDIDATES);
    for (const row of predictions) {
      expect(row.standardError).toBeGreaterThan(0.005);
      expect(row.standardError).toBeLessThan(0.5);
      if (row !== predictions[0]) expect(row.differenceError).toBeGreaterThan(0.005);
    }
    // It has a 25th of the outcomes of the others.
    expect(byName.m2.standardError).toBeGreaterThan(1.2 * byName.m0.standardError!);
    expect(router.routeEmbedding(embedding).predictions[0]).not.toHaveProperty('standardError');
  });

  test('tells nothing where the artifact does not know', async () => {
    const { files } = await made();
    const plain = await readArtifact(memoryFiles((await tinyArtifact()).files), { uncertainty: true });
    const router = createRouter(plain, options);
    const { predictions } = router.routeEmbedding(embedding, undefined, { uncertainty: true });
    expect(predictions[0]).toMatchObject({ standardError: null, differenceError: null });
    expect(() => createRouter(plain, { ...options, policy: thompson })).toThrow(InvalidInputError);
    const unread = await readArtifact(files);
    expect(() => createRouter(unread, { ...options, policy: thompson })).toThrow(/\{ uncertainty: true \}/);
  });

  test('draws by it, with a policy of its own that does', async () => {
    const { files, read } = await made(thompson);
    const router = createRouter(await readArtifact(files), { ...options, seed: 1 });
    expect(read).toContain('uncertainty.bin');
    const drawn = new Map<string, number>();
    for (let i = 0; i < 2_000; i++) {
      const { candidate, propensities, propensity } = router.routeEmbedding(embedding);
      expect(propensities?.[candidate]).toBe(propensity);
      expect(Object.values(propensities!).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
      drawn.set(candidate, (drawn.get(candidate) ?? 0) + 1);
    }
    const { propensities } = router.routeEmbedding(embedding);
    for (const [name, propensity] of Object.entries(propensities!))
      expect(Math.abs((drawn.get(name) ?? 0) / 2_000 - propensity)).toBeLessThan(0.05);
  });

  test('a file that was edited is refused', async () => {
    const { built } = await made();
    const bytes = built.files.get('uncertainty.bin')!.slice();
    bytes[0] ^= 1;
    const edited = memoryFiles(new Map([...built.files, ['uncertainty.bin', bytes]]));
    await expect(readArtifact(edited)).resolves.toBeDefined();
    await expect(readArtifact(edited, { uncertainty: true })).rejects.toThrow(/edited or damaged/);
  });
});

const thompson: PolicySpec = {
  kind: 'explore',
  method: 'thompson',
  observations: 'posterior',
  policy: { kind: 'utility' },
};
