import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import {
  brierScore,
  calibrationBins,
  debiasedCalibrationError,
  expectedCalibrationError,
  negativeLogLikelihood,
} from '../../../training/evaluate/metrics.ts';

test('bins hold equal numbers of rows and part no equal probabilities', () => {
  const bins = calibrationBins([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1], 2, null);
  expect(bins.map(({ rows }) => rows)).toEqual([2, 2]);
  expect(bins[0].predicted).toBeCloseTo(0.15, 12);
  expect(bins[1].observed).toBe(0.5);
  expect(calibrationBins(new Array(9).fill(0.3), new Array(9).fill(1), 5, null)).toHaveLength(1);
  expect(calibrationBins([Number.NaN, 0.5], [1, Number.NaN], 5, null)).toEqual([]);
});

test('ECE of two bins that are 0.1 and 0.3 off, by hand', () => {
  const bins = calibrationBins([0.1, 0.1, 0.8, 0.8], [0, 0, 0.5, 0.5], 2, null);
  expect(expectedCalibrationError(bins)).toBeCloseTo(0.2, 12);
  expect(expectedCalibrationError([])).toBeNaN();
  expect(debiasedCalibrationError([])).toBeNaN();
});

test('of a perfect model the plug-in ECE is noise, of which the debiased one takes off two fifths', () => {
  const random = createRandom(3);
  let plugIn = 0;
  let debiased = 0;
  for (let trial = 0; trial < 50; trial++) {
    const p = Array.from({ length: 500 }, () => random.next());
    const y = p.map((probability) => (random.next() < probability ? 1 : 0));
    const bins = calibrationBins(p, y, 15, null);
    plugIn += expectedCalibrationError(bins) / 50;
    debiased += debiasedCalibrationError(bins) / 50;
  }
  // 15 bins of 33 rows with a mean standard error of some 0.068: E|gap| = 0.068 * sqrt(2 / pi) = 0.054.
  expect(plugIn).toBeGreaterThan(0.045);
  // E[E|N(gap, s)| - |gap|] = (sqrt(2) - 1) E|gap| leaves 2 - sqrt(2) = 0.586 of it.
  expect(debiased / plugIn).toBeCloseTo(0.586, 1);
});

test('a real miscalibration survives the debiasing', () => {
  const random = createRandom(4);
  const p = Array.from({ length: 5000 }, () => random.next());
  const y = p.map((probability) => (random.next() < 0.5 + (probability - 0.5) / 2 ? 1 : 0));
  // The gap is |p - 0.5| / 2, on average 0.125.
  expect(debiasedCalibrationError(calibrationBins(p, y, 10, null))).toBeCloseTo(0.125, 1);
});

test('Brier score and NLL, by hand, with soft labels and NaN left out', () => {
  expect(brierScore([0.5, 1, Number.NaN], [1, 0.5, 1])).toBeCloseTo(0.25, 12);
  expect(negativeLogLikelihood([0.5, 0.25], [1, 0])).toBeCloseTo((Math.LN2 - Math.log(0.75)) / 2, 12);
  expect(negativeLogLikelihood([0.3], [0.3])).toBeCloseTo(-0.3 * Math.log(0.3) - 0.7 * Math.log(0.7), 12);
  expect(negativeLogLikelihood([0], [1])).toBeCloseTo(-Math.log(1e-7), 6);
  expect(brierScore([], [])).toBeNaN();
  expect(negativeLogLikelihood([], [])).toBeNaN();
});
