import { createRandom } from 'pointsman/internal';
import { expect, it } from 'vitest';
import { RidgeSums } from '../../../training/fit/curvature.ts';
import { fitLinear } from '../../../training/fit/linear.ts';

const [INPUTS, OUTPUTS] = [5, 3];

function rows(count: number, seed: number) {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const x = Float32Array.from({ length: INPUTS }, (_, i) => (i === 4 ? 0 : 3 + random.normal()));
    const y = Float32Array.from({ length: OUTPUTS }, (_, c) => 0.3 * x[c] - 0.1 * x[3] + c + random.normal());
    return { x, y };
  });
}

function summed(all: ReturnType<typeof rows>): RidgeSums {
  const sums = new RidgeSums(INPUTS, OUTPUTS);
  sums.add(matrixOf(all, 'x', INPUTS), matrixOf(all, 'y', OUTPUTS));
  return sums;
}

function matrixOf(all: ReturnType<typeof rows>, of: 'x' | 'y', columns: number) {
  return { rows: all.length, columns, values: Float32Array.from(all.flatMap((row) => [...row[of]])) };
}

it.each([0.5, 20, 5000])('fits as descent over the rows does, held back by %d', async (l2) => {
  const all = rows(200, 1);
  const data = { features: matrixOf(all, 'x', INPUTS), targets: matrixOf(all, 'y', OUTPUTS) };
  const { layer } = await fitLinear(data, 'squared', { l2, tolerance: 1e-10 });
  const { bias, kernel } = summed(all).fit(l2);
  kernel.forEach((weight, i) => {
    expect(weight).toBeCloseTo(layer.kernel[i], 3);
  });
  bias.forEach((value, c) => {
    expect(value).toBeCloseTo(layer.bias[c], 2);
  });
});

it('knows how far off a layer is on its rows, whoever fitted it', () => {
  const [fitted, held] = [rows(100, 2), rows(50, 3)];
  const layer = summed(fitted).fit(1);
  let squares = 0;
  for (const { x, y } of held)
    for (const [c, target] of y.entries()) {
      let value = layer.bias[c];
      for (const [i, feature] of x.entries()) value += feature * layer.kernel[i * OUTPUTS + c];
      squares += (target - value) ** 2;
    }
  expect(summed(held).error(layer)).toBeCloseTo(squares / 50 / OUTPUTS, 10);
});

it('adds up: the sums of two sets of rows are those of both', () => {
  const all = rows(90, 4);
  const [left, right] = [summed(all.slice(0, 31)), summed(all.slice(31))];
  const both = new RidgeSums(
    INPUTS,
    OUTPUTS,
    left.values.map((value, i) => value + right.values[i]),
  );
  const whole = summed(all);
  expect(both.rows).toBe(90);
  both.fit(3).kernel.forEach((weight, i) => {
    expect(weight).toBeCloseTo(whole.fit(3).kernel[i], 10);
  });
});

it('know what a layer leaves of a target, and sets of rows together', () => {
  const all = rows(60, 5);
  const target = (of: typeof all) => ({ ...matrixOf(of, 'y', OUTPUTS), columns: 1 });
  const one = (of: typeof all, shift = 0, kernel = new Float64Array(INPUTS)) => {
    const sums = new RidgeSums(INPUTS, 1);
    const features = matrixOf(of, 'x', INPUTS);
    const values = Float32Array.from(
      of,
      ({ x, y }) => y[0] - shift - kernel.reduce((sum, k, i) => sum + k * x[i], 0),
    );
    sums.add(features, { ...target(of), values });
    return sums;
  };
  const kernel = Float64Array.of(0.5, -0.25, 0.125, 1, 2);
  const left = one(all).less({ kernel, bias: Float64Array.of(0.75) });
  const { bias, kernel: found } = left.fit(3);
  const expected = one(all, 0.75, kernel).fit(3);
  for (const [i, weight] of expected.kernel.entries()) expect(found[i]).toBeCloseTo(weight, 5);
  expect(bias[0]).toBeCloseTo(expected.bias[0], 5);
  expect(left.error({ kernel, bias })).toBeCloseTo(one(all, 0.75, kernel).error({ kernel, bias }), 3);
  const parts = [all.slice(0, 17), all.slice(17)].map((part) => one(part));
  const together = RidgeSums.together(parts);
  for (const [i, value] of one(all).values.entries()) expect(together.values[i]).toBeCloseTo(value, 6);
  expect(parts[0].rows).toBe(17);
});
