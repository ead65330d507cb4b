import { type Artifact, memoryFiles, readArtifact } from 'pointsman';
import type { ManifestCandidate } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { type CandidateSettings, setCandidate } from '../../../training/candidates/change-candidates.ts';
import { readTinyArtifact, tinyArtifact } from '../../fixtures/tiny-artifact.ts';
import { routerOf } from './fixture.ts';

const vector = new Float32Array(8).fill(0.3);
const REQUEST = { text: 'How much is a ticket to the end of the line?' };
const PRICES = { inputPricePerMillionTokens: 2, outputPricePerMillionTokens: 8 };
const TOKENS = { meanInput: 500, meanOutput: 250, inputFrame: 10, inputRatio: 1.1 };

async function artifactOf(own: Partial<ManifestCandidate>): Promise<Artifact> {
  const { manifest } = await readTinyArtifact();
  const sealed = await tinyArtifact({
    manifest: {
      candidates: manifest.candidates.map((candidate, c) => (c === 1 ? { ...candidate, ...own } : candidate)),
      heads: {
        ...manifest.heads,
        outputTokens: { head: { kind: 'layers', output: 'cost' }, scales: [50, 50, 50] },
      },
    },
  });
  return readArtifact(memoryFiles(sealed.files));
}

async function set(artifact: Artifact, settings: CandidateSettings): Promise<Artifact> {
  return readArtifact(memoryFiles((await setCandidate(artifact, 'm1', settings)).files));
}

const costsOf = (artifact: Artifact) => routerOf(artifact).predictEmbedding(vector, REQUEST).costUsd;

test('other prices are other costs from the next request on; nothing else changes', async () => {
  const before = await artifactOf({ ...PRICES, tokens: TOKENS, meanCostUsd: 0.003 });
  const after = await set(before, { inputPricePerMillionTokens: 4, outputPricePerMillionTokens: 16 });
  const [old, now] = [costsOf(before), costsOf(after)];
  expect(now[1] / old[1]).toBeCloseTo(2, 9);
  expect(now[0]).toBe(old[0]);
  expect(after.manifest.candidates[1]).toMatchObject({ meanCostUsd: 0.006, tokens: TOKENS });
  expect(after.manifest.files).toEqual(before.manifest.files);
  expect(after.manifest.id).not.toBe(before.manifest.id);
  expect(after.manifest.provenance.config).toEqual({
    amended: [
      {
        from: before.manifest.id,
        what: 'Candidate m1 was set to inputPricePerMillionTokens 4, outputPricePerMillionTokens 16.',
      },
    ],
  });
});

test('a price of the input alone goes with the price of the output that bills agree on', async () => {
  const { inputPricePerMillionTokens: _, ...unpriced } = (await readTinyArtifact()).manifest.candidates[1];
  const before = await artifactOf({ ...unpriced, paidPrices: PRICES, tokens: TOKENS, meanCostUsd: 0.003 });
  const after = await set(before, { inputPricePerMillionTokens: 200 });
  expect(costsOf(after)[1]).toBeGreaterThan(costsOf(before)[1] + 0.002);
});

test('limits are set, too', async () => {
  const before = await artifactOf({ ...PRICES, tokens: TOKENS });
  const after = await set(before, { contextWindowTokens: 5, modalities: ['text'] });
  expect(routerOf(after).routeEmbedding(vector, REQUEST).predictions.at(-1)?.removedBy).toMatch(
    /do not fit its context window of 5/,
  );
  expect(costsOf(after)).toEqual(costsOf(before));
});

test('what is not known is refused, and so is what changes nothing', async () => {
  const artifact = await artifactOf({ ...PRICES, tokens: TOKENS });
  await expect(async () => setCandidate(artifact, 'x', PRICES)).rejects.toThrow(/m0, m1, m2. Got "x"/);
  await expect(async () => setCandidate(artifact, 'm1', PRICES)).rejects.toThrow(/must change something/);
  await expect(async () => setCandidate(artifact, 'm1', {})).rejects.toThrow(/must change something/);
});
