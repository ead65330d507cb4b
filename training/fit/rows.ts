import { EigenvalueDecomposition, Matrix as Square } from 'ml-matrix';
import { type Activation, activate, createRandom, Dense, dot, type Head } from 'pointsman/internal';

/** Numbers in rows, row-major. A row of features, of targets (NaN: unobserved), or of predictions. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array; // [rows, columns]
}

/** A matrix of zeros. */
export function createMatrix(rows: number, columns: number): Matrix {
  return { rows, columns, values: new Float32Array(rows * columns) };
}

/** The named rows, in the order given. */
export function takeRows(matrix: Matrix, rows: ArrayLike<number>): Matrix {
  const { columns } = matrix;
  const taken = createMatrix(rows.length, columns);
  for (let i = 0; i < rows.length; i++) {
    taken.values.set(matrix.values.subarray(rows[i] * columns, (rows[i] + 1) * columns), i * columns);
  }
  return taken;
}

/** Writes row i of `from` to row `rows[i]` of `to`. */
export function putRows(from: Matrix, rows: Int32Array, to: Matrix): void {
  rows.forEach((row, i) => {
    to.values.set(from.values.subarray(i * from.columns, (i + 1) * from.columns), row * from.columns);
  });
}

/** One column of a matrix. `[rows]` */
export function takeColumn({ rows, columns, values }: Matrix, column: number): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) => values[row * columns + column]);
}

/** Clusters numbered in the order in which they come up. */
export interface NumberedClusters {
  readonly of: Int32Array; // [rows]
  readonly count: number;
}

/** @param clusters `[rows]`, any numbers */
export function numberClusters(clusters: ArrayLike<number>, rows = clusters.length): NumberedClusters {
  const numbers = new Map<number, number>();
  const of = Int32Array.from({ length: rows }, (_, row) => {
    const known = numbers.get(clusters[row]);
    if (known !== undefined) return known;
    numbers.set(clusters[row], numbers.size);
    return numbers.size - 1;
  });
  return { of, count: numbers.size };
}

/** On fewer near-duplicate groups than these nothing is learned: the error of a mean of so few is too unsure itself. */
export const FEWEST_GROUPS = 10;

/** A mean and how far off it may be. */
interface ClusteredMean {
  readonly mean: number;
  /** Rows of a group vary together, so the error is that of the groups' sums; Infinity for fewer than two groups. */
  readonly standardError: number;
  /** With a value and a weight. */
  readonly groups: number;
}

/**
 * Mean of the values that are not NaN, and its error by groups (Liang and Zeger 1986; of a weighted mean: Cochran 1977, section
 * 2.11). None: mean 0 and an infinite error.
 * @param groups near-duplicate group of each value @param weights >= 0. Null: all alike
 */
export function clusteredMean(
  values: Float64Array,
  groups: ArrayLike<number>,
  weights: ArrayLike<number> | null = null,
): ClusteredMean {
  const weightOf = (i: number) => (Number.isNaN(values[i]) ? 0 : weights === null ? 1 : weights[i]);
  let [sum, total] = [0, 0];
  values.forEach((value, i) => {
    const weight = weightOf(i);
    if (!(weight > 0)) return;
    sum += weight * value;
    total += weight;
  });
  if (total === 0) return { mean: 0, standardError: Number.POSITIVE_INFINITY, groups: 0 };
  const mean = sum / total;
  const sums = new Map<number, number>();
  values.forEach((value, i) => {
    const weight = weightOf(i);
    if (weight > 0) sums.set(groups[i], (sums.get(groups[i]) ?? 0) + weight * (value - mean));
  });
  let squares = 0;
  for (const groupSum of sums.values()) squares += groupSum * groupSum;
  const correction = sums.size / (sums.size - 1);
  return {
    mean,
    standardError: sums.size < 2 ? Number.POSITIVE_INFINITY : Math.sqrt(correction * squares) / total,
    groups: sums.size,
  };
}

/** One fold: the rows that are held out of it, and all others. Ascending. */
interface Fold {
  /** Its number. */
  readonly fold: number;
  readonly fit: Int32Array;
  readonly held: Int32Array;
}

/**
 * The rows of each fold in turn.
 * @param folds fold of each row, from `groupedFolds`
 */
export function eachFold(folds: Int32Array): Fold[] {
  const rows = Int32Array.from(folds.keys());
  return Array.from({ length: folds.reduce((most, fold) => Math.max(most, fold + 1), 0) }, (_, fold) => ({
    fold,
    fit: rows.filter((row) => folds[row] !== fold),
    held: rows.filter((row) => folds[row] === fold),
  }));
}

/** How far a fit is. */
export interface FitProgress {
  readonly step: number;
  /** Most steps there can be; it may end before. */
  readonly steps: number;
  /** Mean loss so far, per unit of weight. */
  readonly loss: number;
  /** A guess from the steps so far. */
  readonly secondsLeft: number;
}

export type OnProgress = (progress: FitProgress) => void;

/** How far a cross-validation is. */
export interface FoldProgress {
  /** Folds done. */
  readonly fold: number;
  readonly folds: number;
  /** Mean loss of the fit under way, on the rows it learns from. */
  readonly loss: number;
}

export type OnFold = (progress: FoldProgress) => void;

/**
 * Predicts every row by fits that did not see its fold.
 * @param folds fold of each row, from `groupedFolds`
 * @param fitAndPredict fits on rows `fit`, returns predictions for rows `held`, in order: a matrix for each thing that is tried
 * @returns out-of-fold predictions of each of these, `[rows, outputs]`
 */
export async function crossValidate(
  folds: Int32Array,
  fitAndPredict: (fold: Fold & { readonly onProgress: OnProgress }) => Promise<readonly Matrix[]>,
  onFold: OnFold = () => {},
): Promise<Matrix[]> {
  const outOfFold: Matrix[] = [];
  const all = eachFold(folds);
  for (const { fold, fit, held } of all) {
    const onProgress: OnProgress = ({ loss }) => onFold({ fold, folds: all.length, loss });
    const predicted = await fitAndPredict({ fold, fit, held, onProgress });
    predicted.forEach((matrix, i) => {
      outOfFold[i] ??= createMatrix(folds.length, matrix.columns);
      putRows(matrix, held, outOfFold[i]);
    });
  }
  return outOfFold;
}

/** Penalties are looked for among these, strong to weak. */
const LADDER = [
  100, 30, 10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003, 0.00001,
] as const;

type Penalty = (typeof LADDER)[number];

interface PenaltyRange {
  /** Tried at first, as shares of what penalties are measured by. */
  readonly from: Penalty;
  readonly to: Penalty;
  /** None weaker is tried. @default 0.00001, the weakest there is */
  readonly weakest?: Penalty;
}

/** Penalties that were tried, strong to weak, and what each gave. */
interface TriedPenalties<Tried> {
  readonly shares: readonly number[];
  readonly tried: readonly Tried[];
}

/**
 * Tries a range of penalties, and further ones for as long as the best stands at an end of it: a best one at an end says only
 * that the range was too short. At 100 next to nothing is left of what is fitted, so that end is none.
 *
 * @param attempt what each of some penalties gives, in their order
 * @param best index of the best one for each thing that is asked
 */
export async function searchPenalties<Tried>(
  { from, to, weakest = 0.00001 }: PenaltyRange,
  attempt: (shares: readonly number[]) => Promise<readonly Tried[]>,
  best: (tried: readonly Tried[]) => readonly number[],
): Promise<TriedPenalties<Tried>> {
  let [first, last] = [LADDER.indexOf(from), LADDER.indexOf(to)];
  let tried = await attempt(LADDER.slice(first, last + 1));
  for (;;) {
    const found = best(tried);
    const stronger = found.includes(0) && first > 0;
    const weaker = found.includes(tried.length - 1) && LADDER[last] > weakest;
    if (!stronger && !weaker) return { shares: LADDER.slice(first, last + 1), tried };
    if (weaker) tried = [...tried, ...(await attempt([LADDER[++last]]))];
    if (stronger) tried = [...(await attempt([LADDER[--first]])), ...tried];
  }
}

/**
 * Deals groups to folds, the largest first and each to the fold with the fewest rows, so that no group straddles.
 * @param groups group of each row, any numbers
 * @param folds at least 2; fewer come out when there are fewer groups
 * @returns fold of each row, 0 to folds - 1
 */
export function groupedFolds(groups: ArrayLike<number>, folds: number, seed: number): Int32Array {
  const sizes = new Map<number, number>();
  for (let i = 0; i < groups.length; i++) sizes.set(groups[i], (sizes.get(groups[i]) ?? 0) + 1);
  const order = createRandom(seed).shuffle([...sizes]);
  order.sort((a, b) => b[1] - a[1]);
  const rowsIn = new Int32Array(folds);
  const foldOf = new Map<number, number>();
  for (const [group, size] of order) {
    let smallest = 0;
    for (let fold = 1; fold < folds; fold++) if (rowsIn[fold] < rowsIn[smallest]) smallest = fold;
    foldOf.set(group, smallest);
    rowsIn[smallest] += size;
  }
  return Int32Array.from(groups, (group) => foldOf.get(group) ?? 0);
}

/** One fitted Dense layer. */
export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Float32Array; // [inputs, outputs]
  readonly bias: Float32Array; // [outputs]
  readonly activation: Activation;
}

/**
 * What every fitted head but kNN is: layers one after the other. Chains that begin with the very same layer
 * objects share them in the exported model.
 */
export type DenseChain = readonly DenseLayer[];

/** The head that the chain will be in an artifact, with the kernels that `pointsman` ships. */
export function chainHead(chain: DenseChain): Head {
  const layers = chain.map((layer) => ({
    dense: new Dense(layer.kernel, layer.bias),
    activation: layer.activation,
    value: new Float64Array(layer.outputs),
  }));
  const { inputs } = chain[0];
  const { outputs } = chain[chain.length - 1];
  const input = new Float64Array(inputs);
  return {
    inputs,
    outputs,
    predictInto(features, out) {
      input.set(features);
      let from = input;
      for (const { dense, activation, value } of layers) {
        dense.apply(from, value);
        activate(activation, value);
        from = value;
      }
      out.set(from);
    },
  };
}

/** A head's outputs for every row of features: `[rows, outputs]`. */
export function predictRows(head: Head, features: Matrix): Matrix {
  const predictions = createMatrix(features.rows, head.outputs);
  for (let row = 0; row < features.rows; row++) {
    head.predictInto(
      features.values.subarray(row * features.columns, (row + 1) * features.columns),
      predictions.values.subarray(row * head.outputs, (row + 1) * head.outputs),
    );
  }
  return predictions;
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

/** Numbers of several arrays, one behind the other. */
export function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
