import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRouter, memoryFiles, type Router, readArtifact } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { beforeAll, describe, expect, test } from 'vitest';
import { trafficMeans } from '../../../training/candidates/probes.ts';
import { sayPreferences } from '../../../training/evaluate/preferences.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { checkScores, checkTraffic } from '../../../training/ingest/report.ts';
import { comparisonsOf, isByPreference, type OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { evaluateRouter } from '../../../training/train/evaluate-router.ts';
import { againstTheField } from '../../../training/train/quality.ts';
import type { TrainedRouter } from '../../../training/train/train-router.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { trainedRouter } from '../candidates/fixture.ts';

const { folder } = temporaryFolder();

interface VoteOptions {
  readonly swapped?: boolean;
  /** Share of the prompts whose answers are scored, one by one, in place of being compared. */
  readonly scored?: number;
  /** How often each candidate is one of the two. @default all alike */
  readonly rates?: readonly number[];
}

/** Votes on two of the answers to each prompt: the better one wins, equals tie. */
async function votes(
  traffic: OutcomeMatrix,
  name: string,
  { swapped = false, scored = 0, rates = [1, 1, 1] }: VoteOptions = {},
): Promise<OutcomeMatrix> {
  const random = createRandom(5);
  const { candidates, prompts, quality } = traffic;
  const files = [join(folder, `${name}.jsonl`), join(folder, `${name}-scores.jsonl`)];
  const [compared, scores]: object[][] = [[], []];
  const draw = (among: readonly number[]) => {
    let at = random.next() * among.reduce((sum, rate) => sum + rate, 0);
    return among.findIndex((rate) => {
      at -= rate;
      return rate > 0 && at < 0;
    });
  };
  prompts.forEach(({ request, requestId, task }, row) => {
    const a = draw(rates);
    const b = draw(rates.map((rate, c) => (c === a ? 0 : rate)));
    const [one, other] = [quality[3 * row + a], quality[3 * row + b]];
    const shared = { id: requestId, task, text: request.text };
    if (row < scored * prompts.length) scores.push({ ...shared, candidate: candidates[a], quality: one });
    else if (swapped)
      compared.push({
        ...shared,
        model_a: candidates[b],
        model_b: candidates[a],
        winner: one === other ? 'tie' : one > other ? 'model_b' : 'model_a',
      });
    else
      compared.push({
        ...shared,
        model_a: candidates[a],
        model_b: candidates[b],
        winner: one === other ? 'tie (bothbad)' : one > other ? 'model_a' : 'model_b',
      });
  });
  const write = (file: string, rows: object[]) =>
    writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  await write(files[0], compared);
  await write(files[1], scores);
  const out = join(folder, `${name}.parquet`);
  await ingestOutcomes({ files: files.slice(0, scores.length > 0 ? 2 : 1), out, format: 'auto' });
  return readOutcomeMatrix(out);
}

const traffic = plantedTraffic({ prompts: 900, seed: 1 });
const SUM = { text: 'What is 512 + 77 when rivers are counted twice?' };
const VERSE = { text: 'Write a poem about lanterns and ships, with rhymes' };

const open = async ({ artifact }: TrainedRouter): Promise<Router> =>
  createRouter(await readArtifact(memoryFiles(artifact.files)));

describe('a router that learns from preferences alone', () => {
  let matrix: OutcomeMatrix;
  let trained: TrainedRouter;
  beforeAll(async () => {
    matrix = await votes(traffic, 'votes');
    trained = await trainedRouter(matrix);
  }, 120_000);

  test('has the share of comparisons won for a quality', () => {
    expect(isByPreference(matrix)).toBe(true);
    const compared = comparisonsOf(matrix);
    expect(compared.length).toBe(900);
    for (const { first, second, won } of compared) {
      expect([matrix.quality[first], matrix.quality[second]]).toEqual([won, 1 - won]);
      expect(Number.isNaN(matrix.propensity[first])).toBe(true);
    }
    expect(() => checkTraffic(matrix)).not.toThrow();
  });

  test('finds who is good at what', async () => {
    const router = await open(trained);
    expect((await router.route(SUM)).candidate).toBe('reckoner');
    expect((await router.route(VERSE)).candidate).toBe('poet');
    const { success } = await router.predict(SUM);
    // Against the others, drawn at random, by what makes one answer better than another: 0.5 + (own rate - mean of the others) / 2.
    expect(success[2]).toBeGreaterThan(0.65);
    expect(success[2]).toBeLessThan(0.82);
    expect(success[1]).toBeLessThan(0.35);
  });

  test('says what its figures mean, and how well it foretells preferences', () => {
    const { preferences, verdict } = trained.evaluation;
    expect(verdict.caveats[0]).toMatch(/^Quality is here the share of comparisons won/);
    expect(preferences!.comparisons).toBe(trained.artifact.manifest.provenance.prompts.test);
    expect(preferences!.logLoss.estimate).toBeLessThan(Math.LN2 - 0.05);
    expect(preferences!.saved!.low).toBeGreaterThan(0);
    expect(preferences!.ties).toBeGreaterThan(0.2);
    expect(preferences!.againstBestSingle!.won.estimate).toBeGreaterThan(0.5);
    const said = sayPreferences(preferences!).join(' ');
    expect(said).toContain(`Of ${preferences!.comparisons} comparisons in the test split`);
    expect(said).not.toMatch(/NaN|undefined|null/);
    expect(said).not.toContain('do not show');
    const report = new TextDecoder().decode(trained.artifact.files.get('report.html'));
    expect(report).toContain('Which answer is preferred');
    const { chosen } = trained.artifact.manifest.provenance.config as {
      chosen: { preferences: { comparisons: number; alone: boolean; used: boolean } };
    };
    expect(chosen.preferences).toMatchObject({ alone: true, used: true });
  });

  test('which candidate of a comparison comes first makes no difference to the artifact', async () => {
    const other = await trainedRouter(await votes(traffic, 'swapped', { swapped: true }));
    expect(other.artifact.version).toBe(trained.artifact.version);
    for (const [path, bytes] of trained.artifact.files)
      expect(Buffer.compare(bytes, other.artifact.files.get(path)!), path).toBe(0);
  }, 120_000);

  test('what needs scores says that preferences are none', () => {
    expect(() => checkScores(matrix, 'Tuning')).toThrow(/^Tuning needs scores.*Got 900 comparisons/s);
    expect(() => checkScores(traffic, 'Tuning')).not.toThrow();
  });
});

test('who met a strong opponent more often is not the worse for it', async () => {
  // "large" is everywhere; the two others hardly meet each other.
  const matrix = await votes(traffic, 'skewed', { rates: [20, 1, 1] });
  const rows = Int32Array.from(matrix.prompts.keys());
  const meansOf = ({ quality }: OutcomeMatrix) =>
    matrix.candidates.map((_, c) => {
      const seen = [...quality].filter((value, cell) => cell % 3 === c && !Number.isNaN(value));
      return seen.reduce((sum, value) => sum + value, 0) / seen.length;
    });
  const even = meansOf(await votes(traffic, 'even'));
  const [raw, fair] = [meansOf(matrix), meansOf(againstTheField(matrix, rows))];
  const off = (means: number[]) => means.reduce((sum, mean, c) => sum + Math.abs(mean - even[c]), 0);
  expect(off(fair)).toBeLessThan(off(raw));
  expect(fair.reduce((sum, mean) => sum + mean, 0) / 3).toBeCloseTo(0.5, 1);
});

test('preferences teach beside scores, which alone calibrate and measure', async () => {
  const matrix = await votes(traffic, 'mixed', { scored: 0.4 });
  expect(isByPreference(matrix)).toBe(false);
  expect(comparisonsOf(matrix).length).toBe(540);
  expect([...matrix.quality].filter((value) => !Number.isNaN(value)).length).toBe(360);
  expect(() => checkScores(matrix, 'Tuning')).not.toThrow();
  const trained = await trainedRouter(matrix);
  const router = await open(trained);
  expect((await router.route(SUM)).candidate).toBe('reckoner');
  expect((await router.route(VERSE)).candidate).toBe('poet');
  const { success } = await router.predict(SUM);
  // Qualities again, and not shares of comparisons won: 0.9, 0.7 and 0.2 were planted.
  expect(Math.abs(success[0] - 0.7)).toBeLessThan(0.15);
  expect(Math.abs(success[2] - 0.9)).toBeLessThan(0.15);
  expect(trained.evaluation.verdict.caveats[0]).toMatch(
    /^Quality is measured on scores alone; 540 comparisons/,
  );
  expect(trained.evaluation.preferences!.comparisons).toBeGreaterThan(50);
}, 120_000);

test('the mean quality of a candidate that was only compared is not known, and nothing takes it for 0', async () => {
  const mixed = await votes(traffic, 'unscored', { scored: 0.4 });
  const poet = mixed.candidates.indexOf('poet');
  const quality = mixed.quality.map((value, cell) => (cell % 3 === poet ? Number.NaN : value));
  const trained = await trainedRouter({ ...mixed, quality });
  const { candidates } = trained.artifact.manifest;
  expect(candidates.map(({ meanQuality }) => meanQuality === null)).toEqual(
    mixed.candidates.map((_, c) => c === poet),
  );
  const card = new TextDecoder().decode(trained.artifact.files.get('CARD.md'));
  expect(card).toMatch(/\| poet \| not known \|/);
  const router = await open(trained);
  // What comparisons say of it is learned all the same: 0.9 and 0.2 were planted.
  const [verse, sum] = [await router.predict(VERSE), await router.predict(SUM)];
  expect(Math.abs(verse.success[poet] - 0.9)).toBeLessThan(0.12);
  expect(Math.abs(sum.success[poet] - 0.2)).toBeLessThan(0.12);
  // Traffic with its scores says what it is worth; the router's own means still do not, so it is no best single candidate.
  const evaluation = await evaluateRouter(router, traffic, { resamples: 50 });
  expect(evaluation.verdict.bestSingle).toBe('large');
  expect(evaluation.strategies.every(({ quality }) => Number(quality.estimate) > 0.4)).toBe(true);
  // Of a new candidate's means, what the heads expect of it stands for it, by what the others are off.
  const expected = Float64Array.from({ length: 30 }, (_, i) => [0.2, 0.3, 0.4][i % 3]);
  const means = trafficMeans([{ meanQuality: 0.3 }, { meanQuality: null }, { meanQuality: 0.6 }], expected);
  expect([...means].map((value) => Number(value.toFixed(6)))).toEqual([0.3, 0.45, 0.6]);
}, 120_000);

test('the propensity of a pair becomes that of its candidates', async () => {
  const file = join(folder, 'propensities.jsonl');
  const out = join(folder, 'propensities.parquet');
  const row = (a: string, b: string, propensity: number) =>
    JSON.stringify({ prompt: `What is ${a} of ${b}?`, a, b, winner: 'a', propensity });
  await writeFile(file, [row('x', 'y', 1 / 3), row('y', 'z', 1), row('x', 'z', 0.1)].join('\n'));
  await ingestOutcomes({ files: [file], out, format: 'auto' });
  const { propensity } = await readOutcomeMatrix(out);
  // Of three candidates, each is in two pairs of three.
  expect(
    [...propensity]
      .filter((value) => !Number.isNaN(value))
      .map((value) => Number(value.toFixed(4)))
      .sort(),
  ).toEqual([0.2, 0.2, 0.6667, 0.6667, 1, 1]);
});

test('a preference without its other half compares nothing, and is no quality', async () => {
  const file = join(folder, 'halves.jsonl');
  const out = join(folder, 'halves.parquet');
  const rows = [
    { requestId: 'r1', text: 'Say one', candidate: 'x', preference: 1 },
    { requestId: 'r2', text: 'Say two', candidate: 'x', preference: 1 },
    { requestId: 'r2', text: 'Say two', candidate: 'y', preference: 1 },
    { requestId: 'r3', text: 'Say three', candidate: 'x', preference: 0 },
    { requestId: 'r3', text: 'Say three', candidate: 'y', preference: 1 },
    { requestId: 'r4', text: 'Say four', candidate: 'y', preference: 2 },
  ];
  await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  const report = await ingestOutcomes({ files: [file], out, format: 'auto' });
  expect(report.rejected).toMatchObject([{ reason: '`preference` must be a number from 0 to 1', count: 1 }]);
  const matrix = await readOutcomeMatrix(out);
  expect(comparisonsOf(matrix)).toMatchObject([{ row: 2, won: 0 }]);
  expect([...matrix.quality].filter((value) => !Number.isNaN(value))).toEqual([0, 1]);
});
