import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { type SparseRows, truncatedSvd } from '../../../training/features/fit-ngrams.ts';

function sparse(dense: number[][]): SparseRows {
  const offsets = [0];
  const columns: number[] = [];
  const values: number[] = [];
  for (const row of dense) {
    row.forEach((value, column) => {
      if (value !== 0) {
        columns.push(column);
        values.push(value);
      }
    });
    offsets.push(columns.length);
  }
  return {
    rows: dense.length,
    offsets: Int32Array.from(offsets),
    columns: Int32Array.from(columns),
    values: Float32Array.from(values),
  };
}

test('a matrix of known rank is found again', () => {
  // rows are combinations of two directions, 3 and 1 strong
  const random = createRandom(1);
  const a = [1, 1, 0, 0, 0, 1].map((x) => x / Math.sqrt(3));
  const b = [0, 0, 1, 1, 0, 0].map((x) => x / Math.sqrt(2));
  const rows = Array.from({ length: 60 }, () => {
    const [u, v] = [3 * random.normal(), random.normal()];
    return a.map((x, i) => u * x + v * b[i]);
  });
  const directions = truncatedSvd(sparse(rows), 6, 3, 0);
  const column = (k: number) => Array.from({ length: 6 }, (_, c) => directions[c * 3 + k]);
  const along = (k: number, direction: number[]) =>
    Math.abs(column(k).reduce((sum, x, i) => sum + x * direction[i], 0));
  expect(along(0, a)).toBeGreaterThan(0.99);
  expect(along(1, b)).toBeGreaterThan(0.99);
  expect(column(2).every((x) => Math.abs(x) < 1e-6)).toBe(true);
});

test('the columns are orthonormal, and the same seed gives the same numbers', () => {
  const random = createRandom(2);
  const rows = Array.from({ length: 40 }, () =>
    Array.from({ length: 30 }, () => (random.next() < 0.2 ? random.next() : 0)),
  );
  const first = truncatedSvd(sparse(rows), 30, 8, 5);
  expect(truncatedSvd(sparse(rows), 30, 8, 5)).toEqual(first);
  for (let i = 0; i < 8; i++)
    for (let j = 0; j < 8; j++) {
      let sum = 0;
      for (let c = 0; c < 30; c++) sum += first[c * 8 + i] * first[c * 8 + j];
      expect(sum).toBeCloseTo(i === j ? 1 : 0, 6);
    }
});
