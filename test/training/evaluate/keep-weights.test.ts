import { expect, test } from 'vitest';
import { keepToLoss, type WeighedRows } from '../../../training/evaluate/setting-worth.ts';

const ROWS = 1000;

/** Every setting chooses the second of two candidates, and the log never saw a difference. */
function weighed(heavy: number, weight: number): WeighedRows {
  const chosen = new Int32Array(ROWS).fill(1);
  return {
    choose: () => chosen,
    valued: {
      isEstimated: true,
      costsUnknown: [],
      measure: () => [],
      refuse: () => null,
      comparison: {
        positions: Int32Array.from(chosen.keys()),
        prompts: Int32Array.from(chosen.keys()),
        groups: Int32Array.from(chosen.keys()),
        compared: [0, 1],
        quality: new Float64Array(2 * ROWS).fill(0.95),
        costUsd: new Float64Array(2 * ROWS).fill(0.001),
        latencyMs: new Float64Array(2 * ROWS),
        chosen,
        doubt: {
          candidates: 2,
          leverage: Float64Array.from({ length: 2 * ROWS }, (_, cell) => (cell < 2 * heavy ? weight : 0)),
          slack: null,
        },
      },
    },
  };
}

test('a loss is not guaranteed by a few heavy outcomes in which nothing was lost', () => {
  const few = keepToLoss(weighed(20, 50), 0, 0.02);
  expect(few.guarantee).toBeNull();
  expect(few.weights).toBeNull();
  expect(keepToLoss(weighed(ROWS, 1), 0, 0.02).guarantee).toMatchObject({ maxLoss: 0.02, rows: ROWS });
});
