import { createRandom, mean, sigmoid } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import {
  BLOCKS,
  CalibrationSketch,
  chooseCalibrators,
} from '../../../training/calibrate/choose-calibrator.ts';
import { createMatrix, type Matrix } from '../../../training/fit/rows.ts';

/** Heads that are too sure, each in its own way, on rows of which some come twice. */
function held(rows: number, seed: number, candidates: number) {
  const random = createRandom(seed);
  const [logits, labels] = [createMatrix(rows, candidates), createMatrix(rows, candidates)];
  for (let i = 0; i < logits.values.length; i++) {
    const z = 1.5 * random.normal();
    logits.values[i] = (1.3 + 0.4 * (i % candidates)) * z + 0.2 * (i % candidates);
    labels.values[i] = random.next() < 0.05 ? Number.NaN : random.next() < sigmoid(z) ? 1 : 0;
  }
  return { logits, labels, groups: Int32Array.from({ length: rows }, (_, row) => row >> 1) };
}

function sketched({ groups, labels, logits }: ReturnType<typeof held>, from = 0, to = groups.length) {
  const { columns } = logits;
  const sketch = new CalibrationSketch(columns);
  const rowOf = ({ values }: Matrix, row: number) => values.subarray(row * columns, (row + 1) * columns);
  for (let row = from; row < to; row++)
    sketch.add(rowOf(logits, row), rowOf(labels, row), Math.floor(BLOCKS * ((groups[row] * 0.618034) % 1)));
  return sketch;
}

describe('calibrators from a sketch', () => {
  it('are about those of the rows themselves, and so is the loss', () => {
    for (const [seed, rows] of [
      [1, 1500],
      [2, 20_000],
    ]) {
      const given = held(rows, seed, 3);
      const exact = chooseCalibrators(given.logits, given.labels, null, { groups: given.groups, seed: 7 });
      const { calibrators, loss } = sketched(given).choose(7);
      expect(loss).toBeCloseTo(exact.loss, 2);
      for (const [c, calibrator] of calibrators.entries()) {
        const differences = Array.from({ length: 81 }, (_, i) => {
          const z = (i - 40) / 10;
          return Math.abs(calibrator.probability(z) - exact.calibrators[c].probability(z));
        });
        expect(mean(differences)).toBeLessThan(rows === 1500 ? 0.02 : 0.006);
      }
    }
  });

  it('are the same where parts were added up', () => {
    const given = held(3000, 3, 2);
    const parts = [sketched(given, 0, 1100), sketched(given, 1100, 3000)];
    const sum = parts[0].values.map((value, i) => value + parts[1].values[i]);
    const together = new CalibrationSketch(2, sum);
    expect(together.values.filter((_, i) => i % 3 !== 1)).toEqual(
      sketched(given).values.filter((_, i) => i % 3 !== 1),
    );
    const [one, other] = [together.choose(7), sketched(given).choose(7)];
    expect(one.loss).toBeCloseTo(other.loss, 9);
    expect(one.calibrators.map(({ parameters }) => parameters.kind)).toEqual(
      other.calibrators.map(({ parameters }) => parameters.kind),
    );
  });

  it('leave heads of which hardly anything was seen as they are', () => {
    const { calibrators } = sketched(held(6, 4, 2)).choose(7);
    expect(calibrators.map(({ parameters }) => parameters.kind)).toEqual(['identity', 'identity']);
  });
});
