import { type CalibrationBin, debiasedCalibrationError } from '../../evaluate/metrics.ts';
import { clusteredMean } from '../../fit/rows.ts';
import { clipWeights } from '../../off-policy/estimate.ts';
import { type DoubtTable, doubtTable, pseudoOutcomes } from '../../off-policy/score-interval.ts';
import { type OutcomeMatrix, takeNumbers } from '../../outcomes/matrix.ts';

/** What every choice would have got on the judged rows, however the log came about. */
export interface ValueTable {
  readonly candidates: readonly string[];
  /** Quality where every candidate was seen on every row, else doubly robust scores, which may leave 0 to 1. */
  readonly quality: Float64Array; // [rows, candidates]
  /** No gaps; null where the cost of a candidate is nowhere known. US dollars. */
  readonly costUsd: Float64Array | null; // [rows, candidates]
  /** 1 where a quality was seen. */
  readonly observed: Uint8Array; // [rows, candidates]
  readonly kind: 'full' | 'doubly robust';
  /** How much of each value was seen, and how much could be. */
  readonly doubt: DoubtTable;
  /** Share of the log's weights, in sum, that was cut. */
  readonly clippedMass: number;
  /** Near-duplicate group of each row: they are resampled together. */
  readonly groups: Int32Array; // [rows]
  /** Where each row came from: day and source. */
  readonly batches: readonly string[]; // [rows]
  readonly slices: readonly Slicing[];
}

/** A way to part the rows, and the part of each; null is in none. */
interface Slicing {
  readonly by: 'task' | 'tier';
  readonly of: readonly (string | null)[]; // [rows]
}

interface ValueTableInput {
  readonly matrix: OutcomeMatrix;
  /** Prompts of the matrix that judge. */
  readonly rows: Int32Array;
  /** Near-duplicate group of each prompt of the matrix. */
  readonly groups: Int32Array;
  /** Day and source of each prompt of the matrix. */
  readonly batches: readonly string[];
  /** Of `loggingPropensities`: `[prompts, candidates]` */
  readonly propensities: Float64Array;
  /** Probability that the log gave a prompt to a candidate, seen or not; NaN where it is not known: `[prompts, candidates]` */
  readonly policy?: Float64Array | null;
  /** What a router that never saw these rows expects: `[rows, candidates]` */
  readonly expected: Float64Array;
  /** The same of costs, NaN where it knows none. */
  readonly expectedCostUsd: Float64Array;
  /** Inverse propensities above this are cut. */
  readonly clip: number;
  /** Whether all that counts was seen on these rows, so that nothing is estimated; what was not is NaN then. @default where every cell was */
  readonly readOff?: boolean;
}

/** Under so many observed costs, what a router expects of them is not put right by them. */
const FEW_COSTS = 10;

/** Makes one table of a log of one candidate a prompt, of a benchmark of all, or of a mix of both. */
export function valueTable(input: ValueTableInput): ValueTable {
  const { matrix, rows, expected } = input;
  const columns = matrix.candidates.length;
  const seen = takeNumbers(matrix.quality, columns, rows);
  const observed = Uint8Array.from(seen, (value) => Number(!Number.isNaN(value)));
  const full = input.readOff ?? observed.every((cell) => cell === 1);
  const propensities = takeNumbers(input.propensities, columns, rows);
  const quality = full ? seen : pseudoOutcomes({ quality: seen, propensities, expected, clip: input.clip });
  const prompts = Array.from(rows, (row) => matrix.prompts[row]);
  return {
    candidates: matrix.candidates,
    quality,
    costUsd: completeCosts(takeNumbers(matrix.costUsd, columns, rows), input.expectedCostUsd, columns),
    observed,
    kind: full ? 'full' : 'doubly robust',
    clippedMass: full
      ? 0
      : clipWeights(
          propensities.map((propensity) => 1 / propensity),
          input.clip,
        ).clippedMass,
    doubt: full
      ? { candidates: columns, leverage: new Float64Array(seen.length).fill(1), slack: null }
      : doubtTable(
          {
            candidates: columns,
            quality: seen,
            propensities,
            policy: input.policy ? takeNumbers(input.policy, columns, rows) : null,
            expected,
            clusters: input.groups,
          },
          input.clip,
        ),
    groups: Int32Array.from(rows, (row) => input.groups[row]),
    batches: Array.from(rows, (row) => input.batches[row]),
    slices: [
      { by: 'task', of: prompts.map(({ task }) => task) },
      { by: 'tier', of: prompts.map(({ tier }) => tier) },
    ],
  };
}

/**
 * Fills gaps with what a router expects, times what the candidate's observed costs were of what it expected of them:
 * prices may have changed since it learned them. @returns null where a candidate has no cost at all
 */
function completeCosts(observed: Float64Array, expected: Float64Array, columns: number): Float64Array | null {
  const costs = observed.slice();
  for (let c = 0; c < columns; c++) {
    let [sum, sumExpected, count, countExpected] = [0, 0, 0, 0];
    for (let cell = c; cell < costs.length; cell += columns) {
      if (Number.isNaN(observed[cell])) continue;
      sum += observed[cell];
      count++;
      if (Number.isNaN(expected[cell])) continue;
      sumExpected += expected[cell];
      countExpected++;
    }
    const ratio = countExpected >= FEW_COSTS && sumExpected > 0 ? sum / sumExpected : 1;
    const mean = count > 0 ? sum / count : Number.NaN;
    for (let cell = c; cell < costs.length; cell += columns) {
      if (!Number.isNaN(costs[cell])) continue;
      costs[cell] = Number.isNaN(expected[cell]) ? mean : expected[cell] * ratio;
      if (Number.isNaN(costs[cell])) return null;
    }
  }
  return costs;
}

const BINS = 10;

/**
 * Calibration error as it would be had every cell been seen: each one that was counts by its weight, the inverse of its
 * propensity. Bins of equal mass by probability; what sampling noise adds is taken off as in
 * `debiasedCalibrationError`. Cells with a NaN are left out.
 *
 * @param probabilities `[cells]` @param labels `[cells]`, 0 to 1 @param weights `[cells]`, >= 0
 * @param groups near-duplicate group of each cell
 * @returns null where no cell has all three
 */
export function weightedCalibration(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number>,
  groups: ArrayLike<number>,
): number | null {
  const order: number[] = [];
  let total = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (Number.isNaN(probabilities[i]) || Number.isNaN(labels[i]) || !(weights[i] > 0)) continue;
    order.push(i);
    total += weights[i];
  }
  if (order.length === 0) return null;
  order.sort((a, b) => probabilities[a] - probabilities[b]);
  const bins: CalibrationBin[] = [];
  let cells: number[] = [];
  let mass = 0;
  order.forEach((cell, at) => {
    cells.push(cell);
    mass += weights[cell];
    const next = order[at + 1];
    const whole = mass >= ((bins.length + 1) * total) / BINS;
    if (next !== undefined && (!whole || probabilities[next] === probabilities[cell])) return;
    bins.push(summarise(cells, probabilities, labels, weights, groups));
    cells = [];
  });
  return debiasedCalibrationError(bins);
}

/** `rows` is the weight of the bin; the standard error is that of a weighted mean (Cochran 1977, section 2.11). */
function summarise(
  cells: readonly number[],
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number>,
  groups: ArrayLike<number>,
): CalibrationBin {
  let [total, predicted, observed] = [0, 0, 0];
  for (const cell of cells) {
    total += weights[cell];
    predicted += weights[cell] * probabilities[cell];
    observed += weights[cell] * labels[cell];
  }
  predicted /= total;
  observed /= total;
  const { standardError } = clusteredMean(
    Float64Array.from(cells, (cell) => labels[cell] - probabilities[cell]),
    cells.map((cell) => groups[cell]),
    cells.map((cell) => weights[cell]),
  );
  return {
    rows: total,
    predicted,
    observed,
    standardError: Number.isFinite(standardError) ? standardError : null,
  };
}
