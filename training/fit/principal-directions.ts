import { EigenvalueDecomposition, Matrix as Square } from 'ml-matrix';
import { createRandom } from 'pointsman/internal';
import type { Matrix } from './rows.ts';

const OVERSAMPLING = 8;
const POWER_STEPS = 4;

/** Eigenvectors of the second moments, by subspace iteration; `directions` is `[components, length]`. */
export function principalDirections(
  { rows, columns, values }: Matrix,
  components: number,
  seed: number,
): { readonly directions: number[]; readonly variances: number[] } {
  const width = Math.min(components + OVERSAMPLING, columns, rows);
  if (components < 1) return { directions: [], variances: [] };
  const random = createRandom(seed);
  let basis = Square.from1DArray(
    columns,
    width,
    Float64Array.from({ length: columns * width }, () => random.normal()),
  );
  for (let step = 0; step <= POWER_STEPS; step++) {
    basis = orthonormal(basis);
    if (step < POWER_STEPS) basis = secondMomentsTimes({ rows, columns, values }, basis);
  }
  const projected = Square.from1DArray(rows, width, times({ rows, columns, values }, basis));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(
    projected
      .transpose()
      .mmul(projected)
      .mul(1 / rows),
    { assumeSymmetric: true },
  );
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const directions: number[] = [];
  for (const k of order.slice(0, components)) {
    const direction = basis.mmul(Square.columnVector(eigenvectorMatrix.getColumn(k))).to1DArray();
    for (const value of direction) directions.push(value);
  }
  return { directions, variances: order.slice(0, components).map((k) => realEigenvalues[k]) };
}

/** data · basis, row-major. Tall matrices are walked in the order they lie in, which ml-matrix's product does not do. */
function times({ rows, columns, values }: Matrix, basis: Square): Float64Array {
  const [right, width] = [Float64Array.from(basis.to1DArray()), basis.columns];
  const out = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < columns; k++) {
      const value = values[row * columns + k];
      for (let j = 0; j < width; j++) out[row * width + j] += value * right[k * width + j];
    }
  }
  return out;
}

/** dataᵀ · (data · basis) */
function secondMomentsTimes(data: Matrix, basis: Square): Square {
  const { rows, columns, values } = data;
  const [left, width] = [times(data, basis), basis.columns];
  const out = new Float64Array(columns * width);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < columns; k++) {
      const value = values[row * columns + k];
      for (let j = 0; j < width; j++) out[k * width + j] += value * left[row * width + j];
    }
  }
  return Square.from1DArray(columns, width, out);
}

/** Gram–Schmidt, twice for the digits. Columns that vanish stay zero. */
function orthonormal(matrix: Square): Square {
  const columns = Array.from({ length: matrix.columns }, (_, j) => Float64Array.from(matrix.getColumn(j)));
  for (let pass = 0; pass < 2; pass++) {
    columns.forEach((column, j) => {
      for (let k = 0; k < j; k++) {
        const along = inner(columns[k], column);
        for (let i = 0; i < column.length; i++) column[i] -= along * columns[k][i];
      }
      const norm = Math.sqrt(inner(column, column));
      for (let i = 0; i < column.length; i++) column[i] = norm < 1e-9 ? 0 : column[i] / norm;
    });
  }
  return new Square(columns.map((column) => Array.from(column))).transpose();
}

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
