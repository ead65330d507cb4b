import fc from 'fast-check';
import { type Artifact, createRouter, memoryFiles, PointsmanError, readArtifact } from 'pointsman';
import { manifestDigest, manifestId, webSha256 } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { fakeAsyncEmbedder } from '../../fixtures/fake-embedder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const sealed = await tinyArtifact();
const expected = await answer(await readArtifact(memoryFiles(sealed.files)));
const paths = [...sealed.files.keys()];

async function answer(artifact: Artifact) {
  const { routerMs, ...decision } = await createRouter(artifact, { embedder: fakeAsyncEmbedder() }).route({
    text: 'hello',
  });
  return decision;
}

/** What came of reading and routing: a decision, or an error of ours. Anything else fails the test. */
async function outcome(files: ReadonlyMap<string, Uint8Array>) {
  try {
    return await answer(await readArtifact(memoryFiles(files)));
  } catch (error) {
    if (error instanceof PointsmanError) return error;
    throw error;
  }
}

test('bytes flipped or cut anywhere: refused, or the very same decision', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
      fc.option(fc.nat(), { freq: 2 }),
      async (path, flips, cut) => {
        let bytes = sealed.files.get(path)!.slice();
        for (const [place, mask] of flips) bytes[place % bytes.length] ^= mask;
        if (cut !== null) bytes = bytes.slice(0, cut % (bytes.length + 1));
        const result = await outcome(new Map([...sealed.files, [path, bytes]]));
        if (!(result instanceof Error)) expect(result).toEqual(expected);
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});

test('any value anywhere in a manifest that is sealed again: an error of ours, or a decision of finite numbers', async () => {
  const places = leaves(sealed.manifest);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), hostileValue(), async (place, value) => {
      const manifest = JSON.parse(JSON.stringify(sealed.manifest)) as Record<string, unknown>;
      put(manifest, place, value);
      manifest.id = await manifestId(manifest, webSha256);
      manifest.digest = await manifestDigest(manifest, webSha256);
      const bytes = new TextEncoder().encode(JSON.stringify(manifest));
      const result = await outcome(new Map([...sealed.files, ['manifest.json', bytes]]));
      if (!(result instanceof Error)) expectFinite(result);
    }),
    { numRuns: 600, seed: 2 },
  );
});

test('any value anywhere in model.json, with its digest made right: the same', async () => {
  const model: unknown = JSON.parse(new TextDecoder().decode(sealed.files.get('model.json')));
  const places = leaves(model);
  const core = new Map([...sealed.files].filter(([path]) => path !== 'manifest.json'));
  const { buildArtifact } = await import('../../../training/artifact/build-artifact.ts');
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), hostileValue(), async (place, value) => {
      const changed = JSON.parse(JSON.stringify(model));
      put(changed, place, value);
      const bytes = new TextEncoder().encode(JSON.stringify(changed));
      const again = await buildArtifact(sealed.manifest, new Map([...core, ['model.json', bytes]]));
      const result = await outcome(again.files);
      if (!(result instanceof Error)) expectFinite(result);
    }),
    { numRuns: 400, seed: 3 },
  );
});

test('any bytes in place of weights, neighbours or standardisation, digests made right: the same', async () => {
  const core = new Map([...sealed.files].filter(([path]) => path !== 'manifest.json'));
  const { buildArtifact } = await import('../../../training/artifact/build-artifact.ts');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('weights.bin', 'knn.bin', 'standardisation.bin'),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 12 }),
      async (path, writes) => {
        const bytes = sealed.files.get(path)!.slice();
        for (const [place, byte] of writes) bytes[place % bytes.length] = byte;
        const again = await buildArtifact(sealed.manifest, new Map([...core, [path, bytes]]));
        const result = await outcome(again.files);
        if (!(result instanceof Error)) expectFinite(result);
      },
    ),
    { numRuns: 400, seed: 4 },
  );
});

function hostileValue(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      -1,
      0,
      1e308,
      -1e308,
      1e-308,
      2 ** 31,
      2 ** 53,
      0.5,
      '',
      '../x',
      'manifest.json',
      [],
      {},
      null,
    ),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.nat(20),
  );
}

/** Paths to every value inside. */
function leaves(value: unknown, path: readonly PropertyKey[] = []): PropertyKey[][] {
  if (value === null || typeof value !== 'object') return [[...path]];
  const inner = Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]));
  return path.length === 0 ? inner : [[...path], ...inner];
}

function put(target: unknown, path: readonly PropertyKey[], value: unknown): void {
  let object = target as Record<PropertyKey, unknown>;
  for (const step of path.slice(0, -1)) object = object[step] as Record<PropertyKey, unknown>;
  object[path.at(-1)!] = value;
}

function expectFinite(decision: Awaited<ReturnType<typeof answer>>): void {
  const numbers = [
    decision.confidence,
    ...Object.values(decision.probabilities),
    ...decision.predictions.flatMap((row) => [
      row.successProbability,
      row.utility,
      row.expectedCostUsd ?? 0,
      row.expectedLatencyMs ?? 0,
    ]),
  ];
  for (const number of numbers) expect(Number.isFinite(number)).toBe(true);
  expect(decision.predictions.map((row) => row.candidate)).toContain(decision.candidate);
}
