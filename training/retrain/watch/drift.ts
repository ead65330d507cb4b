import { readPrompt } from 'pointsman';
import { createRandom, quantileSorted } from 'pointsman/internal';
import { formatSignedPoints, formatTimes } from '../../words.ts';
import {
  type CandidateShift,
  findShifts,
  type ScoredTraffic,
  type ShiftOptions,
} from './candidate-shifts.ts';

interface DriftOptions extends ShiftOptions {
  /** Population stability index from which on there is an alarm, where chance does not explain it. @default 0.2 */
  readonly stability?: number;
  /**
   * How far scores must have moved besides, as a mean of probabilities: those of prompts that a router learned from differ by a
   * hair from those of prompts it did not, and where scores lie close together a hair fills other bins. @default 0.02
   */
  readonly scoreDistance?: number;
  /** Chance of an alarm about embeddings when nothing has changed, and of one about each population. @default 0.01 */
  readonly pValue?: number;
  /** Rows of each sample of embeddings. @default 200 */
  readonly rows?: TwoSampleOptions['rows'];
  /** @default 0 */
  readonly seed?: number;
}

/** What has changed in the newest traffic, against that before. Plain JSON. */
export interface DriftReport {
  readonly populations: readonly (PopulationStability & { readonly what: string; readonly alarm: boolean })[];
  /** Null without embeddings. */
  readonly embeddings: (TwoSampleResult & { readonly alarm: boolean }) | null;
  readonly candidates: readonly CandidateShift[];
  readonly alarms: readonly Alarm[];
}

/**
 * Compares newest prompts with those before (what is asked: scores, signals, embeddings), and each candidate's outcomes with
 * what the router predicts of them, day by day (what is answered).
 *
 * What is asked is compared by one prompt of each near-duplicate group, drawn from all of them in both samples: its copies
 * are no further evidence. Drawn from both together, since those that are asked again and again are in both: to leave them out
 * of one alone would be a difference of its own making.
 *
 * @param groups near-duplicate group of each prompt of the matrix
 * @param newest @param before prompts of the matrix
 * @param embeddings of every prompt, `[prompts, dimensions]`; null leaves them out
 */
export function findDrift(
  traffic: ScoredTraffic,
  groups: ArrayLike<number>,
  newest: Int32Array,
  before: Int32Array,
  embeddings: { readonly values: Float32Array; readonly columns: number } | null,
  options: DriftOptions = {},
): DriftReport {
  const { stability = 0.2, scoreDistance = 0.02, pValue = 0.01, rows = 200, seed = 0 } = options;
  const [older, newer] = oneAGroup(groups, before, newest, seed);
  const isShift = ({ index, pValue: p }: PopulationStability) => index >= stability && p <= pValue;
  const populations = measures(traffic, scoreDistance).map(({ leastDistance = 0, of, what }) => {
    const [reference, current] = [older, newer].map((part) => Array.from(part, of));
    if (typeof reference[0] !== 'number') {
      const found = categoryStability(reference, current, { seed });
      return { what, ...found, alarm: isShift(found) };
    }
    const found = populationStability(reference as number[], current as number[], { seed });
    return { what, ...found, alarm: isShift(found) && found.distance >= leastDistance };
  });
  const tested =
    embeddings && twoSampleTest(embeddings.values, embeddings.columns, older, newer, { rows, seed });
  const candidates = findShifts(traffic, groups, options);
  const alarmed = tested !== null && tested.pValue <= pValue;
  return {
    populations,
    embeddings: tested && { ...tested, alarm: alarmed },
    candidates,
    alarms: [
      ...candidates.filter(({ alarm }) => alarm).map(describeShift),
      ...populations
        .filter(({ alarm }) => alarm)
        .map(
          ({ index, what }): Alarm => ({
            kind: 'population',
            subject: what,
            sentence: `The newest prompts differ from those before in ${what}: population stability index ${index.toFixed(2)}.`,
          }),
        ),
      ...(alarmed
        ? [
            {
              kind: 'embeddings',
              subject: 'prompts',
              sentence: `The newest prompts are about other things than those before: p = ${tested.pValue.toFixed(3)} (maximum mean discrepancy).`,
            } as const,
          ]
        : []),
    ],
  };
}

/** One row of each group, by lot among its rows in both parts; what is drawn of each part. */
function oneAGroup(
  groups: ArrayLike<number>,
  before: Int32Array,
  newest: Int32Array,
  seed: number,
): [Int32Array, Int32Array] {
  const order = createRandom(seed).shuffle(joined(before, newest));
  const drawn = new Map<number, number>();
  for (const row of order) drawn.set(groups[row], row);
  const kept = new Set(drawn.values());
  return [before.filter((row) => kept.has(row)), newest.filter((row) => kept.has(row))];
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  const all = new Int32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** What is looked at of a prompt. */
function measures(
  { chosen, matrix, success }: ScoredTraffic,
  scoreDistance: number,
): { what: string; of: (row: number) => unknown; leastDistance?: number }[] {
  const columns = matrix.candidates.length;
  const { prompts } = matrix;
  return [
    {
      what: 'the score of the chosen candidate',
      of: (row) => success[row * columns + chosen[row]],
      leastDistance: scoreDistance,
    },
    { what: 'the candidate chosen', of: (row) => matrix.candidates[chosen[row]] },
    { what: 'the length of the prompt', of: (row) => readPrompt(prompts[row].request).text.length },
    ...(prompts.some(({ task }) => task !== null)
      ? [{ what: 'the task', of: (row: number) => prompts[row].task ?? '' }]
      : []),
    ...(prompts.some(({ tier }) => tier !== null)
      ? [{ what: 'the tier', of: (row: number) => prompts[row].tier ?? '' }]
      : []),
  ];
}

/** Something that a person should look at. */
export interface Alarm {
  readonly kind: 'candidate' | 'population' | 'embeddings' | 'quarantine' | 'future' | 'failed';
  /** What it is about: a candidate's name, a batch, a signal. */
  readonly subject: string;
  readonly sentence: string;
}

/** A candidate's shift in a sentence that names it. */
function describeShift({ candidate, changedOn, measure, shift, z }: CandidateShift): Alarm {
  const size = shift ?? 0;
  const says =
    measure === 'quality'
      ? `${size < 0 ? 'Worse' : 'Better'} answers of ${candidate} since ${changedOn}: beside what the router expects, ${formatSignedPoints(size)} points against before`
      : `The ${measure === 'costUsd' ? 'cost' : 'latency'} of ${candidate}, beside what the router expects, is ${formatTimes(Math.exp(size))} times what it was before ${changedOn}`;
  return {
    kind: 'candidate',
    subject: candidate,
    sentence: `${says} (${Math.abs(z ?? 0).toFixed(1)} standard errors).`,
  };
}

/** How far two samples of one thing are apart. */
export interface PopulationStability {
  /** Population stability index, what chance adds taken off, never below 0. NaN where a sample is empty. */
  readonly index: number;
  /** Share of the permutations with as large an index. NaN where a sample is empty. */
  readonly pValue: number;
  readonly reference: number;
  readonly current: number;
}

/** A population stability index of numbers, which knows their unit. */
interface NumericStability extends PopulationStability {
  /** Earth mover's distance between the samples: how far the mean value moves, in the values' unit. NaN where one is empty. */
  readonly distance: number;
}

interface StabilityOptions {
  /** @default 200 */
  readonly permutations?: number;
  /** @default 0 */
  readonly seed?: number;
}

/**
 * Added to each count, so that a category which one sample happens not to have is rare, not impossible (Krichevsky and
 * Trofimov 1981). A floor under the shares makes of the rarest of many categories, seen once before and not now, a shift.
 */
const SMOOTHING = 0.5;

/**
 * Population stability index of numbers: the sum of (share − reference share) · ln(share / reference share) over bins of equal
 * mass in both samples together. By custom 0.1 is worth a look and 0.2 is a shift. Rows must be independent: one a
 * near-duplicate group.
 */
export function populationStability(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { bins = 10, ...options }: StabilityOptions & { readonly bins?: number } = {},
): NumericStability {
  // Of both together, since permutations hold only for what does not know which sample is which.
  const sorted = Float64Array.from(Array.from(reference).concat(Array.from(current))).sort();
  const edges: number[] = [];
  for (let bin = 1; bin < bins; bin++) {
    const edge = sorted[Math.min(sorted.length - 1, Math.round((bin * sorted.length) / bins))];
    // Many equal values make bins that would hold nothing.
    if (edges.length === 0 || edge > edges[edges.length - 1]) edges.push(edge);
  }
  const binOf = (value: number) => {
    let bin = 0;
    while (bin < edges.length && value >= edges[bin]) bin++;
    return bin;
  };
  return {
    ...categoryStability(Array.from(reference, binOf), Array.from(current, binOf), options),
    distance: earthMoversDistance(Float64Array.from(reference).sort(), Float64Array.from(current).sort()),
  };
}

/** Of two sorted samples on a line: the mean distance between their quantiles, at a hundred places. */
function earthMoversDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < 100; i++) {
    const share = (i + 0.5) / 100;
    sum += Math.abs(quantileSorted(a, share) - quantileSorted(b, share));
  }
  return sum / 100;
}

/**
 * The same of categories. Samples of one thing have an index above 0 by chance, the more so the more categories there are; what
 * it is on average over permutations of the rows is taken off, and how many of them reach it is the p-value, which is
 * exact however rare the categories (a formula such as (categories − 1)(1/n + 1/m) needs some of each).
 */
export function categoryStability<Category>(
  reference: readonly Category[],
  current: readonly Category[],
  { permutations = 200, seed = 0 }: StabilityOptions = {},
): PopulationStability {
  const sizes = { reference: reference.length, current: current.length };
  if (sizes.reference === 0 || sizes.current === 0)
    return { index: Number.NaN, pValue: Number.NaN, ...sizes };
  const { codes, categories } = numbered(reference.concat(current));
  const totals = countOf(codes, codes.length, categories);
  const indexOf = (counts: Float64Array, size: number) => stabilityIndex(counts, totals, size, codes.length);
  const seen = indexOf(countOf(codes, sizes.reference, categories), sizes.reference);
  const random = createRandom(seed);
  // The index is the same from both sides, so that drawing the smaller sample is enough.
  const drawn = Math.min(sizes.reference, sizes.current);
  let [sum, asLarge] = [0, 0];
  for (let i = 0; i < permutations; i++) {
    for (let at = 0; at < drawn; at++) {
      const other = at + random.integer(codes.length - at);
      [codes[at], codes[other]] = [codes[other], codes[at]];
    }
    const index = indexOf(countOf(codes, drawn, categories), drawn);
    sum += index;
    // Sums in another order differ in their last digits.
    if (index >= seen - 1e-12) asLarge++;
  }
  return {
    index: Math.max(0, seen - sum / permutations),
    pValue: (asLarge + 1) / (permutations + 1),
    ...sizes,
  };
}

function numbered<Category>(list: readonly Category[]): { codes: Int32Array; categories: number } {
  const numbers = new Map<Category, number>();
  const codes = Int32Array.from(list, (category) => {
    const known = numbers.get(category) ?? numbers.size;
    numbers.set(category, known);
    return known;
  });
  return { codes, categories: numbers.size };
}

/** How often each category is among the first `size`. */
function countOf(codes: Int32Array, size: number, categories: number): Float64Array {
  const counts = new Float64Array(categories);
  for (let at = 0; at < size; at++) counts[codes[at]]++;
  return counts;
}

/** @param counts of one sample, of `size` @param totals of both together, of `all` */
function stabilityIndex(counts: Float64Array, totals: Float64Array, size: number, all: number): number {
  const added = SMOOTHING * counts.length;
  let index = 0;
  for (let category = 0; category < counts.length; category++) {
    const own = (counts[category] + SMOOTHING) / (size + added);
    const other = (totals[category] - counts[category] + SMOOTHING) / (all - size + added);
    index += (own - other) * Math.log(own / other);
  }
  return index;
}

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
