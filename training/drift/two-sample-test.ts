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
 * @param vectors `[all, dimensions]` @param a @param b rows of them, independent of one another: one a near-duplicate group
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
  const sums = Float64Array.from(all, (_, i) => {
    let sum = -kernel[i * all.length + i];
    for (let j = 0; j < all.length; j++) sum += kernel[i * all.length + j];
    return sum;
  });
  const order = Int32Array.from(all.keys());
  const discrepancy = meanDiscrepancy(kernel, sums, order, sizes[0]);
  let asLarge = 0;
  for (let i = 0; i < permutations; i++)
    // The same rows in another order differ in their last digits.
    if (meanDiscrepancy(kernel, sums, random.shuffle(order), sizes[0]) >= discrepancy - 1e-12) asLarge++;
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

/**
 * The first `size` of `order` against the rest, pairs of a row with itself left out. Only the pairs within the first are added
 * up: those within the rest and between follow from the sums over all.
 * @param sums of each row of the kernel without its diagonal
 */
function meanDiscrepancy(kernel: Float64Array, sums: Float64Array, order: Int32Array, size: number): number {
  const n = order.length;
  let inFirst = 0; // each pair once
  let ofFirst = 0; // pairs within the first twice, between once
  for (let i = 0; i < size; i++) {
    const from = order[i] * n;
    ofFirst += sums[order[i]];
    for (let j = i + 1; j < size; j++) inFirst += kernel[from + order[j]];
  }
  let all = 0; // each pair twice
  for (const sum of sums) all += sum;
  const between = ofFirst - 2 * inFirst;
  const inSecond = all / 2 - inFirst - between;
  const rest = n - size;
  return (
    (2 * inFirst) / (size * (size - 1)) + (2 * inSecond) / (rest * (rest - 1)) - (2 * between) / (size * rest)
  );
}
