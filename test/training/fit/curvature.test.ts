import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { cholesky } from '../../../training/fit/curvature.ts';
import { root } from '../../architecture/source-files.ts';
import { choleskyKernel } from './cholesky-kernel.ts';

/** Symmetric and positive definite, as second moments of drawn rows are. */
function moments(size: number, seed: number): Float64Array {
  const random = createRandom(seed);
  const rows = size + 5;
  const values = Float64Array.from({ length: rows * size }, () => random.normal());
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      for (let row = 0; row < rows; row++)
        matrix[i * size + j] += values[row * size + i] * values[row * size + j];
    }
    matrix[i * size + i] += 0.1;
  }
  return matrix;
}

// Eight rows, and two, four or eight columns, are worked on together: sizes with and without a rest.
test.each([
  [1, 1],
  [3, 2],
  [4, 4],
  [5, 1],
  [8, 6],
  [17, 3],
  [31, 8],
  [40, 9],
  [48, 19],
])('a matrix of %i rows is solved for %i right-hand sides, and what follows them stays', (size, columns) => {
  const matrix = moments(size, size);
  const random = createRandom(columns);
  const right = Float64Array.from({ length: (size + 1) * columns }, () => random.normal());
  const solved = right.slice();
  cholesky(matrix.slice(), size).solveInPlace(solved, columns);
  for (let c = 0; c < columns; c++) {
    for (let i = 0; i < size; i++) {
      let product = 0;
      for (let j = 0; j < size; j++) product += matrix[i * size + j] * solved[j * columns + c];
      expect(product).toBeCloseTo(right[i * columns + c], 8);
    }
    expect(solved[size * columns + c]).toBe(right[size * columns + c]);
  }
});

test('a right-hand side is solved to the same bits alone and among others', () => {
  const factor = cholesky(moments(23, 3), 23);
  const random = createRandom(8);
  const right = Float64Array.from({ length: 23 * 7 }, () => random.normal());
  const together = right.slice();
  factor.solveInPlace(together, 7);
  for (let c = 0; c < 7; c++) {
    const alone = Float64Array.from({ length: 23 }, (_, i) => right[i * 7 + c]);
    factor.solveInPlace(alone, 1);
    expect(alone).toEqual(Float64Array.from({ length: 23 }, (_, i) => together[i * 7 + c]));
  }
});

test('a matrix that is only nearly positive definite has a factor that can be used', () => {
  const solved = Float64Array.of(1, 1);
  cholesky(Float64Array.of(1, 1, 1, 1 - 1e-12), 2).solveInPlace(solved, 1);
  expect(solved.every(Number.isFinite)).toBe(true);
});

/** As a book has it, with sums over even and odd positions apart. */
function plainFactor(matrix: Float64Array, size: number): Float64Array {
  const lower = matrix.slice();
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      const sums = [0, 0];
      for (let k = 0; k < j; k++) sums[k % 2] += lower[i * size + k] * lower[j * size + k];
      const rest = lower[i * size + j] - sums[0] - sums[1];
      lower[i * size + j] = i === j ? Math.sqrt(rest) : rest / lower[j * size + j];
    }
  return lower;
}

function plainSolve(lower: Float64Array, size: number, x: Float64Array): void {
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i] -= lower[i * size + k] * x[k];
    x[i] /= lower[i * size + i];
  }
  for (let i = size - 1; i >= 0; i--) {
    x[i] /= lower[i * size + i];
    for (let k = 0; k < i; k++) x[k] -= lower[i * size + k] * x[i];
  }
}

test('factors and solutions have the bits of plain loops, also of factors that are used in turn', () => {
  const factors = [7, 16, 25, 60].map((size) => {
    const matrix = moments(size, size);
    const plain = plainFactor(matrix, size);
    const factor = cholesky(matrix, size);
    expect(matrix).toEqual(plain);
    return { factor, plain, size };
  });
  for (const { factor, plain, size } of factors.concat(factors)) {
    const random = createRandom(size);
    const right = Float64Array.from({ length: size }, () => random.normal());
    const solved = right.slice();
    factor.solveInPlace(solved, 1);
    plainSolve(plain, size, right);
    expect(solved).toEqual(right);
  }
});

test('the kernel is the one that is written instruction by instruction', () => {
  const source = readFileSync(join(root, 'training/fit/curvature.ts'), 'utf8');
  const [, literal] = /const KERNEL =\s*([^;]*);/.exec(source)!;
  const bytes = Buffer.from(literal.replaceAll(/[^A-Za-z0-9+/=]|\+\n/g, ''), 'base64');
  expect(bytes.toString('hex')).toBe(choleskyKernel());
});
