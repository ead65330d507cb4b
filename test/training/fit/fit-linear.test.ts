import { InvalidInputError } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';

import { fitLinear, fitLinearPath } from '../../../training/fit/linear.ts';
import { meanLoss } from '../../../training/fit/loss.ts';
import {
  chainHead,
  createMatrix,
  type FitProgress,
  predictRows,
  takeRows,
} from '../../../training/fit/rows.ts';
import { linearFixture } from './fixtures.ts';

const { features, logits, choice, success } = linearFixture(3000, 12, 4, 1, 2);

/** Largest slope of the objective by any parameter, by central differences: 0 at the minimum of a convex loss. */
function slopeAt(loss: 'softmax' | 'sigmoid', fit: Awaited<ReturnType<typeof fitLinear>>): number {
  const targets = loss === 'softmax' ? choice : success;
  const cells = loss === 'softmax' ? targets.rows : targets.values.length;
  const objective = (kernel: Float32Array) => {
    const predicted = predictRows(chainHead([{ ...fit.layer, kernel }]), features);
    const penalty = kernel.reduce((sum, w) => sum + 0.5 * fit.l2 * w * w, 0);
    return meanLoss(loss, predicted, { targets }) * cells + penalty;
  };
  let largest = 0;
  for (const i of [0, 7, 20, 41]) {
    const moved = [1, -1].map((sign) => {
      const kernel = fit.layer.kernel.slice();
      kernel[i] += sign * 0.05;
      return objective(kernel);
    });
    largest = Math.max(largest, Math.abs(moved[0] - moved[1]) / 0.1 / targets.rows);
  }
  return largest;
}

describe('fitLinear', () => {
  test.each(['softmax', 'sigmoid'] as const)('%s ends where the objective is flat', async (loss) => {
    const fit = await fitLinear({ features, targets: loss === 'softmax' ? choice : success }, loss, {
      l2: 3,
      tolerance: 1e-8,
    });
    expect(slopeAt(loss, fit)).toBeLessThan(2e-4);
    expect(fit.steps).toBeLessThan(25);
  });

  test('squared error finds the map itself, in a few steps', async () => {
    const fit = await fitLinear({ features, targets: logits }, 'squared', { l2: 1e-6 });
    expect(fit.loss).toBeLessThan(1e-8);
    expect(fit.steps).toBeLessThanOrEqual(6);
    [0, 0.3, 0.6, 0.9].forEach((intercept, c) => {
      expect(fit.layer.bias[c]).toBeCloseTo(intercept, 3);
    });
  });

  test('what was not observed changes nothing', async () => {
    const random = createRandom(5);
    const hidden = Float32Array.from(success.values, (y) => (random.next() < 0.6 ? Number.NaN : y));
    const observed = { ...success, values: hidden };
    const zeroed = Float32Array.from(hidden, (y) => (Number.isNaN(y) ? 0 : 1));
    const masked = await fitLinear({ features, targets: observed }, 'sigmoid', { l2: 1 });
    const weighted = await fitLinear({ features, targets: success, weights: zeroed }, 'sigmoid', { l2: 1 });
    expect([...masked.layer.kernel]).toEqual([...weighted.layer.kernel]);
  });

  test('a weight of 2 is the row given twice', async () => {
    const weights = Float32Array.from({ length: features.rows }, (_, row) => (row % 3 === 0 ? 2 : 1));
    const rows = [...weights].flatMap((w, row) => (w === 2 ? [row, row] : [row]));
    const pick = (m: typeof features) => ({
      rows: rows.length,
      columns: m.columns,
      values: Float32Array.from(
        rows.flatMap((r) => [...m.values.subarray(r * m.columns, (r + 1) * m.columns)]),
      ),
    });
    const options = { l2: 1, tolerance: 1e-9 };
    const weighted = await fitLinear({ features, targets: choice, weights }, 'softmax', options);
    const repeated = await fitLinear({ features: pick(features), targets: pick(choice) }, 'softmax', options);
    expect(weighted.loss).toBeCloseTo(repeated.loss, 6);
    weighted.layer.kernel.forEach((w, i) => {
      expect(w).toBeCloseTo(repeated.layer.kernel[i], 2);
    });
  });

  test('the penalty of a feature block holds that block back', async () => {
    const featurePenalties = Float32Array.from({ length: 12 }, (_, j) => (j < 6 ? 1 : 1e6));
    const { layer } = await fitLinear({ features, targets: choice }, 'softmax', { l2: 1, featurePenalties });
    const size = (from: number, to: number) =>
      Math.max(...layer.kernel.subarray(from * 4, to * 4).map(Math.abs));
    expect(size(6, 12)).toBeLessThan(0.01);
    expect(size(0, 6)).toBeGreaterThan(0.3);
  });

  test('under a huge penalty the head is the base rates, or the layer it is held to', async () => {
    const { layer } = await fitLinear({ features, targets: success }, 'sigmoid', { l2: 1e9 });
    const rate = success.values.filter((_, i) => i % 4 === 0).reduce((a, b) => a + b) / 3000;
    expect(1 / (1 + Math.exp(-layer.bias[0]))).toBeCloseTo(rate, 3);
    const towards = {
      ...layer,
      kernel: layer.kernel.map((_, i) => i / 100),
      bias: Float32Array.of(1, 2, 3, 4),
    };
    const held = await fitLinear({ features, targets: success }, 'sigmoid', { l2: 1e9, towards });
    expect(held.layer.bias[3]).toBeCloseTo(4, 3);
    expect(held.layer.kernel[20]).toBeCloseTo(0.2, 3);
  });

  test('the same rows give the same bytes, and progress says step, loss and time left', async () => {
    const seen: FitProgress[] = [];
    const again = () =>
      fitLinear({ features, targets: choice }, 'softmax', { l2: 1, onProgress: (p) => seen.push(p) });
    const [a, b] = [await again(), await again()];
    expect(Buffer.from(a.layer.kernel.buffer).equals(Buffer.from(b.layer.kernel.buffer))).toBe(true);
    expect(seen[0].step).toBe(0);
    expect(seen.at(-1)?.loss).toBeLessThan(seen[0].loss);
    expect(seen.every((p) => p.secondsLeft >= 0 && p.step <= p.steps)).toBe(true);
  });

  test('a path of strengths ends where single fits end', async () => {
    const path = await fitLinearPath({ features, targets: choice }, 'softmax', { l2s: [100, 10, 1] });
    const single = await fitLinear({ features, targets: choice }, 'softmax', { l2: 1 });
    expect(path[2].loss).toBeCloseTo(single.loss, 4);
    expect(path.map((fit) => fit.loss)).toEqual([...path.map((fit) => fit.loss)].sort((a, b) => b - a));
  });

  test('survives one row, one class, constant and wide features, and more rows than a sample', async () => {
    for (const [rows, inputs] of [
      [1, 3],
      [5, 40],
      [40, 1700],
    ]) {
      const wide = createMatrix(rows, inputs);
      wide.values.fill(1);
      const targets = createMatrix(rows, 2);
      for (let row = 0; row < rows; row++) targets.values[2 * row] = 1;
      const { layer, loss } = await fitLinear({ features: wide, targets }, 'softmax', { l2: 1 });
      expect(layer.kernel.every(Number.isFinite)).toBe(true);
      expect(loss).toBeLessThan(Math.LN2);
    }
    const many = linearFixture(40_000, 4, 3, 9, 2);
    const fit = await fitLinear({ features: many.features, targets: many.choice }, 'softmax', { l2: 1 });
    const truth = meanLoss('softmax', many.logits, { targets: many.choice });
    expect(fit.loss).toBeLessThan(truth);
    expect(fit.loss).toBeGreaterThan(truth - 0.001);
  });

  test.each(['softmax', 'sigmoid', 'squared'] as const)(
    'fewer rows than features, copies among them, end where as many copies as it takes end: %s',
    async (loss) => {
      const few = linearFixture(30, 60, 3, 4, 2);
      const targets = loss === 'softmax' ? few.choice : loss === 'sigmoid' ? few.success : few.logits;
      // Copies of the first rows: nothing new, and no rank of their own.
      const copies = Int32Array.from({ length: 36 }, (_, row) => row % 30);
      const once = { features: takeRows(few.features, copies), targets: takeRows(targets, copies) };
      const thrice = Int32Array.from({ length: 108 }, (_, row) => row % 36);
      const often = { features: takeRows(once.features, thrice), targets: takeRows(once.targets, thrice) };
      const featurePenalties = Float32Array.from({ length: 60 }, (_, j) => 1 + (j % 3));
      const options = { featurePenalties, tolerance: 1e-10 };
      const wide = await fitLinear(once, loss, { ...options, l2: 2 });
      const tall = await fitLinear(often, loss, { ...options, l2: 6 });
      expect(wide.layer.inputs).toBe(60);
      expect(wide.loss).toBeCloseTo(tall.loss, 4);
      wide.layer.kernel.forEach((weight, i) => {
        expect(weight).toBeCloseTo(tall.layer.kernel[i], 2);
      });
      // What is added to all logits alike changes no softmax.
      const level = ({ bias }: { bias: Float32Array }) => (loss === 'softmax' ? bias[0] : 0);
      wide.layer.bias.forEach((bias, c) => {
        expect(bias - level(wide.layer)).toBeCloseTo(tall.layer.bias[c] - level(tall.layer), 2);
      });
    },
  );

  test('refuses features that are not numbers, and shapes that disagree', async () => {
    const broken = { ...features, values: features.values.slice() };
    broken.values[30] = Number.NaN;
    await expect(fitLinear({ features: broken, targets: choice }, 'softmax', { l2: 1 })).rejects.toThrow(
      'Got NaN in row 2, column 6',
    );
    const weights = new Float32Array(7);
    await expect(fitLinear({ features, targets: choice, weights }, 'softmax', { l2: 1 })).rejects.toThrow(
      InvalidInputError,
    );
    await expect(fitLinear({ features, targets: choice }, 'softmax', { l2: -1 })).rejects.toThrow('Got -1');
  });
});
