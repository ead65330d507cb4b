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
