import fc from 'fast-check';
import {
  type Calibrator,
  createCalibrator,
  createRandom,
  IdentityCalibrator,
  logit,
  mean,
  sigmoid,
} from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { chooseCalibrator } from '../../../training/calibrate/choose-calibrator.ts';
import {
  addTemperatureLosses,
  type CalibrationData,
  fitBeta,
  fitIsotonic,
  fitPlatt,
  fitRatioScale,
  fitSoftmaxTemperature,
  fitTemperature,
  TEMPERATURE_SUMS,
  temperatureOf,
} from '../../../training/calibrate/fit-calibrators.ts';
import { meanLoss } from '../../../training/fit/loss.ts';
import { takeRows } from '../../../training/fit/rows.ts';
import { linearFixture } from '../fit/fixtures.ts';

/** Logits whose true probability is `truth(z)`. */
function drawn(rows: number, seed: number, truth: (z: number) => number): CalibrationData {
  const random = createRandom(seed);
  const logits = Float64Array.from({ length: rows }, () => 2 * random.normal());
  return { logits, labels: logits.map((z) => (random.next() < truth(z) ? 1 : 0)) };
}

/** Mean log-loss in nats. */
function calibrationLoss(calibrator: Calibrator, { logits, labels }: CalibrationData): number {
  return mean(
    Array.from(logits, (z, i) => {
      const p = Math.min(1 - 1e-6, Math.max(1e-6, calibrator.probability(z)));
      return -labels[i] * Math.log(p) - (1 - labels[i]) * Math.log1p(-p);
    }),
  );
}

const fitters = { temperature: fitTemperature, platt: fitPlatt, beta: fitBeta, isotonic: fitIsotonic };
const identity = new IdentityCalibrator();

describe.each(Object.entries(fitters))('%s', (_, calibrate) => {
  test('lowers the log-loss of held-out rows of an over-confident head', () => {
    const overConfident = (z: number) => sigmoid(z / 2.5);
    const calibrator = calibrate(drawn(2000, 1, overConfident));
    const fresh = drawn(4000, 2, overConfident);
    expect(calibrationLoss(calibrator, fresh)).toBeLessThan(calibrationLoss(identity, fresh) - 0.05);
  });

  test('is not worse than the identity by more than noise on a head that needs nothing', () => {
    const fresh = drawn(4000, 4, sigmoid);
    expect(calibrationLoss(calibrate(drawn(2000, 3, sigmoid)), fresh)).toBeLessThan(
      calibrationLoss(identity, fresh) + 0.01,
    );
  });

  test('any labels, however few or alike, give a calibrator that is made again from JSON and is finite', () => {
    const row = fc.tuple(
      fc.oneof(fc.double({ min: -50, max: 50, noNaN: true }), fc.constantFrom(Number.POSITIVE_INFINITY, 0)),
      fc.constantFrom(0, 0.3, 1, Number.NaN),
      fc.constantFrom(0, 0.5, 20),
    );
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
        const [logits, labels, weights] = [0, 1, 2].map((k) => rows.map((r) => r[k]));
        const { parameters } = calibrate({ logits, labels, weights });
        const again = createCalibrator(JSON.parse(JSON.stringify(parameters)));
        for (const z of [-40, -1, 0, 2, 40]) expect(again.probability(z)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 60 },
    );
  });

  test('three successes are not certainty', () => {
    const calibrator = calibrate({ logits: [1, 2, 3], labels: [1, 1, 1] });
    expect(calibrator.probability(2)).toBeLessThan(0.99);
    expect(calibrator.probability(2)).toBeGreaterThan(0.5);
  });

  test('a weight of 3 is the row given thrice', () => {
    const { logits, labels } = drawn(200, 5, sigmoid);
    const weights = Float64Array.from(logits, (_, i) => (i % 2 === 0 ? 3 : 1));
    const thrice = Array.from(weights).flatMap((w, i) => new Array<number>(w).fill(i));
    const a = calibrate({ logits, labels, weights });
    const b = calibrate({ logits: thrice.map((i) => logits[i]), labels: thrice.map((i) => labels[i]) });
    for (const z of [-2, 0, 1]) expect(a.probability(z)).toBeCloseTo(b.probability(z), 6);
  });
});

describe('known answers', () => {
  test('temperature, Platt and beta find the parameters of the truth', () => {
    expect(fitTemperature(drawn(20_000, 6, (z) => sigmoid(z / 2))).parameters.temperature).toBeCloseTo(2, 0);
    const { slope, intercept } = fitPlatt(drawn(20_000, 7, (z) => sigmoid(0.5 * z - 1))).parameters;
    expect([slope, intercept].map((x) => x.toFixed(1))).toEqual(['0.5', '-1.0']);
    const bent = (z: number) => sigmoid(0.5 * Math.log(sigmoid(z)) - 2 * Math.log(sigmoid(-z)) - 0.5);
    const { a, b, c } = fitBeta(drawn(50_000, 8, bent)).parameters;
    expect(Math.abs(a - 0.5) + Math.abs(b - 2) / 2 + Math.abs(c + 0.5)).toBeLessThan(0.25);
  });

  test('isotonic pools violators: 1, 3, 2 become 1, 2.5, 2.5 (here as tenths, each weighing much)', () => {
    const weights = [1e6, 1e6, 1e6];
    const { parameters } = fitIsotonic({ logits: [0, 1, 2], labels: [0.1, 0.3, 0.2], weights });
    expect(parameters.logits).toEqual([0, 1.5]);
    expect(parameters.probabilities.map((p) => p.toFixed(4))).toEqual(['0.1000', '0.2500']);
  });

  test('fractional labels are fitted as they are', () => {
    const logits = [-2, -1, 0, 1, 2].flatMap((z) => new Array<number>(50).fill(z));
    const { slope, intercept } = fitPlatt({
      logits,
      labels: logits.map((z) => sigmoid(0.4 * z + 0.3)),
    }).parameters;
    expect(slope).toBeCloseTo(0.4, 1);
    expect(intercept).toBeCloseTo(0.3, 1);
  });
});

describe('chooseCalibrator', () => {
  test('leaves a good head alone, and bends a bent one', () => {
    expect(chooseCalibrator(drawn(3000, 9, sigmoid), { seed: 1 }).calibrator.parameters.kind).toBe(
      'identity',
    );
    const shifted = chooseCalibrator(
      drawn(3000, 10, (z) => sigmoid(0.5 * z - 1)),
      { seed: 1 },
    );
    expect(shifted.calibrator.parameters.kind).toBe('platt');
    const stepped = chooseCalibrator(
      drawn(12_000, 11, (z) => (z > 1 ? 0.9 : z > -1 ? 0.5 : 0.45)),
      { seed: 1 },
    );
    expect(stepped.calibrator.parameters.kind).toBe('isotonic');
    expect(Object.keys(stepped.losses)).toEqual(['identity', 'temperature', 'platt', 'beta', 'isotonic']);
  });

  test('leaves the head alone with too few rows to tell', () => {
    const { calibrator } = chooseCalibrator({ logits: [1, 2, 3], labels: [0, 0, 0] }, { seed: 1 });
    expect(calibrator.parameters.kind).toBe('identity');
    expect(chooseCalibrator({ logits: [], labels: [] }, { seed: 1 }).calibrator.parameters.kind).toBe(
      'identity',
    );
  });

  test('refuses labels that are no probabilities', () => {
    expect(() => chooseCalibrator({ logits: [1], labels: [2] }, { seed: 1 })).toThrow('Got 2 at 0');
  });
});

describe('choice head and amounts', () => {
  test('the softmax temperature undoes a known one', () => {
    const { logits, choice } = linearFixture(5000, 8, 4, 1, 3);
    const sharp = { ...logits, values: logits.values.map((x) => 3 * x) };
    expect(fitSoftmaxTemperature(sharp, { targets: choice })).toBeCloseTo(3, 0);
    const unseen = { ...choice, values: choice.values.map(() => Number.NaN) };
    expect(fitSoftmaxTemperature(sharp, { targets: unseen })).toBe(1);
  });

  test('sums of losses tell the same temperature, and the loss there, whoever added them', () => {
    for (const sharpness of [0.2, 1, 3, 7]) {
      const { logits, choice } = linearFixture(3000, 8, 4, 1, 3);
      const sharp = { ...logits, values: logits.values.map((x) => sharpness * x) };
      const sums = new Float64Array(TEMPERATURE_SUMS);
      const half = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
      for (const rows of [half(0, 1000), half(1000, 3000)])
        addTemperatureLosses(sums, takeRows(sharp, rows), takeRows(choice, rows));
      const { loss, temperature } = temperatureOf(sums);
      const exact = fitSoftmaxTemperature(sharp, { targets: choice });
      expect(temperature / exact).toBeCloseTo(1, 1);
      const scaled = { ...sharp, values: sharp.values.map((x) => x / exact) };
      expect(loss).toBeCloseTo(meanLoss('softmax', scaled, { targets: choice }), 3);
    }
  });

  test('the ratio scale brings the mean right, and few rows to 1', () => {
    const random = createRandom(2);
    const amounts = Float64Array.from({ length: 5000 }, () => Math.exp(random.normal() - 6));
    const logs = amounts.map(() => -6);
    expect(fitRatioScale(logs, amounts)).toBeCloseTo(Math.exp(0.5), 1);
    expect(fitRatioScale([], [])).toBe(1);
    expect(fitRatioScale([0], [3])).toBeCloseTo(8 / 6, 6);
    expect(logit(0.5)).toBe(0);
  });
});
