import { createRandom } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { RidgeSums } from '../../../training/fit/curvature.ts';
import { fitLinear, preconditioner } from '../../../training/fit/linear.ts';
import { addSlopes, minimiseTogether, slopesLength } from '../../../training/fit/linear-objective.ts';
import { type Loss, softTargets } from '../../../training/fit/loss.ts';
import { type Matrix, takeRows } from '../../../training/fit/rows.ts';

const [ROWS, INPUTS, OUTPUTS] = [403, 6, 3];

function matrix(rows: number, columns: number, value: () => number): Matrix {
  return { rows, columns, values: Float32Array.from({ length: rows * columns }, value) };
}

const random = createRandom(5);
const features = matrix(ROWS, INPUTS, () => random.normal());
const quality = matrix(ROWS, OUTPUTS, () => random.next());
const targets = softTargets(quality, 0.3);

function slopes(loss: Loss, point: Float64Array, some = targets): Float64Array {
  const sums = new Float64Array(slopesLength(INPUTS, OUTPUTS));
  addSlopes(sums, { features, targets: some }, loss, point);
  return sums;
}

describe('slopes that shards add up', () => {
  const point = Float64Array.from({ length: (INPUTS + 1) * OUTPUTS }, () => 0.3 * random.normal());

  it.each(['softmax', 'sigmoid', 'squared'] as const)('are the differences of the loss: %s', (loss) => {
    const sums = slopes(loss, point);
    for (const i of point.keys()) {
      const [above, below] = [1e-3, -1e-3].map((step) =>
        slopes(
          loss,
          point.map((x, j) => (j === i ? x + step : x)),
        ),
      );
      expect(sums[2 + i]).toBeCloseTo((above[0] - below[0]) / 2e-3, 1);
    }
  });

  it('of two sets of rows, added, are those of both, and rows without a target have none', () => {
    const first = Int32Array.from({ length: 150 }, (_, i) => i);
    const rest = Int32Array.from({ length: ROWS - 150 }, (_, i) => 150 + i);
    const sums = new Float64Array(slopesLength(INPUTS, OUTPUTS));
    for (const rows of [first, rest])
      addSlopes(
        sums,
        { features: takeRows(features, rows), targets: takeRows(targets, rows) },
        'softmax',
        point,
      );
    const unknown = {
      ...targets,
      values: targets.values.map((x, i) => (i < 150 * OUTPUTS ? Number.NaN : x)),
    };
    const known = slopes('softmax', point, unknown);
    const all = slopes('softmax', point);
    for (const [i, value] of sums.entries()) expect(value).toBeCloseTo(all[i], 9);
    const own = new Float64Array(sums.length);
    addSlopes(
      own,
      { features: takeRows(features, rest), targets: takeRows(targets, rest) },
      'softmax',
      point,
    );
    for (const [i, value] of known.entries()) expect(value).toBeCloseTo(own[i], 4);
    expect([all[1], known[1]]).toEqual([ROWS, ROWS - 150]);
  });
});

describe('searches that share their passes', () => {
  const sums = new RidgeSums(INPUTS, OUTPUTS);
  sums.add(features, quality);
  const search = (l2: number, maxEvaluations: number) => ({
    start: new Float64Array((INPUTS + 1) * OUTPUTS),
    options: {
      ...{ maxSteps: 100, maxEvaluations, tolerance: 1e-9 },
      precondition: preconditioner(
        sums.curvature(),
        ROWS,
        new Float64Array(OUTPUTS).fill(0.2),
        new Float64Array(INPUTS).fill(l2),
        0,
        OUTPUTS,
      ),
    },
  });
  const run = async (l2s: readonly number[], most = 40) => {
    let passes = 0;
    const found = await minimiseTogether(
      l2s.map((l2) => search(l2, most)),
      async (points) => {
        passes++;
        return points.map((point, k) => {
          if (point === null) return null;
          const sum = slopes('softmax', point);
          const slope = sum.slice(2).map((x, i) => x + (i < INPUTS * OUTPUTS ? l2s[k] * point[i] : 0));
          const penalty = point.subarray(0, INPUTS * OUTPUTS).reduce((total, x) => total + x * x, 0);
          return { value: sum[0] + 0.5 * l2s[k] * penalty, slope };
        });
      },
    );
    return { found, passes };
  };

  it('find what a fit over the rows finds, in as many passes as the longest takes', async () => {
    const { found, passes } = await run([0.5, 30]);
    for (const [k, l2] of [0.5, 30].entries()) {
      const { layer } = await fitLinear({ features, targets }, 'softmax', { l2, tolerance: 1e-10 });
      for (const [i, weight] of layer.kernel.entries()) expect(found[k].point[i]).toBeCloseTo(weight, 2);
    }
    expect(passes).toBe(Math.max(...found.map(({ evaluations }) => evaluations)));
    expect(passes).toBeLessThan(15);
  });

  it('end after as many passes as they may have, no worse than they began', async () => {
    const { found, passes } = await run([0.5], 2);
    expect(passes).toBe(2);
    expect(found[0].value).toBeLessThan(slopes('softmax', new Float64Array((INPUTS + 1) * OUTPUTS))[0]);
  });
});
