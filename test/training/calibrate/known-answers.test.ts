import { createRandom, logSigmoid, sigmoid } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { chooseCalibrator, gainIsWorth } from '../../../training/calibrate/choose-calibrator.ts';
import {
  fitBeta,
  fitIsotonic,
  fitPlatt,
  fitRatioScale,
  fitSoftmaxTemperature,
  fitTemperature,
  observedRows,
} from '../../../training/calibrate/fit-calibrators.ts';

const random = createRandom(3);
const logits = Array.from({ length: 60 }, () => 2 * random.normal());
const labels = logits.map((z) => Number(random.next() < sigmoid(0.6 * z - 0.5)));
const weights = logits.map((_, i) => 0.5 + (i % 4));

/** Log-loss in nats of p = sigmoid(z), z at ±1 where it is sure. */
const logLoss = (z: number, label: number) => -label * logSigmoid(z) - (1 - label) * logSigmoid(-z);

/** The penalised loss of a calibrator whose logit is `at(parameters, z)`, drawn to `towards`. */
function penalised(
  at: (parameters: readonly number[], z: number) => number,
  towards: readonly number[],
  strength: readonly number[],
) {
  return (parameters: readonly number[]) =>
    logits.reduce((sum, z, i) => sum + weights[i] * logLoss(at(parameters, z), labels[i]), 0) +
    parameters.reduce((sum, p, k) => sum + 0.5 * strength[k] * (p - towards[k]) ** 2, 0);
}

/** No parameter can move by a thousandth, up or down, without the loss rising. */
function expectLeast(loss: (parameters: readonly number[]) => number, parameters: readonly number[]) {
  parameters.forEach((_, k) => {
    for (const step of [-1e-3, 1e-3]) {
      expect(loss(parameters.map((p, j) => (j === k ? p + step : p)))).toBeGreaterThan(loss(parameters));
    }
  });
}

describe('parameters have the least penalised log-loss', () => {
  const data = { logits, labels, weights };

  test('of temperature, a pull of one row to 1', () => {
    const loss = penalised(([slope], z) => slope * z, [1], [1]);
    expectLeast(loss, [1 / fitTemperature(data).parameters.temperature]);
  });

  test('of Platt, a pull of one row to a slope of 1 and a quarter to an intercept of 0', () => {
    const { slope, intercept } = fitPlatt(data).parameters;
    expectLeast(
      penalised(([a, b], z) => a * z + b, [1, 0], [1, 0.25]),
      [slope, intercept],
    );
  });

  test('of beta, to the identity', () => {
    const { a, b, c } = fitBeta(data).parameters;
    const at = ([p, q, r]: readonly number[], z: number) => p * logSigmoid(z) - q * logSigmoid(-z) + r;
    expectLeast(penalised(at, [1, 1, 0], [1, 1, 0.25]), [a, b, c]);
  });

  test('a head that is wrong way about has a slope of 0, or nearly', () => {
    const contrary = { logits, labels: logits.map((z) => Number(z < 0)) };
    expect(fitPlatt(contrary).parameters.slope).toBe(0);
    expect(fitTemperature(contrary).parameters.temperature).toBe(100);
    expect([fitBeta(contrary).parameters.a, fitBeta(contrary).parameters.b]).toEqual([0, 0]);
  });

  test('no rows give the identity', () => {
    const nothing = { logits: [], labels: [] };
    expect(fitPlatt(nothing).parameters).toMatchObject({ slope: 1, intercept: 0 });
    expect(fitTemperature(nothing).parameters.temperature).toBe(1);
    expect(fitBeta(nothing).parameters).toMatchObject({ a: 1, b: 1, c: 0 });
  });

  test('of a softmax, and within 1/100 to 100', () => {
    const rows = 50;
    const values = Float32Array.from({ length: 3 * rows }, () => 2 * random.normal());
    const chosen = Array.from({ length: rows }, (_, row) => (row % 3 === 0 ? row % 2 : bestOf(values, row)));
    const targets = oneHot(chosen);
    const loss = (temperature: number) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        const scaled = [0, 1, 2].map((c) => values[3 * row + c] / temperature);
        const most = Math.max(...scaled);
        sum += most + Math.log(scaled.reduce((all, x) => all + Math.exp(x - most), 0)) - scaled[chosen[row]];
      }
      return sum;
    };
    const found = fitSoftmaxTemperature({ rows, columns: 3, values }, { targets });
    for (const factor of [0.99, 1.01]) expect(loss(factor * found)).toBeGreaterThan(loss(found));
    const best = oneHot(Array.from({ length: rows }, (_, row) => bestOf(values, row)));
    const worst = oneHot(
      Array.from({ length: rows }, (_, row) =>
        bestOf(
          values.map((x) => -x),
          row,
        ),
      ),
    );
    const sharp = fitSoftmaxTemperature({ rows, columns: 3, values }, { targets: best });
    expect(sharp).toBeLessThan(0.05);
    expect(sharp).toBeGreaterThanOrEqual(0.00999);
    expect(fitSoftmaxTemperature({ rows, columns: 3, values }, { targets: worst })).toBeCloseTo(100, 0);
    const alike = { rows, columns: 3, values: new Float32Array(3 * rows).fill(2) };
    expect(fitSoftmaxTemperature(alike, { targets: best })).toBe(1);
  });
});

function bestOf(values: Float32Array, row: number): number {
  const own = values.subarray(3 * row, 3 * row + 3);
  return own.indexOf(Math.max(...own));
}

function oneHot(chosen: readonly number[]) {
  const values = new Float32Array(3 * chosen.length);
  chosen.forEach((c, row) => {
    values[3 * row + c] = 1;
  });
  return { rows: chosen.length, columns: 3, values };
}

describe('what is observed', () => {
  test('has a label, a logit and a weight; logits are taken within ±30', () => {
    const { NaN: none, POSITIVE_INFINITY: infinity } = Number;
    const found = observedRows({
      logits: [1, none, 2, 3, -infinity, 40],
      labels: [1, 1, none, 0, 0.5, 0],
      weights: [2, 1, 1, 0, 1, 0.5],
    });
    expect([...found.rows]).toEqual([0, 4, 5]);
    expect([...found.logits]).toEqual([1, -30, 30]);
    expect([...found.labels]).toEqual([1, 0.5, 0]);
    expect([...found.weights]).toEqual([2, 1, 0.5]);
    expect(found.totalWeight).toBe(3.5);
  });

  test('must be as long as each other, and labels within 0 to 1', () => {
    expect(() => observedRows({ logits: [1, 2], labels: [1] })).toThrow(/Got 2, 1 and none/);
    expect(() => observedRows({ logits: [1], labels: [1], weights: [1, 1] })).toThrow(/Got 1, 1 and 2/);
    expect(() => observedRows({ logits: [1, 1], labels: [0, -0.1] })).toThrow(/Got -0.1 at 1/);
  });
});

describe('isotonic steps', () => {
  test('are smoothed by one row of the mean, which is smoothed itself by one of 1/2', () => {
    const { parameters } = fitIsotonic({ logits: [0, 1], labels: [0, 1], weights: [1, 3] });
    // Mean (3 + 1/2) / 5; (0 + 0.7) / 2 and (3 + 0.7) / 4
    expect(parameters.probabilities[0]).toBeCloseTo(0.35, 12);
    expect(parameters.probabilities[1]).toBeCloseTo(0.925, 12);
    expect(fitIsotonic({ logits: [], labels: [] }).probability(3)).toBe(0.5);
  });

  test('never fall after smoothing', () => {
    const { probabilities } = fitIsotonic({
      logits: [0, 1, 2],
      labels: [0.1, 0.11, 0.9],
      weights: [0.01, 50, 50],
    }).parameters;
    expect(probabilities[1]).toBeGreaterThanOrEqual(probabilities[0]);
  });
});

test('the ratio of amounts: seen over expected, drawn to 1, within 1/10 and 10', () => {
  expect(fitRatioScale([0, 0], [3, 5])).toBeCloseTo(13 / 7, 12);
  expect(fitRatioScale([0, 0], [3, 5], 1)).toBeCloseTo(3, 12);
  expect(fitRatioScale([0], [0])).toBeCloseTo(5 / 6, 12);
  expect(fitRatioScale([0, 0], [3, Number.NaN])).toBeCloseTo(8 / 6, 12);
  expect(fitRatioScale([0, Number.POSITIVE_INFINITY], [3, 7])).toBeCloseTo(8 / 6, 12);
  expect(fitRatioScale([0], [1e6])).toBe(10);
  expect(fitRatioScale(Array(100).fill(0), Array(100).fill(0))).toBe(0.1);
  expect(fitRatioScale([Number.NEGATIVE_INFINITY], [3])).toBe(1);
});

describe('the choice of a calibrator', () => {
  const some = (rows: number) => ({ logits: logits.slice(0, rows), labels: labels.slice(0, rows) });
  const kindsTried = (rows: number, groups?: readonly number[]) =>
    Object.keys(
      chooseCalibrator(some(rows), { seed: 1, ...(groups === undefined ? {} : { groups }) }).losses,
    );

  test('is asked from 20 near-duplicate groups on', () => {
    expect(kindsTried(20)).toEqual(['identity', 'temperature', 'platt', 'beta', 'isotonic']);
    expect(kindsTried(19)).toEqual(['identity']);
    const of = (count: number) => logits.map((_, i) => i % count);
    expect(kindsTried(60, of(20))).toHaveLength(5);
    expect(kindsTried(60, of(19))).toEqual(['identity']);
  });

  test('weighs losses, and takes none of a row for more than that of one in a million', () => {
    const wrong = { logits: [...logits, 40], labels: [...labels, 0], weights: [...weights, 0.01] };
    const { losses, rowLosses } = chooseCalibrator(wrong, { seed: 1, kinds: ['identity'] });
    expect(rowLosses[60]).toBeCloseTo(-Math.log(1e-6), 6);
    for (let i = 0; i < 60; i++) expect(rowLosses[i]).toBeCloseTo(logLoss(logits[i], labels[i]), 9);
    const total = wrong.weights.reduce((sum, weight) => sum + weight, 0);
    const sum = wrong.weights.reduce((all, weight, i) => all + weight * rowLosses[i], 0);
    expect(losses.identity).toBeCloseTo(sum / total, 9);
  });

  test('takes losses out of fold: what is fitted on a row says less of it', () => {
    const { losses } = chooseCalibrator({ logits, labels }, { seed: 1, kinds: ['isotonic'] });
    const fitted = fitIsotonic({ logits, labels });
    const own = logits.reduce((sum, z, i) => {
      const p = fitted.probability(z);
      return sum - (labels[i] * Math.log(p) + (1 - labels[i]) * Math.log1p(-p)) / 60;
    }, 0);
    expect(losses.isotonic).toBeGreaterThan(own + 0.01);
  });

  test('a gain is worth it above two standard errors, and one of 0 is not', () => {
    const rows = Int32Array.from({ length: 100 }, (_, i) => i);
    const gains = (mean: number) => Float64Array.from(rows, (i) => mean + (i % 2 === 0 ? 1 : -1));
    // 1 / √99 twice is 0.201.
    expect(gainIsWorth(gains(0.19), null, rows)).toBe(false);
    expect(gainIsWorth(gains(0.21), null, rows)).toBe(true);
    expect(gainIsWorth(new Float64Array(100), null, rows)).toBe(false);
    expect(gainIsWorth(new Float64Array(100).fill(0.001), null, rows)).toBe(true);
  });
});
