import { type Artifact, createRouter, type Router } from 'pointsman';
import { countRequestTokens, mean } from 'pointsman/internal';
import { beforeAll, describe, expect, test } from 'vitest';
import { addCandidate } from '../../../training/candidates/change-candidates.ts';
import { mapCells, type OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import {
  SUM_TOKENS,
  TOKEN_PRICES,
  tokenTraffic,
  VERSE_TOKENS,
  without,
} from '../../fixtures/token-traffic.ts';
import { open, trainedArtifact } from './fixture.ts';

const SUM = { text: 'What is 512 + 77 when rivers are counted twice?' };
const VERSE = { text: 'Write a poem about lanterns and ships, with rhymes' };
const LONG = { text: 'some more words '.repeat(30_000) };
const PRICES = { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 4 };

/** Probes of "twin", which is like "poet" but writes twice as much, at `PRICES`. */
function withTwin(probes: OutcomeMatrix): OutcomeMatrix {
  const { candidates } = probes;
  const poet = candidates.indexOf('poet');
  const width = candidates.length;
  const widen = (cells: Float32Array, factor = 1) =>
    Float32Array.from({ length: (cells.length / width) * (width + 1) }, (_, i) => {
      const row = Math.floor(i / (width + 1)) * width;
      const column = i % (width + 1);
      return column < width ? cells[row + column] : factor * cells[row + poet];
    });
  const wide = { ...probes, candidates: [...candidates, 'twin'], ...mapCells(probes, widen) };
  if (wide.outputTokens === undefined || wide.inputTokens === undefined) return wide;
  const { inputTokens } = wide;
  const outputTokens = widen(probes.outputTokens!, 2);
  const costUsd = wide.costUsd.map((cost, cell) =>
    cell % (width + 1) === width ? (inputTokens[cell] * 1 + outputTokens[cell] * 4) / 1e6 : cost,
  );
  return { ...wide, outputTokens, costUsd };
}

async function added(artifact: Artifact, probes: OutcomeMatrix, settings: object = {}): Promise<Router> {
  const candidate = { name: 'twin', ...settings };
  return open((await addCandidate({ artifact, candidate, probes, family: ['poet'], open })).artifact);
}

const traffic = tokenTraffic({ prompts: 400, seed: 1, longest: 100 });
const probes = withTwin(tokenTraffic({ prompts: 60, seed: 21, longest: 100 }));

describe('a router whose log had tokens', () => {
  let artifact: Artifact;
  beforeAll(async () => {
    artifact = await trainedArtifact(traffic, { candidates: TOKEN_PRICES });
  }, 240_000);

  test('costs, of prompts however long, what tokens cost; the report holds expected against paid', async () => {
    const router = createRouter(artifact);
    const { costUsd } = await router.predict(LONG);
    const tokens = countRequestTokens(LONG);
    expect(costUsd[0] / ((1.3 * tokens * 5) / 1e6)).toBeGreaterThan(0.9);
    expect(costUsd[0] / ((1.3 * tokens * 5) / 1e6)).toBeLessThan(1.1);
    const { candidate } = await router.route(LONG, { limits: { maxCostUsd: 0.1 } });
    expect(candidate).not.toBe('large');
    expect(artifact.manifest.heads.cost).toBeNull();
  });

  test.each<[string, OutcomeMatrix, object]>([
    ['with prices', probes, PRICES],
    ['with bills', probes, {}],
  ])(
    'takes another one %s: its tokens are learned from its probes, and nothing changes for the others',
    async (_, told, settings) => {
      const [before, after] = [createRouter(artifact), await added(artifact, told, settings)];
      for (const request of [SUM, VERSE, LONG]) {
        const [old, now] = [await before.predict(request), await after.predict(request)];
        for (let c = 0; c < 3; c++) {
          expect(now.costUsd[c] / old.costUsd[c]).toBeCloseTo(1, 5);
          expect(now.outputTokens![c] / old.outputTokens![c]).toBeCloseTo(1, 5);
          expect(now.latencyMs[c] / old.latencyMs[c]).toBeCloseTo(1, 5);
        }
      }
      const [sum, verse] = [await after.predict(SUM), await after.predict(VERSE)];
      expect(sum.outputTokens![3] / (2 * SUM_TOKENS * Math.exp(0.125))).toBeGreaterThan(0.6);
      expect(sum.outputTokens![3] / (2 * SUM_TOKENS * Math.exp(0.125))).toBeLessThan(1.6);
      expect(verse.outputTokens![3] / (2 * VERSE_TOKENS * Math.exp(0.125))).toBeGreaterThan(0.6);
      expect(verse.outputTokens![3] / (2 * VERSE_TOKENS * Math.exp(0.125))).toBeLessThan(1.6);
      const long = await after.predict(LONG);
      expect(long.costUsd[3] / ((1.3 * countRequestTokens(LONG)) / 1e6)).toBeGreaterThan(0.85);
      expect(long.costUsd[3] / ((1.3 * countRequestTokens(LONG)) / 1e6)).toBeLessThan(1.3);
    },
  );
});

describe('a router whose log had bills alone', () => {
  test('takes another one, whose input is told from the rest as its family has it', async () => {
    const bills = tokenTraffic({ prompts: 400, seed: 1, longest: 600 });
    const artifact = await trainedArtifact(without(bills, 'tokens'));
    expect(artifact.manifest.heads.costBesideInput).toBeDefined();
    const told = without(withTwin(tokenTraffic({ prompts: 60, seed: 21, longest: 600 })), 'tokens');
    const [before, after] = [createRouter(artifact), await added(artifact, told)];
    const [old, now] = [await before.predict(LONG), await after.predict(LONG)];
    for (let c = 0; c < 3; c++) expect(now.costUsd[c] / old.costUsd[c]).toBeCloseTo(1, 5);
    const paid = told.costUsd.filter((_, cell) => cell % 4 === 3);
    expect(now.costUsd[3]).toBeGreaterThan(10 * mean(paid));
  }, 240_000);
});
