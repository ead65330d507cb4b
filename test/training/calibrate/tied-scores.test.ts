import fc from 'fast-check';
import { createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { maxMinSteps, tiedScores } from '../../../bench/simulations/tied-scores.ts';
import {
  fitBeta,
  fitIsotonic,
  fitPlatt,
  fitTemperature,
  poolAdjacentViolators,
} from '../../../training/calibrate/fit-calibrators.ts';
import { averageGapRecovered, rankByScore, strongShareCurve } from '../../../training/evaluate/curves.ts';
import { calibrationBins, expectedCalibrationError } from '../../../training/evaluate/metrics.ts';
import { weightedCalibration } from '../../../training/retrain/gate/values.ts';
import { tuneForShare } from '../../../training/tune/tune-policy.ts';

/** Rows on a handful of scores: most of them tie. */
const tiedRows = fc.array(
  fc.record({
    score: fc.integer({ min: -3, max: 3 }),
    label: fc.constantFrom(0, 0.25, 1),
    weight: fc.constantFrom(1, 2.5),
    weak: fc.constantFrom(0, 0.5),
  }),
  { minLength: 1, maxLength: 60 },
);
type Rows = { score: number; label: number; weight: number; weak: number }[];
const columns = (rows: Rows) => ({
  logits: rows.map(({ score }) => score),
  labels: rows.map(({ label }) => label),
  weights: rows.map(({ weight }) => weight),
});

/** Figures of rows with tied scores, each of which must not depend on the order of the rows. */
const FIGURES: Readonly<Record<string, (rows: Rows) => number[]>> = {
  'temperature calibrator': (rows) => curve(fitTemperature(columns(rows))),
  'Platt calibrator': (rows) => curve(fitPlatt(columns(rows))),
  'beta calibrator': (rows) => curve(fitBeta(columns(rows))),
  'isotonic calibrator': (rows) => curve(fitIsotonic(columns(rows))),
  'expected calibration error': (rows) => {
    const { logits, labels } = columns(rows);
    const bins = calibrationBins(
      logits.map((score) => (score + 3) / 6),
      labels,
      5,
      rows.map((_, row) => row),
    );
    return [expectedCalibrationError(bins)];
  },
  'weighted calibration error': (rows) => {
    const { logits, labels, weights } = columns(rows);
    const probabilities = logits.map((score) => (score + 3) / 6);
    return [weightedCalibration(probabilities, labels, weights, Int32Array.from(rows.keys())) ?? 0];
  },
  APGR: (rows) => {
    const { logits, labels } = columns(rows);
    const weak = rows.map((row) => row.weak);
    return [averageGapRecovered(strongShareCurve(rankByScore(logits), labels, weak)) || 0];
  },
  'threshold for a share': (rows) => [
    tuneForShare({ columns: 2, success: gaps(rows.map(({ score }) => score)) }, 0, 1, 0.4),
  ],
};

function curve(calibrator: { probability(logit: number): number }): number[] {
  return [-3, -1.5, 0, 0.4, 2, 3].map((z) => calibrator.probability(z));
}

/** Success of two candidates that differ by a tenth of the score. */
function gaps(scores: readonly number[]): Float32Array {
  return Float32Array.from(scores.flatMap((score) => [0.5 + score / 10, 0.5]));
}

test.each(Object.entries(FIGURES))('%s: the order of tied rows does not matter', (_, figure) => {
  fc.assert(
    fc.property(tiedRows, fc.integer(), (rows, seed) => {
      const [one, other] = [figure(rows), figure(createRandom(seed).shuffle(rows.slice()))];
      one.forEach((value, i) => {
        expect(other[i]).toBeCloseTo(value, 6);
      });
    }),
    { numRuns: 80 },
  );
});

describe('isotonic regression', () => {
  test("Kruskal's secondary approach: the pituitary data of R's isotone and scikit-learn's tests", () => {
    const sizes = [21, 23.5, 23, 24, 21, 25, 21.5, 22, 19, 23.5, 25];
    const steps = poolAdjacentViolators({
      logits: [8, 8, 8, 10, 10, 10, 12, 12, 12, 14, 14],
      labels: sizes.map((size) => size / 25),
    });
    expect(steps.map(({ weight }) => weight)).toEqual([9, 2]);
    expect(25 * steps[0].label).toBeCloseTo(22.22222, 5);
    expect(25 * steps[1].label).toBeCloseTo(24.25, 5);
  });

  test('a failure, a success and a failure at one score are a third, in any order and beside any neighbour', () => {
    const logits = [0, 1, 1, 1];
    for (const labels of [
      [1, 0, 1, 1],
      [1, 1, 0, 1],
      [1, 1, 1, 0],
    ]) {
      const steps = poolAdjacentViolators({ logits, labels });
      expect(steps).toHaveLength(1);
      expect(steps[0].label).toBeCloseTo(0.75, 12);
    }
  });

  test('its steps are those of the max-min formula', () => {
    fc.assert(
      fc.property(tiedRows, (rows) => {
        const points = rows.map(({ score, label }) => ({ logit: score, label }));
        const { logits, labels } = columns(rows);
        const steps = poolAdjacentViolators({ logits, labels });
        const wanted = maxMinSteps(points);
        expect(steps).toHaveLength(wanted.length);
        steps.forEach(({ label, logit }, i) => {
          expect(label).toBeCloseTo(wanted[i].value, 9);
          expect(logit).toBeCloseTo(wanted[i].logit, 9);
        });
      }),
      { numRuns: 200 },
    );
  });

  test('heavy weights beside light ones keep the points in order', () => {
    const near = [1, 1 + Number.EPSILON, 1 + 2 * Number.EPSILON, 1.5];
    expect(() =>
      fitIsotonic({ logits: near, labels: [0.9, 0.2, 0.5, 0.8], weights: [1e9, 1e-3, 1e9, 1] }),
    ).not.toThrow();
  });

  test('the simulation: thirty draws on few scores, none off and none refused', () => {
    const { order, reference, refused } = tiedScores(30);
    expect(reference).toBeLessThan(1e-6);
    expect(order).toBeLessThan(1e-6);
    expect(refused).toBe(0);
  });
});

describe('a strong share where gaps tie', () => {
  const sent = (scores: readonly number[], share: number) => {
    const success = gaps(scores);
    const threshold = tuneForShare({ columns: 2, success }, 0, 1, share);
    return scores.filter((_, i) => success[2 * i] - success[2 * i + 1] > threshold).length / scores.length;
  };

  test('comes as near to what was asked for as whole groups of equal gaps can', () => {
    // Eight of ten tie: none of them is nearer to 0.3 than all, all nearer to 0.7.
    const scores = [3, 1, 1, 1, 1, 1, 1, 1, 1, 0];
    expect(sent(scores, 0.3)).toBeCloseTo(0.1, 9);
    expect(sent(scores, 0.7)).toBeCloseTo(0.9, 9);
    expect(sent([1, 1, 1, 1], 0.9)).toBe(1);
  });

  test('is off by half of the largest such group at most, and one row', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (scores, share) => {
          const largest = Math.max(...[0, 1, 2, 3, 4].map((s) => scores.filter((x) => x === s).length));
          expect(Math.abs(sent(scores, share) - share) * scores.length).toBeLessThanOrEqual(largest / 2 + 1);
        },
      ),
    );
  });
});
