import { createRandom } from 'pointsman/math';

export interface TwoSampleOptions {
  /** Rows drawn of each sample at most; the work grows with their square. @default 200 */
  readonly rows?: number;
  /** @default 200 */
  readonly permutations?: number;
  /** @default 0 */
  readonly seed?: number;
}

export interface TwoSampleResult {
  /** Squared maximum mean discrepancy, unbiased: about 0 for two samples of one thing. */
  readonly discrepancy: number;
  /** Share of the permutations with as large a discrepancy. NaN where a sample has fewer than two rows. */
  readonly pValue: number;
  readonly rows: readonly [number, number];
}

/**
 * Whether two sets of vectors come from one distribution: maximum mean discrepancy with a Gaussian kernel as wide as the
 * median distance, and a permutation test (Gretton et al. 2012, sections 2 and 5). Cost is bounded: both are thinned.
 *
 * @param vectors `[all, dimensions]` @param a @param b rows of them
 */
export function twoSampleTest(
  vectors: Float32Array,
  dimensions: number,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { rows = 200, permutations = 200, seed = 0 }: TwoSampleOptions = {},
): TwoSampleResult {
  const random = createRandom(seed);
  const thin = (sample: ArrayLike<number>) => random.shuffle(Array.from(sample)).slice(0, rows);
  const [first, second] = [thin(a), thin(b)];
  const all = [...first, ...second];
  const sizes = [first.length, second.length] as const;
  if (sizes.some((size) => size < 2)) return { discrepancy: Number.NaN, pValue: Number.NaN, rows: sizes };
  const kernel = gaussianKernel(vectors, dimensions, all);
  const order = Int32Array.from(all.keys());
  const discrepancy = meanDiscrepancy(kernel, order, sizes[0]);
  let asLarge = 0;
  for (let i = 0; i < permutations; i++)
    if (meanDiscrepancy(kernel, random.shuffle(order), sizes[0]) >= discrepancy) asLarge++;
  return { discrepancy, pValue: (asLarge + 1) / (permutations + 1), rows: sizes };
}

/** `[all, all]`, by the median of the squared distances. */
function gaussianKernel(vectors: Float32Array, dimensions: number, all: readonly number[]): Float64Array {
  const n = all.length;
  const squared = new Float64Array(n * n);
  const above: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      let sum = 0;
      const [from, other] = [all[i] * dimensions, all[j] * dimensions];
      for (let k = 0; k < dimensions; k++) sum += (vectors[from + k] - vectors[other + k]) ** 2;
      squared[i * n + j] = sum;
      squared[j * n + i] = sum;
      above.push(sum);
    }
  }
  above.sort((one, other) => one - other);
  const width = above[above.length >> 1] || 1;
  return squared.map((distance) => Math.exp(-distance / width));
}

/** The first `size` of `order` against the rest, pairs of a row with itself left out. */
function meanDiscrepancy(kernel: Float64Array, order: Int32Array, size: number): number {
  const n = order.length;
  const sign = new Float64Array(n);
  // Weights that make the three means of the estimate one sum over pairs.
  let [inFirst, inSecond, between] = [0, 0, 0];
  for (let i = 0; i < n; i++) sign[order[i]] = i < size ? 1 : 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const value = kernel[i * n + j];
      const both = sign[i] + sign[j];
      if (both === 2) inFirst += value;
      else if (both === 0) inSecond += value;
      else between += value;
    }
  }
  const rest = n - size;
  return (
    (2 * inFirst) / (size * (size - 1)) + (2 * inSecond) / (rest * (rest - 1)) - (2 * between) / (size * rest)
  );
}
