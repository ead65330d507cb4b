import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { parseTrainConfig } from '../../../training/config.ts';
import type { LearnerData } from '../../../training/learners/learner.ts';
import { fitLoggedQuality, type LogWeights, logWeights } from '../../../training/train/logged.ts';
import { memberFixture } from '../learners/fixture.ts';

const ROWS = 1500;
const PROPENSITIES = {
  source: 'logged',
  assumption: '',
  knownRows: ROWS,
  fittedRows: 0,
  answered: new Uint8Array(ROWS).fill(1),
} as const;

/**
 * Two candidates alike in quality (0.5), of which the second is given hard prompts more often than not: hardness is
 * the first feature, or is not to be seen.
 */
function lopsidedLog(isHidden: boolean): { data: LearnerData; weights: LogWeights } {
  const random = createRandom(11);
  const { data } = memberFixture({ rows: ROWS, candidates: 2, seed: 4, truth: () => 0, noise: 0 });
  const qualities = new Float32Array(2 * ROWS).fill(Number.NaN);
  const values = new Float64Array(2 * ROWS).fill(Number.NaN);
  for (let row = 0; row < ROWS; row++) {
    const hardness = isHidden ? random.normal() : data.features.values[row * data.features.columns];
    const toSecond = hardness > 0 ? 0.8 : 0.2;
    const c = random.next() < toSecond ? 1 : 0;
    qualities[2 * row + c] = 0.5 - 0.25 * hardness + 0.2 * random.normal();
    values[2 * row + c] = c === 1 ? toSecond : 1 - toSecond;
  }
  const candidateMeans = [0, 1].map((c) => {
    const own = qualities.filter((value, i) => i % 2 === c && !Number.isNaN(value));
    return own.reduce((sum, value) => sum + value, 0) / own.length;
  });
  const residuals = {
    rows: ROWS,
    columns: 2,
    values: qualities.map((value, i) => value - candidateMeans[i % 2]),
  };
  const rows = Int32Array.from({ length: ROWS }, (_, row) => row);
  return {
    data: { ...data, candidateMeans, residuals, logged: true },
    weights: logWeights({ values }, rows, 2, 100),
  };
}

const learn = ({ data, weights }: ReturnType<typeof lopsidedLog>, method: 'auto' | 'none' | 'doublyRobust') =>
  fitLoggedQuality(
    {
      config: parseTrainConfig({ heads: ['linear'], offPolicy: { weights: method } }),
      propensities: { ...PROPENSITIES, values: weights.propensities },
      onStep: () => {},
    },
    data,
    weights,
  );

test('where what decided who answers cannot be seen, weights are used, and put the means right', async () => {
  const log = lopsidedLog(true);
  const { data, log: report } = await learn(log, 'auto');
  expect(report.method).toBe('ipw');
  expect(report.reason).toContain('more than the heads can see');
  expect(data.candidateMeans[0] - data.candidateMeans[1]).toBeCloseTo(0, 1);
  const off = log.data.candidateMeans[0] - log.data.candidateMeans[1];
  expect(off).toBeGreaterThan(0.25);
  const robust = await learn(log, 'doublyRobust');
  expect(robust.data.candidateMeans[0] - robust.data.candidateMeans[1]).toBeCloseTo(0, 1);
});

test('where it can be seen outcomes count alike, and the heads put right what the means do not', async () => {
  const { data, quality, log: report } = await learn(lopsidedLog(false), 'auto');
  expect(report.method).toBe('none');
  expect(report.effectiveOutcomes).toBeLessThan(0.8 * report.outcomes);
  const difference = [0, 1].map((c) => {
    let sum = 0;
    for (let row = 0; row < ROWS; row++)
      sum += data.candidateMeans[c] + quality.outOfFold.values[2 * row + c];
    return sum / ROWS;
  });
  expect(difference[0] - difference[1]).toBeLessThan(0.12);
});
