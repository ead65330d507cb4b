import { EigenvalueDecomposition, Matrix as Square } from 'ml-matrix';
import { InvalidInputError } from 'pointsman';
import { createRandom, dot, moments } from 'pointsman/internal';

import { fitLinear, type LinearOptions } from './linear.ts';
import type { FitData, Loss } from './loss.ts';
import { chainHead, type DenseLayer, type Matrix, predictRows } from './rows.ts';

interface FactorisationOptions extends Omit<LinearOptions, 'start' | 'towards'> {
  /** Numbers a prompt and a candidate are described by; at most the candidates. */
  readonly rank: number;
  /** Penalty on the candidates' vectors, in the units of `l2`. @default 1 */
  readonly candidateL2?: number;
}

/** Prompt vectors, then candidates: logits = (x U + u) V + b. A `DenseChain`, to be exported as any other. */
type Factorisation = readonly [prompts: DenseLayer, candidates: DenseLayer];

/**
 * Low-rank fit: a full linear fit, its best approximation of the rank over these rows (reduced-rank regression,
 * Izenman 1975), then the candidates' vectors fitted again on it. Prompt vectors come out with mean 0 and
 * variance 1 in each direction, so that the penalty on candidates' vectors means the same whatever the features.
 */
export async function fitMatrixFactorisation(
  data: FitData,
  loss: Loss,
  options: FactorisationOptions,
): Promise<Factorisation> {
  const { rank, candidateL2 = 1, ...linear } = options;
  const outputs = data.targets.columns;
  if (!(Number.isInteger(rank) && rank > 0 && rank <= outputs)) {
    throw new InvalidInputError(`\`rank\` of fitMatrixFactorisation must be in 1..${outputs}. Got ${rank}.`);
  }
  const { layer } = await fitLinear(data, loss, linear);
  const directions = leadingDirections(predictRows(chainHead([layer]), data.features), rank);
  const prompts = standardised(project(layer, directions, rank), data.features);
  const vectors = predictRows(chainHead([prompts]), data.features);
  const candidates = await fitLinear({ ...data, features: vectors }, loss, { l2: candidateL2 });
  return [prompts, candidates.layer];
}

/** The directions of output space along which predictions vary most, `[outputs, rank]` row-major. */
function leadingDirections({ rows, columns, values }: Matrix, rank: number): Float64Array {
  const centre = Float64Array.from({ length: columns }, (_, c) => moments(column(values, columns, c)).mean);
  const covariance = Square.zeros(columns, columns);
  for (let row = 0; row < rows; row++) {
    for (let a = 0; a < columns; a++) {
      const x = values[row * columns + a] - centre[a];
      for (let b = 0; b <= a; b++) {
        covariance.set(a, b, covariance.get(a, b) + x * (values[row * columns + b] - centre[b]));
      }
    }
  }
  for (let a = 0; a < columns; a++) for (let b = 0; b < a; b++) covariance.set(b, a, covariance.get(a, b));
  // Eigenvalues come ascending.
  const { eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const directions = new Float64Array(columns * rank);
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rank; r++) directions[c * rank + r] = eigenvectorMatrix.get(c, columns - 1 - r);
  }
  return directions;
}

function project(layer: DenseLayer, directions: Float64Array, rank: number): DenseLayer {
  const kernel = new Float32Array(layer.inputs * rank);
  for (let j = 0; j < layer.inputs; j++) {
    for (let r = 0; r < rank; r++) {
      let sum = 0;
      for (let c = 0; c < layer.outputs; c++) {
        sum += layer.kernel[j * layer.outputs + c] * directions[c * rank + r];
      }
      kernel[j * rank + r] = sum;
    }
  }
  return { inputs: layer.inputs, outputs: rank, kernel, bias: new Float32Array(rank), activation: 'linear' };
}

function standardised(layer: DenseLayer, features: Matrix): DenseLayer {
  const vectors = predictRows(chainHead([layer]), features);
  const { outputs } = layer;
  const kernel = layer.kernel.slice();
  const bias = new Float32Array(outputs);
  for (let r = 0; r < outputs; r++) {
    const { mean, variance } = moments(column(vectors.values, outputs, r));
    const scale = variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
    for (let j = 0; j < layer.inputs; j++) kernel[j * outputs + r] *= scale;
    bias[r] = -mean * scale;
  }
  return { ...layer, kernel, bias };
}

function column(values: Float32Array, columns: number, c: number): Float32Array {
  return Float32Array.from({ length: values.length / columns }, (_, row) => values[row * columns + c]);
}

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
        const along = dot(columns[k], column);
        for (let i = 0; i < column.length; i++) column[i] -= along * columns[k][i];
      }
      const norm = Math.sqrt(dot(column, column));
      for (let i = 0; i < column.length; i++) column[i] = norm < 1e-9 ? 0 : column[i] / norm;
    });
  }
  return new Square(columns.map((column) => Array.from(column))).transpose();
}
